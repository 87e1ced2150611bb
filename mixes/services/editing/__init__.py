"""The arrangement of a mix, its history, its plan."""
