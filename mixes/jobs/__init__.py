"""Queue side: run claimed jobs."""
