"""The publish worker."""
