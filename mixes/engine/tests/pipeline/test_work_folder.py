"""Tests of work folders and the atomic installation of outputs."""

import errno
import json
import os
import shutil
from collections import namedtuple

import pytest

from mixes.engine.errors import Cancelled, OutputError
from mixes.engine.filenames import file_stem
from mixes.engine.pipeline.work_folder import (
    check_disk_space,
    check_targets,
    free_stem,
    install_outputs,
    lock,
    previous_outputs,
    work_folder,
)
from mixes.engine.tracklist.chapters import podcast_json


def test_files_are_moved_over_existing_ones(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mix.mp3").write_text("old")
    with work_folder(out) as work:
        (work / "mix.mp3").write_text("new")
        published = install_outputs({"mp3": work / "mix.mp3"}, out)
    assert published == {"mp3": out / "mix.mp3"}
    assert [path.name for path in out.iterdir()] == ["mix.mp3"]
    assert (out / "mix.mp3").read_text() == "new"


@pytest.mark.parametrize("error", [Cancelled(), RuntimeError("x"), KeyboardInterrupt()])
def test_a_failed_run_leaves_nothing_behind(tmp_path, error):
    out = tmp_path / "new" / "out"
    with pytest.raises(type(error)), work_folder(out) as work:
        (work / "half.mp3").write_text("half")
        raise error
    assert list(tmp_path.iterdir()) == []


def test_files_added_by_others_meanwhile_stay(tmp_path):
    out = tmp_path / "out"
    with pytest.raises(Cancelled), work_folder(out):
        (out / "theirs.txt").write_text("x")
        raise Cancelled
    assert [path.name for path in out.iterdir()] == ["theirs.txt"]


def test_work_folders_of_killed_runs_are_removed_and_of_running_ones_kept(tmp_path):
    dead, alive = tmp_path / ".mixtape-dead.part", tmp_path / ".mixtape-alive.part"
    for work in (dead, alive):
        work.mkdir()
        (work / "half.mp3").write_text("half")
        os.utime(work, (0, 0))
    with lock(alive), work_folder(tmp_path):
        assert not dead.exists()
        assert (alive / "half.mp3").exists()


def test_inputs_of_a_mix_are_never_replaced(tmp_path):
    song = tmp_path / "song.mp3"
    song.write_text("mine")
    with pytest.raises(OutputError, match="one of the files the mix is made of"):
        check_targets(["song.mp3"], tmp_path, [tmp_path / "." / "song.mp3"], {"song.mp3"})


def test_files_that_no_mix_made_are_never_replaced(tmp_path):
    names = ["album.mp3", "album.cue", "album.timeline.json"]
    (tmp_path / "album.cue").write_text("mine")
    with pytest.raises(OutputError, match=r"album\.cue is already there"):
        check_targets(names, tmp_path, [], {"album.mp3"})
    check_targets(names, tmp_path, [], set(names))
    (tmp_path / "album.mp3").mkdir()
    with pytest.raises(OutputError, match=r"album\.mp3 is already there"):
        check_targets(names, tmp_path, [], set(names))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Best of 2024 \u2764\ufe0f", "Best of 2024 \U0001f494"),
        ("C++", "C#"),
        ("Rock & Roll", "Rock + Roll"),
        ("Summer: Part 2", "summer - part 2"),
        ("???", "!!!"),
    ],
)
def test_mixes_of_two_titles_never_share_a_name(tmp_path, first, second):
    made = {}
    for title in (first, second, first, second):
        stem = free_stem(file_stem(title), title, tmp_path)
        assert made.setdefault(title, stem) == stem, "a mix that is made again keeps its name"
        (tmp_path / f"{stem}.timeline.json").write_text(json.dumps({"files": [f"{stem}.mp3"]}))
        (tmp_path / f"{stem}.chapters.json").write_text(podcast_json((), title=title))
    assert made[first] == file_stem(first) == file_stem(second)
    assert made[second] == f"{made[first]}-2"


@pytest.mark.parametrize("text", [None, "", "{}", "[]", '{"files": 3}', "\xff"])
def test_a_timeline_without_a_file_list_gives_no_previous_outputs(tmp_path, text):
    if text is not None:
        (tmp_path / "a.timeline.json").write_text(text, encoding="latin-1")
    assert previous_outputs(tmp_path / "a.timeline.json") == frozenset()


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "no space left"),
        (errno.EDQUOT, "no space left"),
        (errno.EACCES, "cannot be written to"),
        (errno.EROFS, "cannot be written to"),
        (errno.EIO, "failed: Input/output error"),
    ],
)
def test_an_os_error_becomes_a_sentence(tmp_path, number, sentence):
    with pytest.raises(OutputError, match=sentence), work_folder(tmp_path):
        raise OSError(number, os.strerror(number))


def test_an_error_in_another_folder_names_it(tmp_path):
    with (
        pytest.raises(OutputError, match=r"/elsewhere/photo\.jpg cannot be used: Permission denied"),
        work_folder(tmp_path),
    ):
        raise PermissionError(errno.EACCES, "Permission denied", "/elsewhere/photo.jpg")


def test_a_disk_with_too_little_space_is_refused_before_the_work(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 9 * 10**8, 10**8))
    check_disk_space(tmp_path, 10**7)
    with pytest.raises(OutputError, match="takes about 167 MB and 100 MB are free"):
        check_disk_space(tmp_path, 10**8)
