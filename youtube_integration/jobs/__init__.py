"""Jobs of the publish worker."""
