"""Backups, restores, clean-up and account data."""
