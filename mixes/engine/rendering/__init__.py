"""A timeline and its files to sound: the whole mix, any part of it, previews for browsers."""
