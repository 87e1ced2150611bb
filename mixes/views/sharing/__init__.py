"""Addresses for people without an account: podcast feeds and listen links."""
