"""The video file of an open publication; see `publishing.files`."""

from publishing.files import folder_of, is_unchanged, path_of, remove, store
from youtube_integration.models import YouTubePublication

__all__ = ["KIND", "folder_of", "is_unchanged", "path_of", "remove", "store"]

KIND = YouTubePublication.FOLDER
