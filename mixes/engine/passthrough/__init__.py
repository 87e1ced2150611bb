"""MP3 songs whose frames are copied into the mix: taken apart, packed again, and where they may lie."""
