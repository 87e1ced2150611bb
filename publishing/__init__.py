"""What every publisher shares, so that each gets the same safety from the same code."""
