"""How fast, how small and how exact the engine is, each figure beside its rival: `python -m benchmarks`."""
