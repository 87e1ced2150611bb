"""Encryption of stored grants."""
