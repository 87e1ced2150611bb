"""What operators run and read: setup, system checks, health, status."""
