"""Tests of mixes whose MP3 songs are copied: the frames are the songs' own, the rest is the mix's."""

import os
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from mixes.engine.analysis.track import analyse_track
from mixes.engine.checks.passed_through import PassProof
from mixes.engine.codecs.mp3 import Mp3Format
from mixes.engine.errors import Cancelled, DecodeError
from mixes.engine.mixing.plan import plan_mix
from mixes.engine.mixing.settings import MixSettings, Use
from mixes.engine.passthrough.facts import STEP_DB
from mixes.engine.rendering.span import cut_span, render_span
from mixes.engine.sewing.encoding import Materials
from mixes.engine.sewing.passages import find_passages
from mixes.engine.sewing.report import planned_report, report
from mixes.engine.sewing.writer import write_sewn
from mixes.engine.tests.passthrough.streams import encode
from mixes.engine.tests.signals import decode_file, rms_db
from mixes.engine.timeline import MP3_FRAME as FRAME

COPY = MixSettings(copy_into_kbps=320)


@pytest.fixture(scope="session")
def tracks(ffmpeg, song_files):
    return [analyse_track(ffmpeg, path) for path in song_files]


def materials_of(ffmpeg, paths, tracks, settings=COPY, uses=()):
    timeline = plan_mix(tracks, settings, uses=uses).timeline
    passages = find_passages(timeline, tracks, keeps_peaks=settings.target_lufs is None)
    return Materials(timeline, paths, tracks, passages, Mp3Format(timeline.rate, 320), ffmpeg)


@pytest.fixture(scope="session")
def sewn_mix(ffmpeg, song_files, tracks, tmp_path_factory):
    """Return materials, file and what was sewn of a mix whose levels are left as they are."""
    path = tmp_path_factory.mktemp("sewn") / "mix.mp3"
    materials = materials_of(ffmpeg, song_files, tracks, MixSettings(copy_into_kbps=320, target_lufs=None))
    return materials, path, write_sewn(path, materials, cores=2)


def prove(ffmpeg, materials, path, sewn):
    passed = report(materials.timeline, sewn)
    proof = PassProof(ffmpeg, materials.timeline, materials.paths, materials.tracks, passed)
    sound = decode_file(path)
    for at in range(0, len(sound), 50_000):
        proof.push(sound[at : at + 50_000])
    return proof


def test_it_is_as_long_as_planned(sewn_mix):
    materials, path, _ = sewn_mix
    assert len(decode_file(path)) == materials.timeline.frames


OTHER_DECODERS = {
    "/usr/bin/ffmpeg": ("-v", "warning", "-i", "{}", "-map", "0:a", "-f", "s16le", "-"),
    "mpg123": ("-q", "-s", "-e", "s16", "{}"),
    "lame": ("--quiet", "--decode", "-t", "{}", "-"),
}


@pytest.mark.parametrize("program", OTHER_DECODERS)
def test_other_decoders_agree_and_do_not_complain(program, sewn_mix):
    if not shutil.which(program):
        assert os.environ.get("REQUIRE_DECODERS") != "1", f"REQUIRE_DECODERS=1, but there is no {program}"
        pytest.skip(f"no {program} here to decode with; REQUIRE_DECODERS=1 makes this a failure")
    materials, path, _ = sewn_mix
    call = [program, *(part.replace("{}", str(path)) for part in OTHER_DECODERS[program])]
    run = subprocess.run(call, capture_output=True, check=True)
    heard = np.frombuffer(run.stdout, "<i2").reshape(-1, 2) / 32768
    assert run.stderr == b""
    assert len(heard) == materials.timeline.frames
    assert np.abs(heard - np.clip(decode_file(path), -1, 1)).max() < 1e-3


def test_most_of_it_is_copied_and_every_sample_of_that_is_the_songs(sewn_mix, song_files):
    materials, path, sewn = sewn_mix
    heard, timeline = decode_file(path), materials.timeline
    assert sewn.forced == 0
    assert report(timeline, sewn).share > 0.5
    assert all(clip.is_copied for clip in timeline.clips)
    for index, first, end in sewn.runs:
        clip, source = timeline.clips[index], decode_file(song_files[index])
        low, high = max(clip.start, first * FRAME + 48), min(clip.end, end * FRAME - 1105)
        song = source[low - clip.start + clip.cue_in :][: high - low]
        assert np.array_equal(heard[low:high], song)


def test_the_rest_sounds_as_the_mix(ffmpeg, sewn_mix, song_files):
    materials, path, _ = sewn_mix
    heard, timeline = decode_file(path), materials.timeline
    for passage in materials.passages:
        first, end = max(0, passage.first * FRAME), min(timeline.frames, passage.end * FRAME - 1105)
        span = cut_span(timeline, first, end)
        paths = [song_files[index] for index in span.clips]
        wanted = np.concatenate(list(render_span(span, paths, ffmpeg=ffmpeg)))
        assert rms_db(heard[first:end] - wanted) < rms_db(wanted) - 15


def snr_db(wanted, heard, frame):
    """Return the signal-to-noise ratio where a frame begins to be heard, and of that frame."""
    part = slice(max(0, frame * FRAME - 1105 - FRAME // 2), frame * FRAME - 1105 + FRAME)
    noise = wanted[part].astype(np.float64) - heard[part]
    return 10 * np.log10(max(np.sum(wanted[part] ** 2.0), 1e-9) / max(np.sum(noise**2), 1e-9))


def test_seams_are_as_good_as_one_encoding_of_it_all(ffmpeg, sewn_mix, song_files, tmp_path):
    materials, path, sewn = sewn_mix
    timeline, heard = materials.timeline, decode_file(path)
    span = cut_span(timeline, 0, timeline.frames)
    wanted = np.concatenate(list(render_span(span, song_files, ffmpeg=ffmpeg)))
    whole = tmp_path / "whole.mp3"
    whole.write_bytes(encode(ffmpeg, wanted, "-b:a", "320k", "-compression_level", "7"))
    encoded = decode_file(whole)
    pairs = [(snr_db(wanted, heard, seam), snr_db(wanted, encoded, seam)) for seam in sewn.seams]
    assert len(pairs) >= 4
    assert all(ours >= 30 or ours >= theirs - 0.5 for ours, theirs in pairs)
    off_by_one = [snr_db(wanted, np.roll(heard, 1, axis=0), seam) for seam in sewn.seams]
    assert min(off_by_one) < 20  # such a fault would be found


def test_the_proof_finds_it_equal_and_a_wrong_gain_different(ffmpeg, sewn_mix):
    materials, path, sewn = sewn_mix
    good = prove(ffmpeg, materials, path, sewn)
    assert good.different == []
    assert good.places > 20
    clips = [*materials.timeline.clips]
    clips[1] = replace(clips[1], gain_step=-1)
    wrong = replace(materials, timeline=replace(materials.timeline, clips=tuple(clips)))
    assert {title for title, _ in prove(ffmpeg, wrong, path, sewn).different} == {clips[1].title}


def test_the_bytes_do_not_depend_on_cores(tmp_path, sewn_mix):
    materials, path, sewn = sewn_mix
    again = write_sewn(tmp_path / "one.mp3", materials, cores=1)
    assert (tmp_path / "one.mp3").read_bytes() == path.read_bytes()
    assert again == sewn


def test_the_plan_knows_about_what_is_copied(sewn_mix):
    materials, _, sewn = sewn_mix
    planned = planned_report(materials.timeline, materials.tracks, keeps_peaks=True)
    assert planned.frames <= report(materials.timeline, sewn).frames
    assert planned.share == pytest.approx(report(materials.timeline, sewn).share, abs=0.1)


def test_gains_are_steps_and_loudness_is_kept(tracks):
    clips = plan_mix(tracks, COPY).timeline.clips
    for clip in clips:
        assert clip.gain_step is None or clip.gain_db == pytest.approx(clip.gain_step * STEP_DB)
        assert clip.is_copied == (not clip.encoded_because)


def test_a_level_by_hand_is_kept_exactly(tracks):
    uses = [Use(gain_db=-2.0), Use(gain_db=-3.01), Use()]
    clips = plan_mix(tracks, COPY, uses=uses).timeline.clips
    assert (clips[0].gain_db, clips[0].gain_step) == (-2.0, None)
    assert "by hand" in clips[0].encoded_because
    assert clips[1].gain_step == -2


def test_with_it_off_the_plan_is_what_it_was(tracks):
    plain = plan_mix(tracks, MixSettings())
    clips = plain.timeline.clips
    assert not any(clip.is_copied or clip.encoded_because for clip in clips)
    unknown = [replace(track, mp3=None) for track in tracks]
    assert plan_mix(unknown, MixSettings()) == plain


def test_songs_that_cannot_pass_are_encoded_with_a_reason(ffmpeg, song_files, tracks, tmp_path):
    some = [replace(tracks[0], mp3=None), tracks[1], replace(tracks[2], codec="flac")]
    materials = materials_of(ffmpeg, song_files, some, MixSettings(copy_into_kbps=320, target_lufs=None))
    sewn = write_sewn(tmp_path / "mix.mp3", materials, cores=2)
    passed = report(materials.timeline, sewn)
    assert [song.share > 0 for song in passed.songs] == [False, True, False]
    assert "analysed before" in passed.songs[0].reason
    assert passed.songs[2].reason == "it is not an MP3"
    assert passed.sentence.startswith("1 of 3 songs passes through untouched")
    assert len(decode_file(tmp_path / "mix.mp3")) == materials.timeline.frames
    assert prove(ffmpeg, materials, tmp_path / "mix.mp3", sewn).different == []


def test_a_song_that_changed_since_is_named(ffmpeg, song_files, tracks, tmp_path):
    other = tmp_path / "other.mp3"
    other.write_bytes(b"RIFF" + bytes(1000))
    materials = materials_of(ffmpeg, [other, *song_files[1:]], tracks)
    with pytest.raises(DecodeError, match="no longer what was measured"):
        write_sewn(tmp_path / "mix.mp3", materials, cores=1)
    assert not (tmp_path / "mix.mp3").exists()


def test_it_can_be_stopped(ffmpeg, song_files, tracks, tmp_path):
    materials = materials_of(ffmpeg, song_files, tracks)
    with pytest.raises(Cancelled):
        write_sewn(tmp_path / "mix.mp3", materials, cores=1, should_stop=lambda: True)
    assert not (tmp_path / "mix.mp3").exists()
