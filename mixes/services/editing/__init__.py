"""The arrangement of a mix, its history and its plan."""
