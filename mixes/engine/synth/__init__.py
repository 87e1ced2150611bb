"""Songs generated for the demo and the tests."""
