"""Decode files to samples and encode samples to files."""
