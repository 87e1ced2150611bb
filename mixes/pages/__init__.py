"""What each page shows, worked out before the template."""
