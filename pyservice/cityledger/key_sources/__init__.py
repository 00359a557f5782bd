"""Sources of keys outside the keyring: files, commands, a remote signer, security modules."""
