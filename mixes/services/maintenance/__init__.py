"""Backups, restores, clean-up, account data."""
