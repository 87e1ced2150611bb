"""Untrusted files open no other file, connect nowhere, use bounded resources, and end in a sentence."""

import io
import os
import resource
import socket
import sys
import time

import numpy as np
import pytest
from PIL import Image

from mixes.engine.analysis.track import analyse_track
from mixes.engine.errors import DecodeError, PictureError
from mixes.engine.pictures.pictures import safe_picture
from mixes.engine.processes.ffmpeg import find_ffmpeg
from mixes.engine.tests.signals import RATE, pink_noise, sine, write_audio
from mixes.tests.torture.harness import crafted
from mixes.tests.torture.harness.crafted import REFUSE, SECRET, USE
from mixes.tests.torture.harness.table import note
from mixes.tests.torture.harness.watching import callers, opens_of

FULL = os.environ.get("MIXTAPE_TORTURE") == "1"
MUTATED_SOUNDS, MUTATED_PICTURES = (1_000, 500) if FULL else (24, 24)
LONGEST_S = 600.0  # nothing hangs: four hours of sound, the most there may be, take minutes on a busy machine
MOST_MB = 300.0
FORMATS = {  # good files to mutate
    "mp3": (),
    "wav": (),
    "flac": (),
    "m4a": ("-c:a", "aac"),
    "ogg": ("-c:a", "libvorbis"),
    "opus": ("-c:a", "libopus"),
    "aiff": (),
    "wma": ("-c:a", "wmav2"),
    "wv": (),
    "ac3": (),
}
SIZE = (320, 180)

pytestmark = [
    pytest.mark.xdist_group("inputs"),
    pytest.mark.skipif(sys.platform != "linux", reason="inotify and the sandbox's walls are Linux's"),
]


def listen_to(path):
    """Return `use` or `refuse`; any other outcome fails the test."""
    try:
        analysis = analyse_track(find_ffmpeg(), path)
    except DecodeError as error:
        check_sentence(str(error))
        return REFUSE
    words = f"{analysis.tags.title}{analysis.tags.artist}{analysis.tags.album}"
    assert len(words) <= 900 and words.isprintable(), repr(words[:99])
    assert np.isfinite(analysis.momentary).all() and analysis.frames > 0
    return USE


def look_at(path):
    try:
        safe_picture(path, SIZE, path.with_name("safe.png"))
    except PictureError as error:
        check_sentence(str(error))
        return REFUSE
    return USE


def check_sentence(sentence):
    assert sentence.endswith((".", ")", "!")) and "\n" not in sentence and "Traceback" not in sentence, (
        sentence
    )


def peak_mb():
    """Return the memory of the largest child of this process so far, in 10^6 bytes.

    In `make torture` no other test has run in this process, so it is the memory for these files.
    """
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6


def try_all(files, folder, attempt):
    """Try every file; return the outcomes, the wrong ones, and the longest time."""
    outcomes, wrong, longest_s = [], [], 0.0
    for file in files:
        path = folder / file.name
        path.write_bytes(file.data)
        began_s = time.monotonic()
        outcome = attempt(path)
        longest_s = max(longest_s, time.monotonic() - began_s)
        outcomes.append(outcome)
        if file.expect not in (outcome, crafted.EITHER):
            wrong.append(f"{file.name}: {outcome} instead of {file.expect}")
        path.unlink()
    return outcomes, wrong, longest_s


def test_crafted_files_open_no_file_or_connection_and_end_in_a_sentence(tmp_path):
    secret = write_audio(tmp_path / SECRET, sine(1000, 2.0))
    with opens_of(secret) as opened, callers() as (port, called):
        files = [
            *crafted.playlists(tmp_path, port),
            *crafted.false_headers(tmp_path),
            *crafted.sounds(tmp_path),
            *crafted.others(tmp_path),
        ]
        opened()  # ignore what generating the files did
        outcomes, wrong, longest_s = try_all(files, tmp_path, listen_to)
        seen = opened(), called()
    note("crafted audio", outcomes, wrong, longest_s, opened=seen[0], called=seen[1], peak_mb=peak_mb())
    assert wrong == []
    assert seen == (0, 0), "another file was opened, or a connection was made"
    assert longest_s < LONGEST_S
    assert not FULL or peak_mb() < MOST_MB


def test_the_watchers_detect_opens_and_calls(tmp_path):
    """The test above relies on this: an open and a connection are detected."""
    secret = tmp_path / SECRET
    secret.write_bytes(b"x")
    with opens_of(secret) as opened, callers() as (port, called):
        secret.read_bytes()
        with socket.create_connection(("127.0.0.1", port)):
            pass
        assert opened() > 0 and called() == 1


def test_crafted_pictures_end_in_a_sentence(tmp_path):
    with callers() as (port, called):
        outcomes, wrong, longest_s = try_all(crafted.pictures(tmp_path, port), tmp_path, look_at)
        seen = called()
    note("crafted pictures", outcomes, wrong, longest_s, called=seen, peak_mb=peak_mb())
    assert wrong == []
    assert seen == 0 and longest_s < LONGEST_S
    assert not FULL or peak_mb() < MOST_MB


def test_mutated_songs_end_in_a_sentence(tmp_path):
    sound = 0.5 * sine(330, 3.0) + pink_noise(3.0)
    good = [write_audio(tmp_path / f"good.{e}", sound, RATE, *o).read_bytes() for e, o in FORMATS.items()]
    rng = np.random.default_rng(440)
    files = (
        crafted.Crafted(f"{number}.mp3", crafted.mutated(good[number % len(good)], rng), crafted.EITHER)
        for number in range(MUTATED_SOUNDS)
    )
    outcomes, wrong, longest_s = try_all(files, tmp_path, listen_to)
    note("mutated audio", outcomes, wrong, longest_s, peak_mb=peak_mb())
    assert longest_s < LONGEST_S and outcomes.count(USE) > 0


def test_mutated_pictures_end_in_a_sentence(tmp_path):
    good = [crafted.png_of(200, 120), crafted.gif_of(120, 90), *other_pictures()]
    rng = np.random.default_rng(441)
    files = (
        crafted.Crafted(f"{number}.png", crafted.mutated(good[number % len(good)], rng), crafted.EITHER)
        for number in range(MUTATED_PICTURES)
    )
    outcomes, wrong, longest_s = try_all(files, tmp_path, look_at)
    note("mutated pictures", outcomes, wrong, longest_s, peak_mb=peak_mb())
    assert longest_s < LONGEST_S and outcomes.count(USE) > 0


def other_pictures():
    """Return noise as JPEG, WebP, BMP and TIFF."""
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (90, 160, 3), np.uint8))
    for form in ("JPEG", "WEBP", "BMP", "TIFF"):
        buffer = io.BytesIO()
        noise.save(buffer, form)
        yield buffer.getvalue()
