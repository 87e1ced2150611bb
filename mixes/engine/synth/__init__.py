"""Generated songs for the demo and the tests."""
