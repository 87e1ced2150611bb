"""The baseline: a plain pydub program with whole songs in memory. Run as a process of its own.

    python -m benchmarks.pydub_seed FFMPEG OUT.mp3 TRACK...

Each next song overlaps the mix so far by 8 s: the end fades out, the beginning fades in, both pass a low-pass
of 8 kHz and order 5 with zero initial state, they are overlaid, and the rest of the song is appended.
"""

import sys
from pathlib import Path

import pydub.scipy_effects  # noqa: F401  gives AudioSegment its scipy filters
from pydub import AudioSegment

OVERLAP_MS = 8_000
CUTOFF_HZ = 8_000
ORDER = 5
DECODERS = {
    ".mp3": "mp3float",
    ".flac": "flac",
    ".ogg": "vorbis",
    ".wav": "pcm_s16le",
}  # with names: pydub then needs no ffprobe


def join(mix: AudioSegment, song: AudioSegment) -> AudioSegment:
    """Return the mix so far with the next song crossfaded onto its end."""
    overlap = min(OVERLAP_MS, len(song), len(mix))
    outgoing = mix[-overlap:].fade_out(overlap).low_pass_filter(CUTOFF_HZ, order=ORDER)
    incoming = song[:overlap].fade_in(overlap).low_pass_filter(CUTOFF_HZ, order=ORDER)
    return mix[:-overlap].append(outgoing.overlay(incoming), crossfade=0).append(song[overlap:], crossfade=0)


def main() -> None:
    ffmpeg, out, *tracks = sys.argv[1:]
    AudioSegment.converter = ffmpeg
    songs = (AudioSegment.from_file(track, codec=DECODERS[Path(track).suffix]) for track in tracks)
    mix = next(songs)
    for song in songs:
        mix = join(mix, song)
    mix.export(out, format="mp3", bitrate="320k")


if __name__ == "__main__":
    main()
