"""Sending files to browsers."""
