"""The detail of a track: outline and loudness of the asked seconds, fine or stretched."""

import numpy as np
import pytest
from django.urls import reverse

from mixes.engine.analysis.track import ANALYSIS_VERSION
from mixes.engine.tests.tracks import make_track
from mixes.models import AnalysisJob, Track
from mixes.tests.factories import make_track_row

pytestmark = pytest.mark.django_db
SECONDS = 12.34


@pytest.fixture
def track(alice):
    levels = [-20.0] * 60 + [-10.0] * 60
    return make_track_row(alice, analysis=make_track(SECONDS, momentary=levels))


@pytest.fixture
def fine(track):
    """The same track, with a detail whose pairs count up."""
    points = np.stack((-np.arange(1234) % 100, np.arange(1234) % 100), axis=1).astype(np.int8)
    AnalysisJob.objects.filter(track=track).update(detail=points.tobytes())
    return track


def address(track):
    return reverse("mixes:track_detail", args=[track.pk])


def read(client, track, **asked):
    answer = client.get(address(track), asked)
    assert answer.status_code == 200 and len(answer.content) % 21 == 0
    tenths = len(answer.content) // 21
    pairs = np.frombuffer(answer.content[: 20 * tenths], dtype=np.int8).reshape(-1, 2)
    return pairs, np.frombuffer(answer.content[20 * tenths :], dtype=np.uint8), answer


def test_the_asked_seconds_come_with_their_loudness(as_alice, fine):
    pairs, levels, _ = read(as_alice, fine, **{"from": 3, "to": 8})
    assert pairs[:, 1].tolist() == [point % 100 for point in range(300, 800)]
    # windows of 400 ms are shown at their middles, so the step at 6 s appears at 6.2 s
    assert levels.tolist() == [40] * 32 + [20] * 18


def test_the_end_is_filled_up_to_whole_tenths(as_alice, fine):
    pairs, levels, _ = read(as_alice, fine, **{"from": 0, "to": 600})
    assert len(pairs) == 1240 and len(levels) == 124
    assert pairs[1233, 1] == 33
    assert not pairs[1234:].any()


def test_a_track_of_an_older_analysis_has_its_coarse_outline(as_alice, track):
    AnalysisJob.objects.filter(track=track).update(version=ANALYSIS_VERSION - 1)
    pairs, _, _ = read(as_alice, track, **{"from": 0, "to": 600})
    outline = AnalysisJob.objects.get(track=track, version=ANALYSIS_VERSION - 1).result["peaks"]
    coarse = np.frombuffer(bytes.fromhex(outline), dtype=np.int8).reshape(-1, 2)
    assert len(pairs) == 1240
    assert pairs[0].tolist() == coarse[0].tolist() and pairs[1233].tolist() == coarse[-1].tolist()
    assert pairs[617].tolist() == coarse[len(coarse) // 2].tolist()


def test_bytes_are_kept_by_the_browser_until_they_differ(as_alice, track):
    asked = {"from": 0, "to": 5}
    first = as_alice.get(address(track), asked)
    assert first["Cache-Control"] == "private, no-cache"
    again = as_alice.get(address(track), asked, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    version = first["ETag"].strip('"').split("-")[0]
    assert "immutable" in as_alice.get(address(track), {**asked, "v": version})["Cache-Control"]

    AnalysisJob.objects.filter(track=track).update(detail=b"\x01\x02" * 1234)  # a finer one was measured
    fine = as_alice.get(address(track), asked, headers={"If-None-Match": first["ETag"]})
    assert fine.status_code == 200 and fine["ETag"] != first["ETag"]
    assert "immutable" not in as_alice.get(address(track), {**asked, "v": version})["Cache-Control"]


@pytest.mark.parametrize(
    "asked", [{}, {"from": "-3", "to": "x"}, {"from": "90", "to": "100"}, {"to": "9" * 9}]
)
def test_odd_ranges_are_empty(as_alice, fine, asked):
    assert as_alice.get(address(fine), asked).content == b""


def test_only_its_owner_sees_it_once_it_is_ready(as_alice, alice, bob):
    others = make_track_row(bob)
    waiting = make_track_row(alice, state=Track.State.ANALYSING)
    assert [as_alice.get(address(t)).status_code for t in (others, waiting)] == [404, 404]
