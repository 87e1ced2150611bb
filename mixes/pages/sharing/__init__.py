"""What addresses for people without an account show."""
