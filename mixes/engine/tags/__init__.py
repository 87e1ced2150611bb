"""Artist and title of a track, from its tags or its file name."""
