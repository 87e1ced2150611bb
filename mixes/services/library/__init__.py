"""Uploads, tracks and artwork."""
