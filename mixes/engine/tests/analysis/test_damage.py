"""Notes on damage name where it is and how much is missing, in every format with times."""

import re

import pytest

from mixes.engine.analysis.damage import describe_damage
from mixes.engine.analysis.track import analyse_track
from mixes.engine.codecs.gaps import MissingSound
from mixes.engine.tests.signals import RATE, pink_noise, write_audio, write_wav

FORMATS = {
    "flac": ((), 0.1),
    "mp3": (("-b:a", "192k"), 0.15),
    "ogg": (("-c:a", "libvorbis"), 1.0),
    "opus": ((), 1.0),
    "m4a": (("-c:a", "aac"), 0.2),
}


def overwrite(path, share, count=3_000):
    """Overwrite bytes of a file from a share of its length on."""
    data = bytearray(path.read_bytes())
    first = round(len(data) * share)
    data[first : first + count] = bytes((37 * k + 11) % 251 for k in range(count))
    path.write_bytes(data)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_gap_is_named_with_its_place_and_length(suffix, ffmpeg, tmp_path):
    options, lost_s = FORMATS[suffix]
    path = write_audio(tmp_path / f"song.{suffix}", pink_noise(20.0), RATE, *options)
    overwrite(path, 0.75)
    (note,) = analyse_track(ffmpeg, path).notes
    found = re.fullmatch(r"The file is damaged at 0:(\d\d); (\d\.\d) s are missing there\.", note)
    assert found, note
    assert int(found[1]) == pytest.approx(15, abs=1.5)
    assert float(found[2]) == pytest.approx(lost_s, abs=0.25 if lost_s < 1 else 1.1)


def test_noise_without_a_gap_is_named_with_about_its_place(ffmpeg, tmp_path):
    path = write_audio(tmp_path / "song.flac", pink_noise(20.0), RATE)
    overwrite(path, 0.5, count=2)  # the frame is decoded, and its checksum is wrong
    (note,) = analyse_track(ffmpeg, path).notes
    found = re.match(r"The file is damaged at (?:about )?0:(\d\d)", note)
    assert found and 5 <= int(found[1]) <= 10


def test_the_end_of_a_cut_wav_is_named_by_its_length_without_a_word_of_noise(ffmpeg, tmp_path):
    path = write_wav(tmp_path / "song.wav", (pink_noise(4.0) * 32_767).astype("int16"))
    path.write_bytes(path.read_bytes()[: -RATE * 4 - 2])
    analysis = analyse_track(ffmpeg, path)
    assert analysis.notes == ("The last 1.0 s of the file are missing.",)
    assert analysis.damaged_places == 0


def test_a_piece_cut_out_of_an_mp3_is_whole(ffmpeg, tmp_path):
    path = write_audio(tmp_path / "song.mp3", pink_noise(6.0), RATE, "-b:a", "128k")
    data = path.read_bytes()
    frames = [at for at in range(len(data) // 3, len(data)) if data.startswith(data[45:47], at)]
    path.write_bytes(data[data.index(b"\xff\xfb", frames[0]) :])
    assert analyse_track(ffmpeg, path).notes == ()


@pytest.mark.parametrize("suffix", ["mp3", "mp2", "aac", "ac3"])
@pytest.mark.parametrize("part", [slice(777, None), slice(None, -77)], ids=["start", "end"])
def test_a_cut_inside_a_frame_is_no_damage(suffix, part, ffmpeg, tmp_path):
    path = write_audio(tmp_path / f"song.{suffix}", pink_noise(4.0), RATE)
    path.write_bytes(path.read_bytes()[part])
    assert analyse_track(ffmpeg, path).notes == ()


@pytest.mark.parametrize("suffix", ["mp2", "aac", "ac3"])
def test_damage_inside_a_sequence_of_frames_is_named(suffix, ffmpeg, tmp_path):
    path = write_audio(tmp_path / f"song.{suffix}", pink_noise(20.0), RATE)
    overwrite(path, 0.5)
    (note,) = analyse_track(ffmpeg, path).notes
    assert "is damaged at" in note


@pytest.mark.parametrize(
    ("places_s", "missing_s", "sentence"),
    [
        ([83.2], 0.4, "The file is damaged at 1:23; 0.4 s are missing there."),
        ([83.2], 0.02, "The file is damaged at 1:23; less than 0.1 s is missing."),
        ([12, 12.5, 40, 62], 1.2, "The file is damaged at 0:12, 0:40 and 1:02; 1.2 s are missing in all."),
        (
            range(0, 4_000, 500),
            9,
            "The file is damaged at 8 places from 0:00 to 58:20; 9.0 s are missing in all.",
        ),
    ],
)
def test_places_are_listed(places_s, missing_s, sentence):
    gaps = [MissingSound(at_s, missing_s / len(places_s)) for at_s in places_s]
    assert describe_damage(gaps, missing_s, None, 7) == sentence


def test_without_gaps_about_the_first_place_or_the_number_of_places_is_said():
    assert "at about 1:01:01; there may be" in describe_damage((), 0.0, 3_661.9, 2)
    assert "2 damaged places" in describe_damage((), 0.0, None, 2)
