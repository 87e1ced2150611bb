"""MP3 streams for tests: made by LAME, decoded by plain ffmpeg, packed again."""

import subprocess
import tempfile
from pathlib import Path

import numpy as np

from mixes.engine.passthrough.frames import PIECE_FRAMES, open_stream, silent_frame, take_apart
from mixes.engine.passthrough.packing import Packer


def encode(ffmpeg, samples, *options, rate=44_100):
    """Return an MP3 of float32 samples."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "song.mp3"  # into a pipe ffmpeg writes no delay and no length
        call = [
            ffmpeg,
            "-v",
            "error",
            "-f",
            "f32le",
            "-ar",
            str(rate),
            "-ac",
            str(samples.shape[1]),
            "-i",
            "-",
        ]
        call += [*(options or ("-b:a", "320k")), "-c:a", "libmp3lame", path]
        subprocess.run(call, input=samples.tobytes(), check=True)
        return path.read_bytes()


def decode(ffmpeg, data):
    """Return what ffmpeg decodes of the bytes of an MP3, shape (n, 2), and what it complains of."""
    call = [ffmpeg, "-v", "warning", "-f", "mp3", "-i", "-", "-ac", "2", "-f", "f32le", "-"]
    run = subprocess.run(call, input=data, capture_output=True, check=True)
    return np.frombuffer(run.stdout, np.float32).reshape(-1, 2), run.stderr


def repack(data, step=0, bitrate_kbps=320):
    """Return all frames of a stream packed behind two silent frames, which are room for early main data."""
    stream = open_stream(data)
    packer = Packer(stream.rate, bitrate_kbps)
    packer.push(silent_frame())
    packer.push(silent_frame())
    packed = []
    for at in range(0, len(stream), PIECE_FRAMES):
        frames = take_apart(stream, at, min(at + PIECE_FRAMES, len(stream)), step)
        assert packer.push(frames) == len(frames)
        packed += packer.take()
    return b"".join([*packed, *packer.take(everything=True)])
