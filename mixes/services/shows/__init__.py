"""Shows: what is remembered for the next episode, its number, and a show as one file."""
