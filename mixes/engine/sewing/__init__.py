"""A timeline to an MP3 of copied and encoded frames."""
