"""Benchmarks of speed, memory and accuracy, compared with other tools: `python -m benchmarks`."""
