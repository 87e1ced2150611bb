"""What a track is as music: beats, bars, key, voices and sections, each with how far to trust it."""
