"""Mixes from the command line, without a database."""
