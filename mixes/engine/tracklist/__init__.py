"""Chapters, and the text formats that list them."""
