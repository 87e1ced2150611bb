"""A track to its measurements."""
