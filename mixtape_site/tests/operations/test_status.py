"""The operators' status page: checks, and the age of the ffmpeg that opens untrusted files."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from mixes.services import workers
from mixtape_site.operations import ffmpeg_build
from mixtape_site.operations.ffmpeg_build import Build, day_of

LAST_DAY = date(2026, 12, 31)


@pytest.fixture
def operator(db):
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("op@example.org", "many loud records"))
    return client


def named_ffmpeg(settings, folder, line):
    path = folder / "ffmpeg"
    path.write_text(f"#!/bin/sh\necho '{line}'\n")
    path.chmod(0o755)
    settings.FFMPEG = str(path)
    return path


def year_line(year):
    return f"ffmpeg version 5.1.9-0+deb12u1 Copyright (c) 2000-{year} the FFmpeg developers"


def marks_of(page):
    return [piece.split('"')[0] for piece in page.split('role="img" aria-label="')[1:]]


@pytest.mark.parametrize(
    ("line", "day"),
    [
        ("ffmpeg version n9.0.2-17-g2a571b6068-20260930 Copyright", date(2026, 9, 30)),
        ("ffmpeg version N-118193-g5f38c82536-20241231 Copyright", date(2024, 12, 31)),
        ("ffmpeg version 2025-01-05-git-19c95ecbff-full_build Copyright", None),
        ("ffmpeg version 7.1_2025-01-05 Copyright", date(2025, 1, 5)),
        ("ffmpeg version 5.1.9-0+deb12u1 Copyright (c) 2000-2026 the FFmpeg developers", None),
        ("ffmpeg version n9.0.2-20261399 Copyright", None),
        ("ffmpeg version 7.0.2-static https://example.org/20260930 Copyright", None),
    ],
)
def test_the_build_date_is_parsed(line, day):
    assert day_of(line) == day


@pytest.mark.parametrize(
    ("made_on", "made_in", "newest_day"),
    [(date(2026, 9, 30), 2026, date(2026, 9, 30)), (None, 2026, LAST_DAY), (None, None, None)],
)
def test_a_build_is_old_after_a_year(made_on, made_in, newest_day):
    build = Build("9", Path("ffmpeg"), True, made_on, made_in)
    assert build.newest_day == newest_day
    assert not build.is_old((newest_day or LAST_DAY) + timedelta(days=365))
    assert build.is_old((newest_day or LAST_DAY) + timedelta(days=366)) == (newest_day is not None)


def test_the_bundled_ffmpeg_has_a_build_date(settings):
    settings.FFMPEG = None
    build = ffmpeg_build.read_build()
    assert build.is_ours and build.newest_day and build.newest_day.year >= 2024


def test_an_operator_sees_what_works_and_what_is_missing(operator, settings):
    settings.FFMPEG = None
    for queue in ("short", "long"):
        workers.beat(workers.Node(queue, "here", 1, "run"), "")
    page = operator.get("/status/").content.decode()
    assert "Everything a mix needs is there." in page and "It came with this version of Mixtape." in page
    assert " ago" in page
    assert set(marks_of(page)) == {"Good"} and "are free" in page and "1 process works." in page
    workers.WorkerNode.objects.filter(queue="long").delete()
    cache.clear()
    page = operator.get("/status/").content.decode()
    assert "Something is missing" in page and marks_of(page).count("Broken") == 1 and "None works." in page


def test_an_operator_sees_the_version(operator, settings):
    settings.VERSION = "7.8.9"
    assert "Version 7.8.9." in operator.get("/status/").content.decode()


def test_an_old_ffmpeg_is_a_note_and_still_ready(operator, settings, tmp_path):
    year = timezone.localdate().year
    path = named_ffmpeg(settings, tmp_path, year_line(year - 1))
    page = operator.get("/status/").content.decode()
    assert "Look at this" not in marks_of(page) and f"Made: {year - 1}." in page and str(path) in page
    cache.clear()
    named_ffmpeg(settings, tmp_path, year_line(year - 2))
    page = operator.get("/status/").content.decode()
    assert marks_of(page).count("Look at this") == 1 and "Install a newer one." in page


def test_an_ffmpeg_that_does_not_start_is_reported_on_the_page(operator, settings, tmp_path):
    settings.FFMPEG = str(tmp_path / "nowhere")
    page = operator.get("/status/")
    assert page.status_code == 200 and "does not respond correctly: EngineError" in page.content.decode()


def test_the_link_to_it_is_shown_to_operators_only(operator, as_bob):
    assert 'href="/status/"' in operator.get("/account/").content.decode()
    assert 'href="/status/"' not in as_bob.get("/account/").content.decode()
    assert as_bob.get("/status/").status_code == 404
