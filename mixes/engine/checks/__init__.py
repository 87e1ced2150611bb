"""What can be wrong in a finished mix."""
