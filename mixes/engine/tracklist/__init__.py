"""Chapters, and every text that lists them."""
