"""`manage.py mix` in a separate process: real files in, complete files out, errors in one sentence."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
from PIL import Image

from mixes.engine.analysis.loudness import k_weighting
from mixes.engine.errors import EngineError
from mixes.engine.processes.ffmpeg import find_ffmpeg
from mixes.engine.synth.songs import DEMO_SONGS, write_song
from mixes.engine.tests.signals import decode_file, silence, sine, write_audio, write_wav
from mixes.management.commands.mix import read_template

ROOT = Path(__file__).resolve().parents[3]
TONES_HZ = (400, 650, 900)  # a whole number of periods in 20 ms


@pytest.fixture
def songs(tmp_path):
    """Three tones of 14 s with tags, in a folder."""
    folder = tmp_path / "songs"
    folder.mkdir()
    for number, tone_hz in enumerate(TONES_HZ, 1):
        tags = ("-metadata", f"title=Tone {tone_hz}", "-metadata", f"artist=Band {number}")
        write_audio(folder / f"{number} song.flac", sine(tone_hz, 14), 44_100, *tags)
    return folder


@pytest.fixture
def mix(tmp_path):
    """Run the command in a separate process with the test's data folder."""

    def run(*arguments, check=True):
        done = subprocess.run(command(*arguments), env=environment(tmp_path), capture_output=True, text=True)
        assert not check or done.returncode == 0, done.stderr
        return done

    return run


def command(*arguments):
    return [sys.executable, str(ROOT / "manage.py"), "mix", *map(str, arguments)]


def environment(tmp_path):
    return {
        **os.environ,
        "MIXTAPE_DATA_DIR": str(tmp_path / "data"),
        "MIXTAPE_MEDIA_DIR": str(tmp_path / "media"),
    }


def listing(folder):
    """Return every file below a folder with its hash, including hidden ones."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_folder_of_songs_becomes_a_mix(mix, songs, tmp_path):
    out = tmp_path / "out"
    document = json.loads(
        mix(
            songs, "-o", out, "--title", "My Mix", "--formats", "mp3,mp4", "--size", "1280x720", "--json"
        ).stdout
    )
    assert sorted(path.name for path in out.iterdir()) == [
        "my-mix.chapters.json",
        "my-mix.cue",
        "my-mix.mp3",
        "my-mix.mp4",
        "my-mix.timeline.json",
        "my-mix.txt",
    ]
    assert [clip["title"] for clip in document["clips"]] == [f"Tone {tone}" for tone in TONES_HZ]
    for clip in document["clips"]:
        assert clip["cue_out_s"] == pytest.approx(clip["cue_in_s"] + clip["length_s"])
        assert {"bpm", "beat_trust", "key", "camelot", "key_margin", "voices_share"} <= set(clip)
        assert (clip["bpm"] is None) == (clip["beat_trust"] is None)
    lengths = sum(clip["length_s"] for clip in document["clips"])
    overlaps = sum(join["overlap_s"] for join in document["transitions"])
    assert all(join["bars"] == 0 and join["stretch"] == 1.0 for join in document["transitions"])
    assert all(clip["cue_out_s"] > clip["cue_in_s"] for clip in document["clips"])
    assert document["duration_s"] == pytest.approx(lengths - overlaps)
    assert len(decode_file(out / "my-mix.mp3")) == document["frames"]
    assert len(decode_file(out / "my-mix.mp4")) == document["frames"]
    assert document["check"]["integrated_lufs"] == pytest.approx(-14.0, abs=0.3)
    assert set(document["timings"]) >= {"analyse_s", "render_s", "video_s", "write_s", "check_s", "total_s"}


def test_each_chapter_starts_where_the_next_song_becomes_the_louder_one(mix, songs, tmp_path):
    out = tmp_path / "out"
    document = json.loads(mix(songs, "-o", out, "--title", "My Mix", "--json").stdout)
    sound = decode_file(out / "my-mix.mp3")[:, 0].astype(float)
    for index, chapter in enumerate(document["chapters"][1:]):
        heard_s = crossover_s(sound, TONES_HZ[index], TONES_HZ[index + 1], chapter["start_s"])
        assert chapter["start_s"] == pytest.approx(heard_s, abs=0.1)


def crossover_s(sound, outgoing_hz, incoming_hz, around_s):
    """Return the time at which the second tone becomes louder, within 5 s of a place, in windows of 20 ms."""
    step = round(0.02 * 44_100)
    starts = np.arange(max(0, int((around_s - 5) * 44_100)), int((around_s + 5) * 44_100), step)
    times = np.arange(step) / 44_100

    def loudness(start, tone_hz):
        """Return the K-weighted level of one tone (ITU-R BS.1770)."""
        _, (weight,) = scipy.signal.sosfreqz(k_weighting(44_100), [tone_hz], fs=44_100)
        return abs(weight * np.sum(sound[start : start + step] * np.exp(-2j * np.pi * tone_hz * times)))

    louder = [loudness(start, incoming_hz) > loudness(start, outgoing_hz) for start in starts]
    return (starts[louder.index(True)] + step / 2) / 44_100


def test_the_same_input_gives_the_same_bytes_on_any_number_of_cores(mix, songs, tmp_path):
    options = (
        "--title",
        "x",
        "--date",
        "2026-01-01",
        "--formats",
        "mp3,mp4",
        "--size",
        "1280x720",
        "--title-cards",
    )
    for cores in (1, 3):
        mix(songs, "-o", tmp_path / f"out{cores}", "--cores", cores, *options)
    assert listing(tmp_path / "out1") == listing(tmp_path / "out3")


def test_a_suggested_order_keeps_one_artist_apart_and_says_why(mix, tmp_path):
    folder = tmp_path / "songs"
    folder.mkdir()
    for number, artist in enumerate(("Ada", "Ada", "Bo"), 1):
        names = ("-metadata", f"title=Song {number}", "-metadata", f"artist={artist}")
        write_audio(folder / f"{number}.flac", sine(TONES_HZ[number - 1], 14), 44_100, *names)
    done = mix(folder, "-o", tmp_path / "out", "--no-check", "--json", "--order", "suggest", "--keep-first")
    document = json.loads(done.stdout)
    assert [clip["title"] for clip in document["clips"]] == ["Song 1", "Song 3", "Song 2"]
    assert document["order"]["given"] == [1, 3, 2]
    assert [join["change"] for join in document["order"]["joins"]] == ["as good", "better"]
    assert all("as loud as before" in join["reason"] for join in document["order"]["joins"])
    assert "Suggested order: 1 join fits better, 0 worse." in done.stderr


def test_tables_are_printed_without_a_terminal_too(mix, songs, tmp_path):
    done = mix(songs, "-o", tmp_path / "out", "--title", "夜の道")
    assert (tmp_path / "out" / "夜の道.mp3").exists()
    assert "Tone 400" in done.stdout
    assert "Mixing: 50%" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_a_bad_file_fails_the_command_with_its_name_and_status_2(mix, songs, tmp_path):
    (songs / "2 bad.mp3").write_text("this is no music")
    done = mix(songs, "-o", tmp_path / "out", check=False)
    assert done.returncode == 2
    assert re.search(r"2 bad\.mp3: .*--skip-bad", done.stderr)
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_skip_bad_lists_the_files_it_leaves_out(mix, songs, tmp_path):
    (songs / "2 bad.mp3").write_text("this is no music")
    document = json.loads(mix(songs, "-o", tmp_path / "out", "--skip-bad", "--json").stdout)
    assert len(document["clips"]) == 3
    assert document["left_out"][0]["path"].endswith("2 bad.mp3")


def test_no_usable_file_is_reported_in_one_sentence(mix, tmp_path):
    path = write_wav(tmp_path / "silent.wav", silence(3))
    done = mix(path, "-o", tmp_path / "out", "--skip-bad", check=False)
    assert done.returncode == 1
    last_line = done.stderr.strip().splitlines()[-1]
    assert "there is nothing to mix. silent.wav: " in last_line


def test_a_missing_file_is_named_with_status_2_or_left_out(mix, songs, tmp_path):
    done = mix(songs, tmp_path / "gone.mp3", "-o", tmp_path / "out", check=False)
    assert done.returncode == 2
    assert done.stderr.strip().splitlines()[-1].startswith("gone.mp3: there is no such file")
    document = json.loads(
        mix(songs, tmp_path / "gone.mp3", "-o", tmp_path / "out", "--skip-bad", "--json").stdout
    )
    assert len(document["left_out"]) == 1


def test_a_mix_never_overwrites_its_input_tracks(mix, songs, tmp_path):
    song = write_audio(tmp_path / "song.mp3", sine(440, 12))
    before = listing(tmp_path)
    done = mix(song, "-o", tmp_path, check=False)
    assert done.returncode == 1 and "one of the files the mix is made of" in done.stderr
    assert {name: listing(tmp_path)[name] for name in before} == before


def test_a_folder_can_be_mixed_into_itself_again_and_again(mix, songs):
    first = json.loads(mix(songs, "-o", songs, "--json", "--date", "x").stdout)
    second = json.loads(mix(songs, "-o", songs, "--json", "--date", "x").stdout)
    assert len(first["clips"]) == len(second["clips"]) == 3


def test_a_video_of_an_earlier_mix_is_reported(mix, songs, tmp_path):
    out = tmp_path / "out"
    mix(songs, "-o", out, "--title", "x", "--formats", "mp3,mp4", "--size", "1280x720", "--no-check")
    for _ in range(2):
        document = json.loads(mix(songs, "-o", out, "--title", "x", "--no-check", "--json").stdout)
        assert "x.mp4 is of an earlier mix; it was not made again." in document["notes"]


def test_other_files_in_the_output_folder_are_not_overwritten(mix, songs, tmp_path):
    out = tmp_path / "out"
    mix(songs, "-o", out, "--title", "x", "--no-check")
    (out / "x.mp4").write_text("mine")
    done = mix(songs, "-o", out, "--title", "x", "--formats", "mp3,mp4", "--no-check", check=False)
    assert done.returncode == 1 and "was not made by a mix" in done.stderr
    assert (out / "x.mp4").read_text() == "mine"


def test_file_names_that_are_not_utf8_do_not_fail_a_finished_mix(mix, songs, tmp_path):
    odd = os.fsdecode(b"caf\xe9 \x1b[31m.flac")
    (songs / "1 song.flac").rename(songs / odd)
    done = mix(songs, "-o", tmp_path / "out", "--json")
    assert "caf\ufffd" in json.loads(done.stdout)["clips"][-1]["path"]
    (songs / odd).write_text("broken")
    done = mix(songs, "-o", tmp_path / "out", check=False)
    assert done.returncode == 2 and "\x1b" not in done.stderr


@pytest.mark.parametrize(
    ("seconds", "what"), [(1 / 44_100, "sound"), (0.003, "sound")], ids=["one sample", "3 ms"]
)
def test_an_empty_track_is_refused_by_name(mix, songs, tmp_path, seconds, what):
    write_wav(songs / "4 tiny.wav", sine(440, seconds) + 0.1)
    done = mix(songs, "-o", tmp_path / "out", check=False)
    assert done.returncode == 2
    assert re.search(rf"4 tiny\.wav: .*{what}", done.stderr)


def test_an_hour_of_silence_is_left_out_and_does_not_make_a_gap(mix, songs, tmp_path):
    quiet = np.zeros((3600 * 100, 2), np.float32)
    sound = np.concatenate([quiet, sine(20, 30, 100, level_db=-6)])
    write_audio(songs / "4 late.flac", sound, 100, "-ar", "8000")
    document = json.loads(mix(songs, "-o", tmp_path / "out", "--json", "--transition", "2").stdout)
    assert document["clips"][3]["cue_in_s"] == pytest.approx(3600, abs=1)
    assert document["check"]["gaps"] == []


def test_style_club_says_why_beats_are_not_matched(mix, songs, tmp_path):
    document = json.loads(
        mix(songs, "-o", tmp_path / "out", "--no-check", "--json", "--style", "club").stdout
    )
    assert [join["style"] for join in document["transitions"]] == ["smooth", "smooth"]
    for join in document["transitions"]:
        assert join["fallback"] and join["reason"].startswith(join["fallback"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["songs", "--image", "songs/1 song.flac"], "1 song.flac"),
        (["songs", "--image", "gone.jpg"], "gone.jpg: could not be found"),
        (["songs", "--description-template", "gone.txt"], "gone.txt"),
        (["songs", "--description-template", "/dev/zero"], "longer than any description"),
        (["songs", "--transition", "99"], "between 0 and 60 seconds"),
        (["songs", "--fade-out", "31"], "over at most 30 seconds"),
        (["songs", "--max-play", "0:05"], "between 10 and 3600 seconds"),
        (["songs", "--keep-first"], "add --order suggest"),
        (["songs", "--loudness", "3"], "between -40 and -5 LUFS"),
        (["songs", "--style", "gap", "--gap", "-1"], "between 0 and 60 seconds"),
    ],
)
def test_invalid_options_are_reported_in_one_sentence(songs, tmp_path, arguments, message):
    done = subprocess.run(
        command(*arguments, "-o", tmp_path / "out"),
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_an_output_folder_that_is_a_file_is_reported_in_one_sentence(mix, songs, tmp_path):
    (tmp_path / "out").write_text("mine")
    done = mix(songs, "-o", tmp_path / "out", check=False)
    assert done.returncode == 1 and "is not a folder" in done.stderr
    assert (tmp_path / "out").read_text() == "mine"


def test_a_failed_command_keeps_an_earlier_result(mix, songs, tmp_path):
    out = tmp_path / "out"
    mix(songs, "-o", out, "--title", "x", "--no-check")
    before = listing(out)
    (songs / "4 bad.mp3").write_text("this is no music")
    assert mix(songs, "-o", out, "--title", "x", check=False).returncode == 2
    assert listing(out) == before


def test_songs_play_no_longer_than_is_asked_for(mix, songs, tmp_path):
    document = json.loads(mix(songs, "-o", tmp_path / "out", "--json", "--max-play", "0:11.5").stdout)
    assert [clip["length_s"] for clip in document["clips"]] == pytest.approx([11.5] * 3, abs=0.01)
    assert any("at most, as set" in note for note in document["notes"])


def test_a_faded_mix_is_faded_in_its_file_and_passes_its_check_sheet(mix, songs, tmp_path):
    out = tmp_path / "out"
    options = ("--fade-in", "4", "--fade-out", "6", "--title", "Faded", "--json")
    document = json.loads(mix(songs, "-o", out, *options).stdout)
    sound = np.abs(decode_file(out / "faded.mp3")).max(axis=1)
    loudest = [sound[at - 500 : at + 500].max() for at in (2 * 44_100, 8 * 44_100, len(sound) - 3 * 44_100)]
    assert loudest[0] / loudest[1] == pytest.approx(0.5, abs=0.03)
    assert loudest[2] / loudest[1] == pytest.approx(0.5, abs=0.05)
    assert document["fades"][0] == [0.0, 0.0]
    assert document["fades"][-1] == pytest.approx([document["duration_s"], 0.0], abs=0.001)
    assert document["check"]["verdict"] == "ok"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_command_leaves_no_file_and_no_process(tmp_path, number):
    folder = tmp_path / "songs"
    folder.mkdir()
    for index in range(2):
        write_wav(folder / f"{index}.wav", sine(440 + index, 600))
    out = tmp_path / "out"
    out.mkdir()
    (out / "keep.txt").write_text("mine")
    process = subprocess.Popen(
        command(folder, "-o", out), env=environment(tmp_path), stderr=subprocess.PIPE, text=True
    )
    for line in process.stderr:
        if line.startswith("Mixing: 25%"):
            break
    children = children_of(process.pid)
    assert children
    process.send_signal(number)
    assert process.wait(timeout=5) == 128 + number
    assert "Stopped. Nothing was changed" in process.stderr.read()
    assert list(listing(out)) == ["keep.txt"] and [path.name for path in out.iterdir()] == ["keep.txt"]
    time.sleep(0.1)
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]


def children_of(pid):
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split() + [
        child
        for task in Path(f"/proc/{pid}/task").iterdir()
        if task.name != str(pid)
        for child in (task / "children").read_text().split()
    ]


def test_a_silence_inside_a_song_is_named_before_it_is_mixed_and_shortened_when_asked(mix, tmp_path):
    folder = tmp_path / "songs"
    folder.mkdir()
    hidden = np.concatenate([sine(400, 10), silence(35), sine(500, 8)])
    write_wav(folder / "1 Ann - Hidden.wav", hidden)
    write_wav(folder / "2 Bo - Plain.wav", sine(650, 12))
    done = mix(folder, "-o", tmp_path / "out", "--transition", "2", "--no-check", "--json")
    assert done.stderr.index("35 s of silence inside, from 0:10 on") < done.stderr.index("Mixing: 0%")
    assert "--shorten-silences" in done.stderr
    whole = json.loads(done.stdout)
    done = mix(folder, "-o", tmp_path / "out", "--transition", "2", "--shorten-silences", "--json")
    short = json.loads(done.stdout)
    ((_, skipped_s),) = short["clips"][0]["skips_s"]
    assert skipped_s == pytest.approx(33.0, abs=0.2)
    assert whole["frames"] - short["frames"] == round(skipped_s * short["rate"])
    assert len(decode_file(tmp_path / "out" / "songs.mp3")) == short["frames"]
    assert [chapter["title"] for chapter in short["chapters"]] == ["Hidden", "Plain"]
    assert (tmp_path / "out" / "songs.cue").read_text().count("  TRACK ") == 2
    assert (tmp_path / "out" / "songs.txt").read_text().count("Hidden") == 1
    assert not [click for click in short["check"]["clicks"] if 9 < click["at_s"] < 13]
    assert any("It is shortened to 2 s, as set." in note for note in short["notes"])


def test_a_mix_of_another_title_is_replaced_only_by_force(mix, songs, tmp_path):
    out = tmp_path / "out"

    def make(title, *options):
        return json.loads(mix(songs, "-o", out, "--title", title, "--no-check", "--json", *options).stdout)

    first = make("Best of 2024 \u2764")
    before = listing(out)
    second = make("Best of 2024 \U0001f494")
    assert {name: digest for name, digest in listing(out).items() if name in before} == before
    assert Path(second["artifacts"]["mp3"]) != Path(first["artifacts"]["mp3"])
    assert any("is a mix of another title" in note for note in second["notes"])
    beside = listing(out)
    forced = make("Best of 2024 \U0001f494", "--force")
    assert forced["artifacts"] == first["artifacts"]
    after = listing(out)
    assert set(after) == set(beside)
    assert {name for name in beside if after[name] != beside[name]} <= set(before)
    assert "\U0001f494" in (out / Path(first["artifacts"]["chapters"]).name).read_text()
    assert make("Best of 2024 \U0001f494")["artifacts"] == forced["artifacts"]


def test_a_second_mix_reuses_the_analyses(mix, songs, tmp_path):
    first = json.loads(mix(songs, "-o", tmp_path / "out", "--no-check", "--json").stdout)
    (songs / "1 song.flac").rename(songs / "1 other name.flac")
    second = json.loads(mix(songs, "-o", tmp_path / "out", "--no-check", "--json").stdout)
    assert len(list((tmp_path / "data" / "analyses").rglob("*.json"))) == 3
    assert [clip["title"] for clip in first["clips"]] == [clip["title"] for clip in second["clips"]]


def test_a_picture_also_makes_a_video(mix, songs, tmp_path):
    Image.new("RGB", (640, 480), "navy").save(tmp_path / "photo.png")
    mix(
        songs, "-o", tmp_path / "out", "--image", tmp_path / "photo.png", "--size", "1280x720", "--title", "x"
    )
    assert (tmp_path / "out" / "x.mp4").exists()


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "cp1251"]
)
def test_a_template_is_read_in_whatever_encoding_it_was_saved(tmp_path, encoding):
    words = "Группа крови" if encoding == "cp1251" else "Grüße"
    path = tmp_path / "words.txt"
    path.write_bytes(f"{words}\r\n{{tracklist}}\r\n".encode(encoding))
    assert read_template(path) == f"{words}\n{{tracklist}}\n"


def test_a_template_that_is_no_text_is_refused_with_what_to_do(tmp_path):
    path = tmp_path / "words.doc"
    path.write_bytes(b"\xd0\xcf\x11\xe0" + bytes(60))
    with pytest.raises(EngineError, match="UTF-8"):
        read_template(path)


def test_a_template_is_filled_once(mix, songs, tmp_path):
    template = tmp_path / "text.txt"
    template.write_text("{title} {unknown} {0} {title.__class__}\n{tracklist}\n")
    mix(songs, "-o", tmp_path / "out", "--title", "{date}", "--description-template", template, "--no-check")
    text = next((tmp_path / "out").glob("*.txt")).read_text()
    assert text.startswith("{date} {unknown} {0} {title.__class__}\n0:00 Band 1")


def test_mp3_songs_are_copied_unless_all_is_encoded(mix, tmp_path):
    paths = [write_song(find_ffmpeg(), song, tmp_path / f"{song.file_stem}.mp3") for song in DEMO_SONGS[:2]]
    options = ("--loudness", "off", "--json")
    copied = json.loads(mix(*paths, "-o", tmp_path / "copied", *options).stdout)
    encoded = json.loads(mix(*paths, "-o", tmp_path / "encoded", "--encode-all", *options).stdout)
    passed = copied["passed_through"]
    assert 0.5 < passed["frames"] / passed["of"] < 1
    assert [(song["reason"], song["share"] > 0.4) for song in passed["songs"]] == [("", True), ("", True)]
    items = {item["name"]: item for item in copied["check"]["items"]}
    assert items["passed_through"]["verdict"] == "ok"
    assert "2 of 2 songs pass through untouched" in items["passed_through"]["sentence"]
    assert encoded["passed_through"] is None
    assert "passed_through" not in {item["name"] for item in encoded["check"]["items"]}
    for document in (copied, encoded):
        assert len(decode_file(Path(document["artifacts"]["mp3"]))) == document["frames"]
