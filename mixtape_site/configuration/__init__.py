"""What settings.py reads and derives: addresses, keys, limits, versions."""
