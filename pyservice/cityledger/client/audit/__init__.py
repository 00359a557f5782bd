"""Export of the receipts in which an agency takes part, and its verification."""
