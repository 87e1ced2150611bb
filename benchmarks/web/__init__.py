"""What the site costs: `make bench-web`."""
