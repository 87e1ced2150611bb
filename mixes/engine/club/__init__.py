"""Joins beat on beat: when two songs allow them, where they lie, what is said of them."""
