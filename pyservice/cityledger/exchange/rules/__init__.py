"""The rules on the index, and the two checks that the contract decides alike."""
