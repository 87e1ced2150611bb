"""Mix jobs, their snapshots and results, and previews."""
