"""Pictures for the video and the cover."""
