"""For operators: setup, system checks, health and status."""
