"""What the site's picker and drop zone take for songs, by the table of suffixes that folders use."""

from mixes.engine.suffixes import ARCHIVE_SUFFIXES, AUDIO_SUFFIXES, COMPANION_SUFFIXES, PLAYLIST_SUFFIXES

SUFFIXES = {
    "audio": ",".join(AUDIO_SUFFIXES),
    "playlists": ",".join(PLAYLIST_SUFFIXES),
    "archives": ",".join(ARCHIVE_SUFFIXES),
    "companions": ",".join(COMPANION_SUFFIXES),
}
