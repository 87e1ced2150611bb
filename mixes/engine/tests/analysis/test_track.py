"""Tests of the analysis of whole files: measurements, refusals and the JSON round trip."""

import hashlib
import json
import struct
from dataclasses import replace

import numpy as np
import pytest

from mixes.engine import hashing
from mixes.engine.analysis.track import (
    ANALYSIS_VERSION,
    TAGS_UNREADABLE,
    TrackAnalysis,
    TrackMeter,
    analyse_track,
)
from mixes.engine.errors import Cancelled, DecodeError, EngineError
from mixes.engine.hashing import hash_file
from mixes.engine.tests.signals import (
    RATE,
    fade,
    pink_noise,
    run_ffmpeg,
    silence,
    sine,
    write_audio,
    write_wav,
)

SONG = np.concatenate([silence(1.5), sine(997, 8.0, level_db=-20.0), silence(1.0)])


@pytest.fixture(scope="module")
def song_path(tmp_path_factory):
    return write_wav(tmp_path_factory.mktemp("songs") / "The Band - 997.wav", SONG)


@pytest.fixture(scope="module")
def song(ffmpeg, song_path):
    return analyse_track(ffmpeg, song_path)


def decode_error_of(ffmpeg, path, **options):
    with pytest.raises(DecodeError) as caught:
        analyse_track(ffmpeg, path, **options)
    assert caught.value.path == path
    assert str(caught.value) == f"{path.name}: {caught.value.reason}"
    return caught.value.reason


def test_length_and_format_are_those_of_the_file(song, song_path):
    assert (song.frames, song.rate, song.channels) == (len(SONG), RATE, 2)
    assert song.codec == "pcm_f32le"
    assert song.sha256 == hashlib.sha256(song_path.read_bytes()).hexdigest()
    assert song.version == ANALYSIS_VERSION
    assert song.duration_s == pytest.approx(10.5)


def test_loudness_and_peak_are_those_of_the_sound(song):
    assert song.integrated_lufs == pytest.approx(-20.0, abs=0.25)  # windows at both ends hold silence
    assert song.true_peak_dbtp == pytest.approx(-20.0, abs=0.3)
    assert 0.0 <= song.range_lu < 3.0
    assert len(song.momentary) == 102
    assert song.momentary[0] == -120.0 and song.momentary[50] == pytest.approx(-20.0, abs=0.05)


def test_cue_points_enclose_the_sound(song):
    cues = song.cues
    assert cues.first_sound == pytest.approx(1.5 * RATE, abs=2)
    assert cues.last_sound == pytest.approx(9.5 * RATE, abs=2)
    assert (cues.cue_in, cues.cue_out) == (cues.first_sound, cues.last_sound)
    assert not cues.to_the_end


def test_outline_shows_the_sound(song):
    loudest = round(127 * 10 ** (-20 / 20))
    assert song.peaks[0] == (0, 0)
    assert song.peaks[len(song.peaks) // 2] == (-loudest, loudest)


def test_names_come_from_the_users_file_name(song, ffmpeg, song_path):
    assert (song.tags.artist, song.tags.title) == ("The Band", "997")
    named = analyse_track(ffmpeg, song_path, name="Others - Other.wav", sha256="known")
    assert (named.tags.artist, named.tags.title, named.sha256) == ("Others", "Other", "known")


def test_an_analysis_survives_a_json_round_trip(song):
    noted = replace(song, integrated_lufs=None, channels=None, notes=("A note.",))
    for analysis in (song, noted):
        assert (
            TrackAnalysis.from_json(json.loads(json.dumps(analysis.to_json(), allow_nan=False))) == analysis
        )


def test_json_of_version_1_is_read_with_what_was_not_measured_unknown(song):
    data = song.to_json() | {"version": 1}
    later = ("silences", "start_above_floor_db", "end_above_floor_db", "lead_noise_s", "tail_noise_s")
    for name in (*later, "bass_start_db", "bass_end_db"):
        del data[name]
    del data["tags"]["album_artist"]
    old = TrackAnalysis.from_json(data)
    assert (old.version, old.silences, old.end_above_floor_db, old.bass_end_db) == (1, (), None, None)
    assert old.momentary == song.momentary


def test_json_of_another_version_is_refused(song):
    for version in (ANALYSIS_VERSION + 1, None, "1"):
        with pytest.raises(ValueError, match="version"):
            TrackAnalysis.from_json(song.to_json() | {"version": version})


def test_damaged_json_is_refused(song):
    for damage in (
        {},
        [],
        song.to_json() | {"surplus": 1},
        song.to_json() | {"peaks": "0"},
        {"version": ANALYSIS_VERSION},
    ):
        with pytest.raises((ValueError, KeyError, TypeError)):
            TrackAnalysis.from_json(damage)


@pytest.mark.parametrize("ending", ["mp3", "flac", "ogg", "opus", "m4a"])
def test_the_same_sound_in_any_format_measures_the_same(ffmpeg, song, tmp_path, ending):
    options = ("-b:a", "320k") if ending == "mp3" else ()  # below 256k LAME lowers the level a little
    analysis = analyse_track(ffmpeg, write_audio(tmp_path / f"song.{ending}", SONG, RATE, *options))
    seconds = analysis.frames / analysis.rate
    assert seconds == pytest.approx(10.5, abs=0.06)  # M4A and similar formats may keep some padding
    assert analysis.integrated_lufs == pytest.approx(song.integrated_lufs, abs=0.2)
    assert analysis.cues.cue_in / analysis.rate == pytest.approx(1.5, abs=0.06)
    assert analysis.damaged_places == 0 and analysis.notes == ()


@pytest.mark.parametrize("rate", [8_000, 22_050, 96_000])
def test_a_file_is_measured_at_its_own_rate(ffmpeg, tmp_path, rate):
    sound = pink_noise(3.0, rate, level_db=-20.0)
    analysis = analyse_track(ffmpeg, write_wav(tmp_path / "noise.wav", sound, rate))
    assert (analysis.rate, analysis.frames) == (rate, len(sound))


def test_a_mastered_fade_is_detected(ffmpeg, tmp_path):
    noise = pink_noise(30.0, level_db=-20.0)
    sound = np.concatenate([noise[: 18 * RATE], fade(noise[18 * RATE :], 0, -45)])
    cues = analyse_track(ffmpeg, write_wav(tmp_path / "fade.wav", sound)).cues
    assert cues.self_fading and not cues.sustained
    assert (cues.cue_out - cues.outro_start) / RATE == pytest.approx(9.5, abs=1.0)


def test_sound_up_to_the_end_of_the_file_is_detected(ffmpeg, tmp_path):
    cues = analyse_track(ffmpeg, write_wav(tmp_path / "cold.wav", pink_noise(5.0))).cues
    assert cues.to_the_end
    assert cues.cue_out == cues.outro_start == cues.last_sound


@pytest.mark.parametrize("frames", [RATE // 2, RATE * 6 // 10])
def test_half_a_second_of_sound_is_accepted(ffmpeg, tmp_path, frames):
    sound = pink_noise(frames / RATE)
    analysis = analyse_track(ffmpeg, write_wav(tmp_path / "short.wav", sound))
    assert (analysis.cues.cue_in, analysis.cues.cue_out) == (0, analysis.cues.last_sound)


def test_sound_too_quiet_to_be_gated_keeps_its_bounds(ffmpeg, tmp_path):
    sound = np.concatenate([silence(1.0), sine(12, 2.0, level_db=-55.0), silence(1.0)])
    analysis = analyse_track(ffmpeg, write_wav(tmp_path / "quiet.wav", sound))
    assert analysis.integrated_lufs is None
    assert analysis.cues.cue_in == analysis.cues.first_sound == pytest.approx(RATE, abs=500)
    assert analysis.cues.cue_out == analysis.cues.last_sound == pytest.approx(3 * RATE, abs=500)


def test_broken_samples_are_counted_and_reported(ffmpeg, tmp_path):
    sound = sine(997, 3.0, level_db=-20.0)
    sound[500:502] = np.nan
    sound[900, 0] = np.inf
    analysis = analyse_track(ffmpeg, write_wav(tmp_path / "broken.wav", sound))
    assert analysis.repaired_samples == 5
    assert analysis.integrated_lufs == pytest.approx(-20.0, abs=0.15)
    assert len(analysis.notes) == 1


def test_damaged_places_are_counted_and_reported(ffmpeg, tmp_path):
    path = write_audio(tmp_path / "song.flac", pink_noise(10.0))
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 200] = bytes(200)
    path.write_bytes(data)
    analysis = analyse_track(ffmpeg, path)
    assert analysis.damaged_places > 0
    assert analysis.notes == ("The file is damaged at 0:04; 0.1 s are missing there.",)


def test_silent_track_is_refused(ffmpeg, tmp_path):
    assert (
        decode_error_of(ffmpeg, write_wav(tmp_path / "a.wav", silence(3.0)))
        == "it is silent from beginning to end."
    )


def test_track_of_less_than_half_a_second_of_sound_is_refused(ffmpeg, tmp_path):
    sound = np.concatenate([silence(5.0), sine(440, 0.45), silence(5.0)])
    assert (
        decode_error_of(ffmpeg, write_wav(tmp_path / "a.wav", sound))
        == "it has less than 0.5 seconds of sound."
    )
    one_sample = np.ones((1, 2), dtype=np.float32)
    assert "less than 0.5 seconds" in decode_error_of(ffmpeg, write_wav(tmp_path / "b.wav", one_sample))


def test_file_without_a_single_sample_is_refused(ffmpeg, tmp_path):
    assert decode_error_of(ffmpeg, write_wav(tmp_path / "a.wav", silence(0)))


def test_text_is_refused(ffmpeg, tmp_path):
    path = tmp_path / "song.mp3"
    path.write_text("#EXTM3U\nother.mp3\n")
    assert "it is a playlist" in decode_error_of(ffmpeg, path)
    path.write_text("other.mp3\n")
    assert "not an audio file" in decode_error_of(ffmpeg, path)


def test_picture_without_sound_is_refused(ffmpeg, tmp_path):
    path = tmp_path / "picture.mp3"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    assert decode_error_of(ffmpeg, path)


def test_track_that_is_too_long_is_refused(ffmpeg, song_path):
    reason = decode_error_of(ffmpeg, song_path, max_s=6.0)
    assert reason == "it is longer than the 0.1 minutes a track may have."
    assert analyse_track(ffmpeg, song_path, max_s=10.5).frames == len(SONG)


def test_progress_is_reported_and_analysing_can_be_cancelled(ffmpeg, song_path):
    fractions = []
    analyse_track(ffmpeg, song_path, on_progress=fractions.append)
    assert fractions and all(0.0 <= fraction <= 1.0 for fraction in fractions)
    with pytest.raises(Cancelled):
        analyse_track(ffmpeg, song_path, should_stop=lambda: True)


def test_measuring_does_not_change_the_sound():
    block = pink_noise(1.0)
    block.setflags(write=False)
    sound = TrackMeter(RATE)
    sound.push(block)
    assert sound.frames == len(block)


def test_unreadable_tags_are_reported_and_the_file_name_is_used(ffmpeg, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise EngineError("The file could not be read safely.")

    monkeypatch.setattr("mixes.engine.analysis.track.read_tags", fail)
    track = analyse_track(ffmpeg, write_wav(tmp_path / "Band - Song.wav", sine(440, 2)))
    assert (track.tags.artist, track.tags.title) == ("Band", "Song")
    assert TAGS_UNREADABLE in track.notes


def test_a_hash_covers_all_bytes_and_can_be_cancelled(tmp_path, monkeypatch):
    monkeypatch.setattr(hashing, "HASH_BYTES", 1000)
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 20)
    assert hash_file(path) == hashlib.sha256(path.read_bytes()).hexdigest()
    asked = iter((False, False, True))
    with pytest.raises(Cancelled):
        hash_file(path, lambda: next(asked))


def with_bytes_behind(path, options, data):
    """A sound file with other bytes behind its last frame."""
    write_audio(path, sine(440, 3.0), RATE, *options)
    path.write_bytes(path.read_bytes() + data)
    return path


def ape_tag():
    item = b"\x10\0\0\0\0\0\0\0Title\0" + b"x" * 16
    size = len(item) + 32
    footer = b"APETAGEX" + struct.pack("<IIII8x", 2000, size, 1, 0)
    return item + footer


ID3V1 = b"TAG" + b"Rain".ljust(125, b"\0")
BEHIND = {
    "FLAC, ID3v1": ("flac", (), ID3V1),
    "FLAC, APE": ("flac", (), ape_tag()),
    "FLAC, APE and ID3v1": ("flac", (), ape_tag() + ID3V1),
    "FLAC, zeros": ("flac", (), bytes(4000)),
    "FLAC, Lyrics3": ("flac", (), b"LYRICSBEGININD0000211000024LYRICS200" + ID3V1),
    "WavPack, ID3v1": ("wv", (), ID3V1),
    "MP3, ID3v1": ("mp3", (), ID3V1),
    "MP3, APE and ID3v1": ("mp3", (), ape_tag() + ID3V1),
    "MP3, zeros": ("mp3", (), bytes(4000)),
    "MP3, Lyrics3": ("mp3", (), b"LYRICSBEGIN" + b"IND00002110" * 300 + b"003311LYRICS200" + ID3V1),
    "MP3, Lyrics3v1": ("mp3", (), b"LYRICSBEGIN" + b"la la\r\n" * 300 + b"LYRICSEND" + ID3V1),
    "MP3, ID3v2 with footer": (
        "mp3",
        (),
        b"ID3\4\0\x10\0\0\x10\0" + bytes(2048) + b"3DI\4\0\x10\0\0\x10\0" + ID3V1,
    ),
    "MP3, a line break": ("mp3", (), b"\r\n"),
    "MP2, ID3v1": ("mp2", (), ID3V1),
    "MP2, zeros": ("mp2", (), bytes(4000)),
    "AC3, ID3v1": ("ac3", (), ID3V1),
    "AAC, ID3v1": ("aac", ("-f", "adts"), ID3V1),
    "AAC, a line break": ("aac", ("-f", "adts"), b"\r\n"),
    "Vorbis, ID3v1": ("ogg", ("-c:a", "libvorbis"), ID3V1),
    "WAV, ID3v1": ("wav", (), ID3V1),
}


@pytest.mark.parametrize("name", BEHIND)
def test_bytes_behind_the_last_frame_are_no_damage(ffmpeg, tmp_path, name):
    suffix, options, data = BEHIND[name]
    found = analyse_track(ffmpeg, with_bytes_behind(tmp_path / f"song.{suffix}", options, data))
    assert found.damaged_places == 0
    assert not [note for note in found.notes if "damaged" in note or "missing" in note]


def test_joined_mp3_with_tags_between_its_parts_is_no_damage(ffmpeg, tmp_path):
    part = write_audio(tmp_path / "part.mp3", sine(440, 2.0), RATE).read_bytes()
    for name, between in (("v2", b""), ("v1", ID3V1), ("three", ID3V1 + part)):
        path = tmp_path / f"{name}.mp3"
        path.write_bytes(part + between + part)
        assert analyse_track(ffmpeg, path).damaged_places == 0, name


def test_damage_inside_is_told_though_tags_follow(ffmpeg, tmp_path):
    path = write_audio(tmp_path / "song.flac", pink_noise(5.0), RATE)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 300] = bytes(300)
    path.write_bytes(bytes(data) + ID3V1)
    assert analyse_track(ffmpeg, path).damaged_places > 0


def test_file_of_several_sounds_is_told(ffmpeg, tmp_path):
    wavs = [write_wav(tmp_path / f"{hz}.wav", sine(hz, 2.0)) for hz in (440, 660)]
    path = tmp_path / "film.mkv"
    inputs = [word for wav in wavs for word in ("-i", str(wav))]
    flags = ("-disposition:a:0", "0", "-disposition:a:1", "default")
    run_ffmpeg(*inputs, "-map", "0:a", "-map", "1:a", "-c:a", "flac", *flags, str(path))
    found = analyse_track(ffmpeg, path)
    assert found.notes == (
        "There are 2 sounds in the file; number 2, which the file marks as its default, is used.",
    )


def test_what_an_unreadable_link_of_a_chain_holds_is_told(ffmpeg, tmp_path):
    link = write_audio(tmp_path / "a.ogg", sine(440, 2.0), RATE, "-c:a", "libvorbis").read_bytes()
    broken = link[:60] + bytes(4000) + link[4060:]
    path = tmp_path / "recording.ogg"
    path.write_bytes(link + broken)
    found = analyse_track(ffmpeg, path)
    assert found.duration_s == pytest.approx(2.0, abs=0.1)
    assert "Only the first 0:02 of the file can be read; the rest is missing." in found.notes
