"""Mixes without a database."""
