"""Hostile tags in every format with tags, and files damaged on their way."""

import os
import struct
import unicodedata

import numpy as np
import pytest
from django.urls import reverse
from mutagen.aiff import AIFF
from mutagen.apev2 import APEv2
from mutagen.asf import ASF
from mutagen.flac import FLAC
from mutagen.id3 import ID3, TALB, TIT2, TPE1, TRCK
from mutagen.mp4 import MP4
from mutagen.oggflac import OggFLAC
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis
from mutagen.wave import WAVE

from mixes.engine.tests.signals import RATE, pink_noise, write_audio
from mixes.leases import State
from mixes.models import Track
from mixes.services.rendering import mix_requests
from mixes.tests.factories import make_mix_row
from mixes.tests.torture.harness.crafted import riff
from mixes.tests.torture.harness.fault_checks import add_file, listen
from mixes.tests.torture.harness.hostile import NAMES
from mixes.tests.torture.harness.pages import Page
from mixes.tests.torture.harness.table import note_row

FULL = os.environ.get("MIXTAPE_TORTURE") == "1"
pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("hostile tags")]
UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
SURROGATES = ("lone surrogate", "surrogates")  # no tag can hold them


def id3(path, title, artist, *, version=4, encoding=3):
    tags = ID3()
    for frame, text in ((TIT2, title), (TPE1, artist), (TALB, title), (TRCK, "0/0")):
        tags.add(frame(encoding=encoding, text=[text]))
    tags.save(path, v2_version=version)


def id3v1(path, title, artist):
    fields = (title.encode("latin-1", "replace")[:30], artist.encode("latin-1", "replace")[:30], b"")
    tag = b"TAG" + b"".join(field.ljust(30, b"\0") for field in fields) + b"2026" + b" " * 30 + b"\0"
    path.write_bytes(path.read_bytes() + tag[:128].ljust(128, b"\0"))


def ape(path, title, artist):
    tags = APEv2()
    tags["Title"], tags["Artist"], tags["Track"] = title, artist, "-1"
    tags.save(path)


def vorbis(kind):
    def write(path, title, artist):
        file = kind(path)
        file["title"], file["artist"], file["tracknumber"] = [title, title], artist, "99999999999999999999"
        file.save()

    return write


def mp4(path, title, artist):
    file = MP4(path)
    file["\xa9nam"], file["\xa9ART"], file["\xa9alb"] = title, artist, title
    file.save()


def asf(path, title, artist):
    file = ASF(path)
    file["Title"], file["Author"] = title, artist
    file.save()


def chunk(kind):
    def write(path, title, artist):
        file = kind(path)
        file.add_tags()
        for frame, text in ((TIT2, title), (TPE1, artist)):
            file.tags.add(frame(encoding=1, text=[text]))
        file.save()

    return write


def info_list(path, title, artist):
    """Return the LIST chunk of a WAV, with its own sizes."""
    texts = b""
    for name, text in ((b"INAM", title), (b"IART", artist)):
        raw = text.encode("utf-8", "replace") + b"\0"
        texts += name + struct.pack("<I", len(raw)) + raw + b"\0" * (len(raw) % 2)
    body = b"INFO" + texts
    path.write_bytes(path.read_bytes() + b"LIST" + struct.pack("<I", len(body)) + body)


GROUPS = {  # suffix, encoder options, tag writer
    "ID3v2.4": ("mp3", (), id3),
    "ID3v2.3": ("mp3", (), lambda *names: id3(*names, version=3, encoding=1)),
    "ID3v1": ("mp3", ("-id3v2_version", "0", "-write_id3v1", "0"), id3v1),
    "APEv2": ("mp3", ("-id3v2_version", "0"), ape),
    "FLAC": ("flac", (), vorbis(FLAC)),
    "Ogg Vorbis": ("ogg", ("-c:a", "libvorbis"), vorbis(OggVorbis)),
    "Ogg FLAC": ("oga", ("-c:a", "flac"), vorbis(OggFLAC)),
    "Opus": ("opus", ("-c:a", "libopus"), vorbis(OggOpus)),
    "MP4": ("m4a", ("-c:a", "aac"), mp4),
    "ASF": ("wma", ("-c:a", "wmav2"), asf),
    "WAV, ID3": ("wav", (), chunk(WAVE)),
    "WAV, INFO": ("wav", (), info_list),
    "AIFF": ("aiff", (), chunk(AIFF)),
}


def is_clean(text):
    seen = (c for c in text if c not in "\u200d\u200c")
    return not any(unicodedata.category(c) in UNSEEN for c in seen) and text == text.strip()


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A short sound in each format, without tags."""
    folder = tmp_path_factory.mktemp("plain")
    untagged = ("-map_metadata", "-1")
    return {
        name: write_audio(folder / f"{n}.{ending}", pink_noise(1.5, seed=n), RATE, *options, *untagged)
        for n, (name, (ending, options, _write)) in enumerate(GROUPS.items())
    }


def tagged(plain, folder, group, title, artist):
    """Return a file of a group with these tags."""
    source = plain[group]
    path = folder / f"{group}{source.suffix}"
    path.write_bytes(source.read_bytes())
    GROUPS[group][2](path, title, artist)
    return path


def test_hostile_tags_of_every_kind_become_one_clean_line(alice, as_alice, plain, tmp_path, work):
    values = [text.replace("\0", "\ufffd") or "?" for what, text in NAMES.items() if what not in SURROGATES]
    rounds = range(len(values) // len(GROUPS) + 1) if FULL else [3]
    rows = [
        row
        for number in rounds
        for place, group in enumerate(GROUPS)
        if (row := listen_to(alice, plain, tmp_path, group, *two_of(values, number * len(GROUPS) + place)))
    ]
    assert len(rows) >= len(GROUPS) - 1
    check_everywhere(alice, as_alice, rows[-len(GROUPS) :], work)
    note_row("hostile tags", tried=len(rows), wrong=0)


def two_of(values, number):
    """Return a title and an artist."""
    return values[number % len(values)], values[(number + 5) % len(values)]


def listen_to(owner, plain, folder, group, title, artist):
    """Add a file with these tags; return its track, None for a duplicate."""
    path = tagged(plain, folder, group, title, artist)
    row = listen(add_file(owner, path, path.name))
    if row is None:
        return None
    assert row.state == Track.State.READY, (group, title, row.problem)
    for text in (row.title, row.artist, row.album):
        assert is_clean(text) and len(text) <= 300, (group, title, text)
    assert row.title and (row.track_number is None or 1 <= row.track_number <= 9999)
    wanted = " ".join(title.split())
    if is_clean(wanted) and len(wanted) <= 30 and wanted.isascii() and wanted.strip("<>"):
        assert wanted in (row.title, f"{row.artist} - {row.title}"), (group, title, row.title)
    return row


def check_everywhere(alice, as_alice, rows, work):
    """Check pages and mix of the tracks."""
    mix = make_mix_row(alice, "Tags", rows, transition_s=0.2)
    job = mix_requests.request_mix(mix)
    work(job)
    assert job.state == State.DONE, job.error_text
    addresses = [reverse(f"mixes:{name}", args=[mix.pk]) for name in ("mix_detail", "mix_look")]
    for address in (*addresses, "/tracks/", reverse("mixes:job_detail", args=[job.pk])):
        answer = as_alice.get(address)
        assert answer.status_code == 200 and Page(answer.content.decode()).alarming == [], address


# Damage


def damaged(folder):
    """Yield damaged files with the expected message: a reason or a note."""
    sound = pink_noise(6.0)
    options = {"mp3": (), "flac": (), "wav": (), "m4a": ("-c:a", "aac"), "ogg": ("-c:a", "libvorbis")}
    good = {
        ending: write_audio(folder / f"good.{ending}", sound, RATE, *form).read_bytes()
        for ending, form in options.items()
    }
    pcm = (sound * 20_000).astype("<i2").tobytes()
    short = "The file says that it is 0:06 long; 0:03 are there."
    half = {ending: data[: len(data) * 6 // 10] for ending, data in good.items()}
    yield "cut.mp3", half["mp3"], short
    yield "cut.flac", half["flac"], short
    yield "cut.wav", half["wav"], short
    yield "cut.ogg", half["ogg"], "The file stops without an end: its last part may be missing."
    yield (
        "no moov.m4a",
        half["m4a"],
        "its end is missing, and with it the index",
    )
    yield "header.wav", riff(RATE, 2, b""), "there is no sound in it"
    yield "4 GB.wav", riff(RATE, 2, pcm, claimed=0xF0000000), "long; 0:00:06 are there."
    yield "rot.flac", rotten(good["flac"]), "is damaged at"
    yield "rot.m4a", rotten(good["m4a"]), "is damaged at"
    yield "rot.ogg", rotten(good["ogg"]), "is damaged at"
    index_first = ("-c:a", "aac", "-movflags", "+faststart")
    fast = write_audio(folder / "fast.m4a", sound, RATE, *index_first).read_bytes()
    yield "cut.m4a", fast[: len(fast) * 6 // 10], short


def rotten(data):
    spoilt = bytearray(data)
    for place in np.random.default_rng(5).integers(len(data) // 3, len(data) * 2 // 3, 30):
        spoilt[place] ^= 0x55
    return bytes(spoilt)


def test_damage_is_reported_or_refused(alice, as_alice, tmp_path, work):
    wanted, used = [], []
    for name, data, said in damaged(tmp_path):
        path = tmp_path / name
        path.write_bytes(data)
        row = listen(add_file(alice, path, name))
        assert said in (row.problem or " ".join(row.notes)), (name, row.state, row.problem, row.notes)
        wanted.append(said)
        used += [row] if row.state == Track.State.READY else []
    words = Page(as_alice.get("/tracks/").content.decode()).words
    assert all(said in words for said in wanted)
    job = mix_requests.request_mix(make_mix_row(alice, "Damaged", used, transition_s=1.0))
    work(job)
    words = Page(as_alice.get(reverse("mixes:job_detail", args=[job.pk])).content.decode()).words
    for row in used:
        for note in row.notes:
            assert f"“{row.title}”: {note}" in words
    note_row("damaged files, told of", tried=len(wanted), wrong=0)


@pytest.mark.parametrize("claimed", [0xFFFFFFFF, None])
def test_a_wav_written_to_a_pipe_is_not_reported_as_damaged(alice, tmp_path, claimed):
    """Programs that do not know the length yet write the largest number."""
    path = tmp_path / "pipe.wav"
    path.write_bytes(riff(RATE, 2, (pink_noise(3.0) * 20_000).astype("<i2").tobytes(), claimed=claimed))
    row = listen(add_file(alice, path, path.name))
    assert (row.state, row.notes) == (Track.State.READY, [])


def test_undamaged_files_have_no_note(alice, plain):
    for group, path in list(plain.items())[:: 1 if FULL else 4]:
        row = listen(add_file(alice, path, path.name))
        assert (row.state, row.notes) == (Track.State.READY, []), group
