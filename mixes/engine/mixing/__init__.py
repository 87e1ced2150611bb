"""Tracks to one sound: planned, joined, rendered, limited."""
