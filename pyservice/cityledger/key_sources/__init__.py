"""Keys that are kept outside the keyring: files, commands, a remote signer, security modules."""
