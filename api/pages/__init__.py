"""What the pages of the API show."""
