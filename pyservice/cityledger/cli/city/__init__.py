"""Commands on the chain: members, officers, datasets, grants, contracts, and a devnet to try them on."""
