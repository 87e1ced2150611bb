"""What endings of file names tell: which files may be songs, and which never are.

One table for folders, for the site's picker and for names out of file names.
"""

# Of files whose sound can be read, films too
AUDIO_SUFFIXES = (
    *(
        ".mp3",
        ".mp2",
        ".mp1",
        ".wav",
        ".wave",
        ".w64",
        ".flac",
        ".ogg",
        ".oga",
        ".ogx",
        ".ogv",
        ".opus",
        ".spx",
    ),
    *(
        ".m4a",
        ".m4b",
        ".m4p",
        ".m4r",
        ".m4v",
        ".mp4",
        ".mov",
        ".3gp",
        ".3g2",
        ".aac",
        ".alac",
        ".ac3",
        ".eac3",
    ),
    *(".aif", ".aiff", ".aifc", ".wma", ".wmv", ".asf", ".wv", ".ape", ".mpc", ".mp+", ".tta", ".tak"),
    *(".au", ".snd", ".caf", ".amr", ".dsf", ".mka", ".mkv", ".webm"),
)
# Of files that hold or held sound, and cannot be read as they are
UNREADABLE_SUFFIXES = (".dff", ".dsd", ".part", ".crdownload")
PLAYLIST_SUFFIXES = (".m3u", ".m3u8", ".pls", ".xspf", ".wpl", ".asx", ".cue")
ARCHIVE_SUFFIXES = (
    *(".zip", ".rar", ".7z", ".tar", ".tgz", ".gz", ".xz", ".bz2", ".zst", ".cab", ".lzh"),
    *(".iso", ".img", ".dmg", ".nrg", ".mdf", ".bin"),
)
# Of pictures, which ffmpeg opens by their names alone
PICTURE_SUFFIXES = (
    *(".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp"),
    *(".tif", ".tiff", ".svg", ".heic", ".avif", ".ico"),
)
# What stands beside songs without being one: nothing is said of it
COMPANION_SUFFIXES = (
    *PICTURE_SUFFIXES,
    *(".txt", ".nfo", ".log", ".md", ".md5", ".sfv", ".sha1", ".accurip", ".ffp", ".lrc", ".srt", ".vtt"),
    *(
        ".pdf",
        ".doc",
        ".docx",
        ".rtf",
        ".htm",
        ".html",
        ".url",
        ".xml",
        ".json",
        ".csv",
        ".ini",
        ".db",
        ".lnk",
    ),
)
