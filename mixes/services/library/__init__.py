"""Uploads, tracks, artwork."""
