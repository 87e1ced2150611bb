"""Files to samples and samples to files."""
