"""The directory: members, datasets and their terms. It mirrors the chain and needs no sign-in."""
