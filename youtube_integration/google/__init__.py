"""Google client: the only code that talks to Google."""
