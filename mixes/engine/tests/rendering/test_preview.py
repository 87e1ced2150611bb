"""What is heard of a track and of a join is the sound itself, from where to where it should be."""

import subprocess

import numpy as np
import pytest

from mixes.engine.errors import Cancelled, DecodeError, TimelineError
from mixes.engine.mixing.curves import db_to_gain
from mixes.engine.mixing.limiter import limit_blocks
from mixes.engine.rendering.preview import (
    cut_excerpt,
    fade_edges,
    write_excerpt,
    write_track_preview,
)
from mixes.engine.rendering.render import render_blocks
from mixes.engine.rendering.span import MixSpan, cut_span
from mixes.engine.tests.signals import RATE, decode_file, lag, pink_noise, write_wav
from mixes.engine.timeline import Clip, Timeline, Transition

AAC_FRAMES = 1024


def lay(*lengths_s, overlaps_s, style="smooth", rate=RATE, **options):
    """A timeline of clips of these lengths; each begins a tenth of a second into its file."""
    clips, transitions, start = [], [], 0
    for index, length_s in enumerate(lengths_s):
        length = round(length_s * rate)
        if index:
            overlap = round(overlaps_s[index - 1] * rate)
            start = clips[-1].end - overlap
            transitions.append(Transition("gap" if overlap < 0 else style, overlap, "", **options))
        clips.append(Clip(f"Song {index}", "Band", rate // 10, length, start, -3.0 - index))
    return Timeline(rate, tuple(clips), tuple(transitions))


@pytest.fixture(scope="module")
def noises(tmp_path_factory):
    """Two different noises, loud enough for the limiter to have work."""
    folder = tmp_path_factory.mktemp("noises")
    return [
        write_wav(folder / f"{seed}.wav", pink_noise(30.0, seed=seed, level_db=-10.0)) for seed in range(2)
    ]


def mix_of(timeline, paths, ffmpeg):
    rendered = render_blocks(timeline, paths[: len(timeline.clips)], ffmpeg=ffmpeg)
    return np.concatenate(list(limit_blocks(rendered, timeline.rate)))


def excerpt_of(timeline, index, paths, ffmpeg, out):
    excerpt = cut_excerpt(timeline, index)
    write_excerpt(ffmpeg, excerpt, [paths[clip] for clip in excerpt.clips], (), out)
    return decode_file(out, timeline.rate)


def correlation(one, other):
    frames = min(len(one), len(other))
    return np.corrcoef(one[:frames].mean(axis=1), other[:frames].mean(axis=1))[0, 1]


@pytest.mark.parametrize(
    ("timeline", "index", "from_s", "to_s"),
    [
        (lay(20, 20, overlaps_s=[8]), 0, 7.0, 25.0),
        (lay(20, 20, overlaps_s=[-2]), 0, 15.0, 27.0),
        (lay(20, 20, overlaps_s=[0], style="gapless"), 0, 15.0, 25.0),
        (lay(3, 20, overlaps_s=[2]), 0, 0.0, 8.0),
        (lay(20, 20, 20, 20, overlaps_s=[4, 4, 4]), 1, 27.0, 41.0),
        # the join before is not over when it begins, and the one after begins before it would end
        (lay(20, 10, 10, 20, overlaps_s=[4, 4, 4]), 1, 17.0, 28.0),
    ],
)
def test_a_join_is_heard_with_its_surroundings(timeline, index, from_s, to_s):
    rate = timeline.rate
    assert cut_excerpt(timeline, index) == cut_span(timeline, round(from_s * rate), round(to_s * rate))


def test_what_is_heard_comes_and_goes_softly():
    sound = np.ones((5000, 2), np.float32)
    heard = np.concatenate(list(fade_edges(np.array_split(sound, 7), 5000, 800)))
    assert len(heard) == 5000
    assert heard[0, 0] < 0.01 and heard[-1, 0] < 0.01
    assert (heard[800:-800] == 1.0).all()


def test_the_file_of_a_join_is_its_samples(noises, ffmpeg, tmp_path):
    timeline = lay(12, 12, overlaps_s=[4])
    heard = excerpt_of(timeline, 0, noises, ffmpeg, tmp_path / "join.m4a")
    mix = mix_of(timeline, noises, ffmpeg)[round(3.0 * RATE) : round(17.0 * RATE)]
    assert abs(len(heard) - len(mix)) <= AAC_FRAMES
    assert lag(heard, mix, at=RATE) == 0
    assert correlation(heard, mix) > 0.9  # a small AAC of noise, which is the hardest to keep


def test_an_excerpt_stays_the_same_when_names_are_corrected_and_survives_json():
    timeline = lay(20, 20, overlaps_s=[8])
    renamed = Timeline.from_dict(
        {**timeline.to_dict(), "clips": [{**clip, "title": "New"} for clip in timeline.to_dict()["clips"]]}
    )
    excerpt = cut_excerpt(timeline, 0)
    assert excerpt == cut_excerpt(renamed, 0) == MixSpan.from_dict(excerpt.to_dict())


@pytest.mark.parametrize("index", [-1, 1])
def test_after_the_last_track_there_is_no_join(index):
    with pytest.raises(TimelineError):
        cut_excerpt(lay(20, 20, overlaps_s=[8]), index)


@pytest.mark.parametrize(("rate", "plays_at"), [(44_100, 44_100), (48_000, 48_000), (32_000, 44_100)])
def test_a_copy_is_the_whole_track_from_its_first_sample(rate, plays_at, ffmpeg, tmp_path):
    sound = pink_noise(5.0, rate, seed=3)
    source = write_wav(tmp_path / "track.wav", sound, rate)
    write_track_preview(ffmpeg, source, tmp_path / "copy.m4a")
    heard = decode_file(tmp_path / "copy.m4a", plays_at)
    assert abs(len(heard) - 5 * plays_at) <= AAC_FRAMES
    if rate == plays_at:
        assert abs(lag(heard, sound, at=rate)) <= 1
        assert correlation(heard, sound) > 0.9


def test_a_copy_is_small_plays_while_it_loads_and_tells_nothing(ffmpeg, tmp_path):
    source = write_wav(tmp_path / "secret title.wav", pink_noise(20.0))
    out = tmp_path / "copy.m4a"
    write_track_preview(ffmpeg, source, out)
    data = out.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    assert b"secret" not in data
    assert len(data) * 8 / 20 == pytest.approx(128_000, rel=0.15)
    stderr = subprocess.run([str(ffmpeg), "-i", str(out)], capture_output=True, text=True, check=False).stderr
    assert "Audio: aac (LC)" in stderr
    assert "encoder" not in stderr


def test_a_copy_that_fails_leaves_nothing(ffmpeg, tmp_path):
    text = tmp_path / "page.mp3"
    text.write_text("<html>")
    with pytest.raises(DecodeError):
        write_track_preview(ffmpeg, text, tmp_path / "copy.m4a")
    source = write_wav(tmp_path / "long.wav", pink_noise(30.0))
    with pytest.raises(Cancelled):
        write_track_preview(ffmpeg, source, tmp_path / "copy.m4a", should_stop=lambda: True)
    assert not (tmp_path / "copy.m4a").exists()


def test_progress_goes_from_nothing_to_the_whole(ffmpeg, tmp_path):
    fractions = []
    source = write_wav(tmp_path / "track.wav", pink_noise(10.0))
    write_track_preview(ffmpeg, source, tmp_path / "copy.m4a", on_progress=fractions.append)
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0, abs=0.01)


def test_levels_are_kept(ffmpeg, tmp_path):
    timeline = lay(12, 12, overlaps_s=[2])
    paths = [write_wav(tmp_path / f"{k}.wav", pink_noise(13.0, seed=k, level_db=-30.0)) for k in range(2)]
    heard = excerpt_of(timeline, 0, paths, ffmpeg, tmp_path / "join.m4a")
    rms = np.sqrt(np.mean(np.square(heard[RATE : 3 * RATE])))
    assert rms == pytest.approx(10 ** (-30 / 20) * db_to_gain(-3.0), rel=0.05)
