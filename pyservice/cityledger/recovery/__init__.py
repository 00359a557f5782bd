"""Recovery of lost data: digest and rebuild of the index, scrub, backup, restore."""
