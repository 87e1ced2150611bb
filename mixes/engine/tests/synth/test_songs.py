import functools
import hashlib
from itertools import pairwise

import numpy as np
import pytest

from mixes.engine.errors import Cancelled, EngineError
from mixes.engine.synth import instruments
from mixes.engine.synth.songs import DEMO_SONGS, make_songs, render_song, song_blocks, write_song
from mixes.engine.tests.signals import RATE, decode_file, lag, rms_db, run_ffmpeg

PAPER, NIGHT, SUNDAY = DEMO_SONGS
SHORT = make_songs(4, seconds=10)
rendered = functools.cache(render_song)  # several tests use the same song


@pytest.mark.parametrize("song", SHORT, ids=lambda song: song.ending)
@pytest.mark.parametrize("rate", [22_050, 48_000])
def test_a_song_has_exactly_its_planned_length(song, rate):
    blocks = list(song_blocks(song, rate))
    assert sum(map(len, blocks)) == song.frames(rate)
    assert max(map(len, blocks)) < 7 * rate, "a song must stream, not come as one block"


def test_the_same_song_gives_the_same_samples_and_another_seed_others():
    first, again = render_song(SHORT[0]), render_song(SHORT[0])
    assert np.array_equal(first, again)
    assert make_songs(3, seed=5) == make_songs(3, seed=5) != make_songs(3, seed=6)


@pytest.mark.parametrize("song", [*DEMO_SONGS, *SHORT], ids=lambda song: song.title)
def test_a_song_neither_clips_nor_carries_a_constant_offset(song):
    samples = rendered(song)
    assert np.isfinite(samples).all()
    assert 0.1 < np.abs(samples).max() <= 0.89
    assert abs(samples.mean()) < 1e-3


@pytest.mark.parametrize("song", DEMO_SONGS, ids=lambda song: song.title)
def test_the_demo_songs_last_half_a_minute_to_forty_seconds(song):
    assert 30 <= song.frames(RATE) / RATE <= 40


def test_the_demo_songs_differ_in_tempo_key_ending_level_and_album():
    for fact in ("bpm", "tonic", "ending", "level_db", "album", "title", "artist"):
        assert len({getattr(song, fact) for song in DEMO_SONGS}) == 3, fact


def test_notes_are_in_the_songs_key():
    """In the spectrum folded into one octave, the scale's notes hold nearly all of the energy."""
    spectrum = np.abs(np.fft.rfft(rendered(SUNDAY).mean(axis=1))) ** 2
    hertz = np.fft.rfftfreq(SUNDAY.frames(RATE), 1 / RATE)
    heard = (hertz > 250) & (hertz < 1_200)  # above kick and brush: drums have no key
    midi = 69 + 12 * np.log2(hertz[heard] / 440)
    near = np.abs(midi - np.round(midi)) < 0.25
    pitch_class = (np.round(midi[near]).astype(int) - SUNDAY.tonic) % 12
    in_key = np.isin(pitch_class, (0, 2, 4, 5, 7, 9, 11))
    energy = spectrum[heard][near]
    assert energy[in_key].sum() > 0.97 * energy.sum()


def test_drums_are_on_the_songs_beat():
    """The body's envelope repeats with the beat, but not with a beat 10 % faster."""
    body = rendered(NIGHT)[NIGHT.bar_frames(RATE) * 2 : NIGHT.bar_frames(RATE) * 10].mean(axis=1)
    envelope = np.abs(body[: len(body) // 441 * 441]).reshape(-1, 441).mean(axis=1)  # 10 ms steps
    envelope -= envelope.mean()

    def correlation(seconds: float) -> float:
        step = round(seconds * 100)
        return float(np.dot(envelope[step:], envelope[:-step]) / np.dot(envelope, envelope))

    beat_s = 60 / NIGHT.bpm
    for beats in (2, 4):
        assert correlation(beats * beat_s) > 0.3 > correlation(beats * beat_s * 0.9)


@pytest.mark.parametrize("sound", ["bell", "pluck", "bass_note", "kick", "brush", "hat"])
def test_a_struck_sound_starts_and_ends_at_0(sound):
    note = () if sound in ("kick", "brush", "hat") else (60,)
    samples = getattr(instruments, sound)(*note, RATE)
    assert samples[0] == samples[-1] == 0 and np.abs(samples).max() > 0.3


def test_a_fade_out_falls_steadily_to_silence():
    end = round(PAPER.silence_after_s * RATE)
    fade = rendered(PAPER)[-PAPER.outro_bars * PAPER.bar_frames(RATE) - end : -end]
    levels = [rms_db(part) for part in np.array_split(fade, PAPER.outro_bars * 2)]
    assert all(later < earlier for earlier, later in pairwise(levels))
    assert levels[0] - levels[-1] > 15


def test_a_cold_end_is_as_loud_as_the_body_until_it_stops():
    samples = rendered(NIGHT)
    bar = NIGHT.bar_frames(RATE)
    assert abs(rms_db(samples[-bar:]) - rms_db(samples[-5 * bar : -bar])) < 2
    assert abs(samples[-1]).max() == 0


def test_a_ring_out_decays_after_the_last_bar():
    end = len(rendered(SUNDAY)) - round(SUNDAY.silence_after_s * RATE)
    seconds = [rms_db(rendered(SUNDAY)[end - n * RATE : end - (n - 1) * RATE]) for n in (6, 4, 2)]
    assert seconds[0] > seconds[1] + 5 > seconds[2] + 10


def test_a_held_end_stays_at_its_level():
    held = next(song for song in SHORT if song.ending == "held")
    end = held.frames(RATE) - round(held.silence_after_s * RATE)
    bar = held.bar_frames(RATE)
    outro = rendered(held)[end - bar : end]
    assert abs(rms_db(outro[: bar // 2]) - rms_db(outro[bar // 2 :])) < 4


def test_silence_around_a_song_is_digital():
    samples = rendered(PAPER)
    before, after = round(PAPER.silence_before_s * RATE), round(PAPER.silence_after_s * RATE)
    assert not samples[:before].any() and not samples[-after:].any()
    assert rms_db(samples[before : before + RATE]) > -50


@pytest.mark.parametrize("song", DEMO_SONGS, ids=lambda song: song.title)
def test_a_song_has_no_clicks(song):
    """No step of the waveform is much larger than the steps around it."""
    steps = np.abs(np.diff(rendered(song), n=2, axis=0)).max(axis=1)
    for block in np.array_split(steps, len(steps) // RATE):
        assert block.max() <= max(12 * np.quantile(block, 0.99), 0.01)


@pytest.mark.parametrize("suffix", [".mp3", ".wav", ".flac", ".m4a", ".ogg", ".opus"])
def test_a_written_song_has_its_sound_and_its_tags(ffmpeg, tmp_path, suffix):
    song = SHORT[0]
    path = write_song(ffmpeg, song, tmp_path / f"song{suffix}")
    decoded, original = decode_file(path), rendered(song)
    assert abs(lag(decoded, original, at=2 * RATE)) <= 1
    assert abs(rms_db(decoded) - rms_db(original)) < 0.2
    level = "s:0" if suffix in (".ogg", ".opus") else "g"  # an Ogg stream has its own tags
    tags = run_ffmpeg("-i", str(path), "-map_metadata", f"0:{level}", "-f", "ffmetadata", "-").decode()
    assert {f"title={song.title}", f"artist={song.artist}", f"album={song.album}"} <= set(tags.splitlines())


def test_writing_twice_gives_the_same_bytes(ffmpeg, tmp_path):
    digests = {
        hashlib.sha256(write_song(ffmpeg, SHORT[1], tmp_path / name).read_bytes()).digest()
        for name in ("one.mp3", "two.mp3")
    }
    assert len(digests) == 1


def test_an_unknown_format_is_refused_in_one_sentence(ffmpeg, tmp_path):
    with pytest.raises(EngineError, match=r"song\.xyz: songs can be written as \.mp3"):
        write_song(ffmpeg, SHORT[0], tmp_path / "song.xyz")


def test_writing_can_be_cancelled(ffmpeg, tmp_path):
    with pytest.raises(Cancelled):
        write_song(ffmpeg, PAPER, tmp_path / "song.mp3", should_stop=lambda: True)
