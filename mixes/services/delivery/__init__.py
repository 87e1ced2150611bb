"""Files on their way to a browser."""
