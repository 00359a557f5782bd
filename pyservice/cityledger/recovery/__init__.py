"""Getting back what was lost: digest and rebuild of the index, scrub, backup, restore."""
