"""What is made of a mix."""
