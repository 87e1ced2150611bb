"""Hostile names through every input and output: nothing is executed and nothing is injected."""

import email.message
import io
import json
import logging
import os
import re
import unicodedata
import zipfile
from base64 import b64encode

import pytest
from django.core import mail
from django.urls import reverse
from mutagen.id3 import ID3

from accounts.exports import export_account
from mixes.engine.tests.signals import run_ffmpeg
from mixes.leases import State
from mixes.models import Artwork, Mix, Track
from mixes.services import storage
from mixes.services.library import tracks
from mixes.services.rendering import mix_requests
from mixes.tests.factories import (
    make_artifact_row,
    make_job_row,
    make_mix_row,
    make_track_row,
    make_track_with_file,
)
from mixes.tests.torture.harness.hostile import NAMES, pairs, storable
from mixes.tests.torture.harness.pages import Page
from mixes.tests.torture.harness.table import note_row
from mixtape_site.logs import LineFormatter

FULL = os.environ.get("MIXTAPE_TORTURE") == "1"
pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("hostile names")]
OUR_NAME = re.compile(r"tracks/[0-9a-f]{2}/[0-9a-f]{32}")
UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # categories of characters that break lines or are invisible
JOINERS = "\u200d\u200c"  # needed by emoji and scripts
TIME_LINE = re.compile(r"^\W*(?:\d{1,2}:)?\d{1,2}:\d\d\b")
UNHARMED = ("composed", "quotes", "emoji", "right to left", "shell", "template", "formula", "SQL", "entities")


@pytest.fixture
def lines(caplog):
    """Return all log output, one line per message."""
    caplog.set_level(logging.INFO)
    formatter = LineFormatter()
    return lambda: [formatter.format(record) for record in caplog.records]


def is_clean(text):
    seen = (c for c in text if c not in JOINERS)
    return not any(unicodedata.category(c) in UNSEEN for c in seen) and text == text.strip()


def is_harmless(name):
    """Return whether the file name is safe on any system."""
    return (
        is_clean(name)
        and name[0] not in ".-~"
        and not set('/\\:*?"<>|') & set(name)
        and len(name.encode()) < 256
    )


def check_page(answer, where):
    """Check that no name is executed and nothing failed; return the page."""
    assert answer.status_code < 500, where
    page = Page(answer.content.decode())
    assert page.alarming == [], where
    return page


# In: by tus and by a form


def announce(client, name):
    metadata = f"filename {b64encode(name.encode('utf-8', 'surrogatepass')).decode()}"
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "4", "Upload-Metadata": metadata}
    return client.post("/uploads/", b"", content_type="application/octet-stream", headers=headers)


def send_form(client, name):
    """Send a form no browser would send, with the name unchanged."""
    raw = name.encode("utf-8", "surrogatepass").replace(b'"', b'\\"')
    head = b'Content-Disposition: form-data; name="files"; filename="' + raw + b'"'
    body = b"--x\r\n" + head + b"\r\n\r\nabcd\r\n--x--\r\n"
    return client.post(reverse("mixes:upload_form"), body, content_type="multipart/form-data; boundary=x")


def test_no_file_name_escapes_its_folder(alice, as_alice, lines):
    outside = set(storage.path_of("x").parent.parent.rglob("*"))
    for what, name in NAMES.items():
        answer = announce(as_alice, name)
        assert answer.status_code == (400 if not name else 201), what
        if answer.status_code == 201:
            headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0"}
            piece = "application/offset+octet-stream"
            sent = as_alice.patch(answer["Location"], b"abcd", content_type=piece, headers=headers)
            assert sent.status_code == 204, what
        check_page(send_form(as_alice, name), what)
    found = list(Track.objects.all())
    assert len(found) > 1.8 * len(NAMES)
    for track in found:
        assert OUR_NAME.fullmatch(track.file) and track.file == tracks.file_name(track.pk)
        assert storage.path_of(track.file).read_bytes().endswith(b"abcd")
        for text in (track.name, track.title):
            assert text and is_clean(text) and len(text) <= 300, repr(text)
        assert "/" not in track.name and "\\" not in track.name
    files = {path for path in storage.path_of("x").parent.rglob("*") if path.is_file()}
    assert files == {storage.path_of(track.file) for track in found} and not outside
    forged = [line for line in lines() if len(line.splitlines()) != 1 or line.startswith("2026-01-01")]
    assert forged == []
    note_row("hostile names, uploaded", tried=2 * len(NAMES), wrong=0)


# Out: every page


@pytest.fixture
def dirty(alice):
    """Rows with raw names, as if the input had not been cleaned."""
    found = [
        make_track_row(
            alice,
            storable(title),
            30.0,
            artist=storable(artist),
            album=storable(title),
            name=storable(artist) + ".mp3",
            notes=[storable(title)],
        )
        for title, artist in pairs()
    ]
    for place, track in enumerate(found[:6]):  # in every state that shows a name
        track.state = ("refused", "listening")[place % 2]
        track.problem = storable(track.title) if track.state == "refused" else ""
        track.save()
    return found


def addresses_of(mix, track, binned, job):
    item = mix.items.order_by("position")[10]
    yield from (reverse(f"mixes:{name}") for name in ("track_list", "mix_list", "bin"))
    yield from (reverse(f"mixes:{name}", args=[track.pk]) for name in ("track_edit", "track_row"))
    names = ("mix_detail", "mix_look", "mix_add", "mix_state")
    yield from (reverse(f"mixes:{name}", args=[mix.pk]) for name in names)
    yield reverse("mixes:join", args=[mix.pk, item.pk])
    yield reverse("mixes:job_detail", args=[job.pk])
    for model, row in (("track", track), ("mix", mix), ("mixjob", job), ("track", binned)):
        yield reverse(f"admin:mixes_{model}_change", args=[row.pk])
        yield reverse(f"admin:mixes_{model}_changelist")
        yield reverse(f"admin:mixes_{model}_delete", args=[row.pk])
    yield reverse("admin:mixes_artifact_changelist")


def test_no_page_executes_a_name(alice, as_alice, dirty):
    alice.is_staff = alice.is_superuser = True
    alice.save()
    tried, ours = 0, set()
    for title, artist in list(pairs())[:: 7 if FULL else 40]:
        mix = make_mix_row(
            alice,
            storable(title),
            dirty,
            artist=storable(artist),
            description_template=storable(title),
            hashtags=storable(artist),
        )
        job = make_job_row(mix, State.DONE, files=("mp3", "description"), notes=[storable(title)])
        make_artifact_row(job, "cue", storable(title).encode())
        binned = make_track_row(alice, storable(artist), deleted_at="2026-11-01T00:00:00Z")
        for address in addresses_of(mix, dirty[tried % len(dirty)], binned, job):
            page = check_page(as_alice.get(address), (address, title))
            ours.add(page.scripts)
            tried += 1
        mix.items.all().delete()
    for page in range(1, 4):
        check_page(as_alice.get(reverse("mixes:track_list"), {"page": page}), page)
    note_row("hostile names, on pages", tried=tried, wrong=0)


def test_names_are_shown_as_they_are(as_alice, dirty):
    shown = "".join(check_page(as_alice.get("/tracks/", {"page": page}), page).words for page in (1, 2))
    for what in UNHARMED:
        assert " ".join(storable(NAMES[what]).split()) in shown, what


def test_every_name_can_be_searched_for(alice, as_alice, dirty):
    mix = make_mix_row(alice, tracks=1)
    for what, name in list(NAMES.items())[:: 1 if FULL else 4]:
        query = name.encode("utf-8", "replace").decode()
        for address in ("/tracks/", "/mixes/", reverse("mixes:mix_add", args=[mix.pk])):
            check_page(as_alice.get(address, {"q": query, "page": query, "order": query}), (address, what))


def test_every_form_accepts_or_refuses_every_name(alice, as_alice, mix):
    track = mix.items.first().track
    wrong = []
    for what, raw in list(NAMES.items())[:: 1 if FULL else 5]:
        name = raw.encode("utf-8", "replace").decode()
        version = Mix.objects.get(pk=mix.pk).version
        prefix = f"t{track.pk.hex[:8]}"
        forms = (
            (reverse("mixes:mix_create"), {"title": name}),
            (reverse("mixes:mix_edit", args=[mix.pk]), {"rename": name, "version": version}),
            (
                reverse("mixes:track_edit", args=[track.pk]),
                {f"{prefix}-{field}": name for field in ("title", "artist", "album")},
            ),
            (
                reverse("mixes:mix_look", args=[mix.pk]),
                dict.fromkeys(("title", "artist", "description_template", "hashtags", "preview"), name),
            ),
        )
        for address, fields in forms:
            check_page(as_alice.post(address, fields, follow=True), (what, address))
        check_page(as_alice.get(reverse("mixes:mix_detail", args=[mix.pk])), what)
        kept = Track.objects.get(pk=track.pk)
        shown = (*Mix.objects.values_list("title", flat=True), kept.title, kept.artist, kept.album)
        wrong += [(what, text) for text in shown if not is_clean(text) or len(text) > 300]
    assert wrong == []


# Out: files and their names


def name_in(header):
    """Parse a file name as a browser does (RFC 6266)."""
    message = email.message.Message()
    message["Content-Disposition"] = header
    return message.get_filename()


def test_a_download_has_its_original_name(as_alice, alice, dirty):
    for track in dirty:
        storage.path_of(track.file).parent.mkdir(parents=True, exist_ok=True)
        storage.path_of(track.file).write_bytes(b"sound")
        answer = as_alice.get(reverse("mixes:track_original", args=[track.pk]))
        header = answer["Content-Disposition"]
        assert header.startswith("attachment;") and not {"\r", "\n"} & set(header)
        assert "Set-Cookie" not in {name for name, _ in answer.items()} and not answer.cookies
        read = name_in(header)
        assert " ".join(read.split()) == " ".join(track.name.split()), header
        answer.close()


def test_an_account_archive_unpacks_only_into_its_folder(alice, as_alice, dirty, tmp_path):
    for number, track in enumerate(dirty):
        storage.path_of(track.file).parent.mkdir(parents=True, exist_ok=True)
        storage.path_of(track.file).write_bytes(b"%d" % number)
    Artwork.objects.create(owner=alice, name="../../x.png", size=1, file=dirty[0].file, shown_file="")
    with zipfile.ZipFile(io.BytesIO(b"".join(export_account(alice, with_files=True)))) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        for name in names:
            assert all(map(is_harmless, name.split("/"))), name
        assert len({name.casefold() for name in names}) == len(names) > len(dirty)
        read = json.loads(archive.read("tracks.json"))
    assert {row["title"] for row in read} == {track.title for track in dirty}


# Out: a real mix


def make(alice, sounds, wanted, title, artist, work, **fields):
    """Make a real mix of songs with these names, from rows with raw names."""
    rows = []
    for number, (song, by) in enumerate(wanted):
        row = make_track_with_file(alice, f"Song {number}", *sounds[number % 2])
        Track.objects.filter(pk=row.pk).update(title=storable(song), artist=storable(by))
        rows.append(Track.objects.get(pk=row.pk))
    mix = make_mix_row(alice, storable(title), rows, artist=storable(artist), transition_s=0.5, **fields)
    job = mix_requests.request_mix(mix, mail=True)
    work(job)
    assert job.state == State.DONE, job.error_text
    return job, {row.kind: storage.path_of(row.file).read_bytes() for row in job.artifacts.all()}


def seconds_of(clock):
    return sum(60**place * int(part) for place, part in enumerate(reversed(clock.split(":"))))


def check_texts(job, files, songs):
    description = files["description"].decode()
    timed = [line for line in description.splitlines() if TIME_LINE.match(line)]
    assert len(timed) <= songs and sum(line.startswith("0:00") for line in timed) <= 1, timed
    times = [seconds_of(line.split()[0]) for line in timed]
    assert times == sorted(set(times)) and not set("<>") & set(description)
    assert not re.search(r"https?://|www\.evil", description.replace("\u2236", "")), description
    grammar = re.compile(
        r'(PERFORMER|TITLE) "[^"]*"|FILE "[^"]*" MP3|REM COMMENT "[^"]*"|  TRACK \d\d AUDIO'
        r'|    (TITLE|PERFORMER) "[^"]*"|    INDEX 01 \d\d+:\d\d:\d\d'
    )
    cue = files["cue"].decode()
    assert [line for line in cue.splitlines() if not grammar.fullmatch(line)] == []
    indexes = [line for line in cue.splitlines() if line.startswith("    INDEX ")]
    assert len(indexes) == len(set(indexes)) == songs
    chapters = json.loads(files["chapters"])["chapters"]
    assert len(chapters) == songs and [c["startTime"] for c in chapters].count(0) == 1
    assert all(is_clean(chapter["title"]) for chapter in chapters)
    json.loads(files["timeline"])
    for row in job.artifacts.all():
        assert is_harmless(row.name)


def check_mp3(path, songs):
    tags = ID3(path)
    chapters = tags.getall("CHAP")
    assert len(chapters) == songs == len({chapter.start_time for chapter in chapters})
    texts = [*map(str, tags.getall("TIT2")), *(str(c.sub_frames["TIT2"]) for c in chapters)]
    assert all(is_clean(text) for text in texts)
    assert sorted(tags) == sorted(key for key in tags if not key.startswith(("TXXX", "WXXX", "PRIV", "GEOB")))
    return [str(chapter.sub_frames["TIT2"]) for chapter in chapters]


def test_a_mix_of_hostile_names_contains_no_injected_content(alice, as_alice, sounds, work, settings, lines):
    settings.HAS_MAIL = True
    wanted = list(pairs()) if FULL else list(pairs())[::3]
    job, files = make(alice, sounds, wanted, NAMES["a mail header"], NAMES["ffmetadata"], work)
    check_texts(job, files, len(wanted))
    shown = check_mp3(storage.path_of(job.artifacts.get(kind="mp3").file), len(wanted))
    for (title, _artist), chapter in zip(wanted, shown, strict=True):
        if title in (NAMES[what] for what in UNHARMED):
            assert " ".join(storable(title).split()) in chapter
    (message,) = mail.outbox
    built = message.message()
    assert built["To"] == "alice@example.org" and built["Bcc"] is None and "\n" not in message.subject
    assert message.body.count("http") == 1 and settings.SITE_URL in message.body
    check_page(as_alice.get(reverse("mixes:job_detail", args=[job.pk])), "job")
    assert all(len(line.splitlines()) == 1 for line in lines())
    for row in job.artifacts.all():
        header = as_alice.get(reverse("mixes:artifact_download", args=[row.pk]))["Content-Disposition"]
        assert name_in(header) == row.name
    note_row("hostile names, in a mix", tried=len(wanted), wrong=0)


def test_a_video_of_hostile_names_has_exactly_their_chapters(alice, sounds, work):
    few = ("ffmetadata", "drawtext", "ASS", "bidi", "template", "zalgo", "script", "a forged chapter")
    wanted = [(NAMES[what], NAMES["format"]) for what in (few if FULL else few[:3])]
    job, files = make(
        alice, sounds, wanted, NAMES["drawtext"], NAMES["ffmetadata"], work,
        make_mp4=True, make_mp3=False, title_cards=True, video_size="1280x720",
    )  # fmt: skip
    assert "mp4" in files and job.check_sheet["mp4"]["verdict"] != "wrong"
    path = storage.path_of(job.artifacts.get(kind="mp4").file)
    listing = run_ffmpeg("-f", "mp4", "-i", str(path), "-f", "ffmetadata", "-").decode()
    assert len(re.findall(r"^\[CHAPTER\]$", listing, re.MULTILINE)) == len(wanted)
    artists = re.findall(r"^artist=.*", listing, re.MULTILINE)
    assert len(artists) == 1 and "INJECTED" in artists[0] and artists != ["artist=INJECTED"]
    texts = files["description"].decode()
    assert sum(line.startswith("0:00") for line in texts.splitlines()) <= 1


def test_a_failure_is_mailed_in_one_line_too(alice, sounds, work, settings):
    settings.HAS_MAIL = True
    rows = [make_track_with_file(alice, "Song", *sounds[0])]
    Track.objects.update(title=storable(NAMES["a mail header"]))
    mix = make_mix_row(alice, storable(NAMES["a mail header"]), rows)
    job = mix_requests.request_mix(mix, mail=True)
    storage.path_of(rows[0].file).write_bytes(b"rotten")
    work(job)
    (message,) = mail.outbox
    assert job.state == State.FAILED and "\n" not in message.subject
    assert message.message()["Bcc"] is None and message.recipients() == ["alice@example.org"]


# The log


def test_no_address_injects_a_log_line(as_alice, lines):
    for what in ("a header", "log line", "line separators", "controls", "NUL", "bidi"):
        name = storable(NAMES[what])
        as_alice.get(f"/mixes/{name}/", HTTP_USER_AGENT=name)
    found = lines()
    assert len(found) >= 6
    for line in found:
        assert len(line.splitlines()) == 1 and line.isprintable(), repr(line)
