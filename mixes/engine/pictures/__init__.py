"""Pictures of the video and the cover."""
