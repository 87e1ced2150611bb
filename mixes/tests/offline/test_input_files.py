"""Files, folders and playlists are expanded to a list of tracks."""

import pytest

from mixes.engine.errors import EngineError
from mixes.services.offline.input_files import find_inputs


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def names(inputs):
    return [track.name for track in inputs.tracks]


def test_a_folder_is_taken_in_natural_order(tmp_path):
    touch(tmp_path, "10 c.mp3", "2 b.FLAC", "1 a.ogg")
    assert names(find_inputs([tmp_path])) == ["1 a.ogg", "2 b.FLAC", "10 c.mp3"]


def test_other_files_in_a_folder_are_ignored(tmp_path):
    touch(tmp_path, "a.mp3", "cover.jpg", "list.m3u", "._a.mp3", ".hidden.mp3")
    assert names(find_inputs([tmp_path])) == ["a.mp3"]


def test_subfolders_are_searched_only_with_recursive(tmp_path):
    touch(tmp_path, "b.mp3", "a/1.mp3", "c/2.mp3")
    assert names(find_inputs([tmp_path])) == ["b.mp3"]
    assert names(find_inputs([tmp_path], recursive=True)) == ["1.mp3", "b.mp3", "2.mp3"]


def test_named_files_keep_their_order(tmp_path):
    touch(tmp_path, "z.mp3", "a/1.mp3", "odd.bin")
    given = [tmp_path / "z.mp3", tmp_path / "a", tmp_path / "odd.bin"]
    assert names(find_inputs(given)) == ["z.mp3", "1.mp3", "odd.bin"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_a_playlist_keeps_its_order_and_is_relative_to_its_folder(tmp_path, encoding):
    touch(tmp_path, "b.mp3", "inner/ä.mp3")
    text = "#EXTM3U\r\n#EXTINF:12,x\r\nb.mp3\r\n\r\ninner/ä.mp3\r\n"
    (tmp_path / "list.m3u").write_bytes(text.encode(encoding))
    assert names(find_inputs([tmp_path / "list.m3u"])) == ["b.mp3", "ä.mp3"]


def test_missing_files_are_returned_too(tmp_path):
    (tmp_path / "list.m3u8").write_text("gone.mp3\n")
    assert names(find_inputs([tmp_path / "no.mp3", tmp_path / "list.m3u8"])) == ["no.mp3", "gone.mp3"]


def test_an_earlier_mix_in_the_folder_is_no_track(tmp_path):
    touch(tmp_path, "a.mp3", "party.mp3", "party.mp4", "party.timeline.json", ".mixtape-x.part/party.mp3")
    assert names(find_inputs([tmp_path], recursive=True)) == ["a.mp3"]


def test_a_name_as_long_as_names_can_be_is_a_track(tmp_path):
    touch(tmp_path, "x" * 251 + ".mp3")
    assert len(find_inputs([tmp_path]).tracks) == 1


def test_names_that_compare_equal_have_a_fixed_order(tmp_path):
    touch(tmp_path, "1 a.mp3", "01 a.mp3", "001 a.mp3")
    assert names(find_inputs([tmp_path])) == ["001 a.mp3", "01 a.mp3", "1 a.mp3"]


def test_an_empty_folder_or_playlist_is_refused_with_a_hint(tmp_path):
    with pytest.raises(EngineError, match=r"no audio file in the folder .*-r"):
        find_inputs([tmp_path])
    (tmp_path / "list.m3u").write_text("#EXTM3U\n")
    with pytest.raises(EngineError, match="names no file"):
        find_inputs([tmp_path / "list.m3u"])


def test_a_folder_of_playlists_alone_says_to_name_them(tmp_path):
    (tmp_path / "party.m3u").write_text("../a.mp3\n")
    with pytest.raises(EngineError, match=r"party\.m3u names, give it in place of the folder"):
        find_inputs([tmp_path])
