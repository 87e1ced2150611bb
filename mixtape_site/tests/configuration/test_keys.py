"""Key files that a fresh installation generates."""

import os
import threading

import pytest
from django.core.exceptions import ImproperlyConfigured

from mixtape_site.configuration import keys
from mixtape_site.configuration.keys import read_or_make_key, read_or_make_keys


def test_a_key_is_created_once_and_readable_by_its_owner_only(tmp_path):
    path = tmp_path / "keys" / "secret_key"
    key = read_or_make_key(path)
    assert len(key) >= 50
    assert read_or_make_key(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [file.name for file in path.parent.iterdir()] == ["secret_key"]


def test_a_data_folder_created_for_the_key_is_private_too(tmp_path):
    read_or_make_key(tmp_path / "var" / "keys" / "secret_key")
    assert (tmp_path / "var").stat().st_mode & 0o777 == 0o700


def test_two_installations_have_different_keys(tmp_path):
    assert read_or_make_key(tmp_path / "a") != read_or_make_key(tmp_path / "b")


def test_processes_that_start_at_once_read_one_key(tmp_path):
    start, found = threading.Barrier(8), []

    def read():
        start.wait()
        found.append(read_or_make_key(tmp_path / "keys" / "secret_key"))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and len(set(found)) == 1


def test_an_old_file_with_one_line_is_still_read(tmp_path):
    (tmp_path / "secret_key").write_text("made-by-an-older-version")
    assert read_or_make_keys(tmp_path / "secret_key") == ["made-by-an-older-version"]


def test_a_new_key_comes_first_and_old_ones_stay_until_dropped(tmp_path):
    path = tmp_path / "secret_key"
    old = read_or_make_key(path)
    keys.add_key(path)
    keys.add_key(path)
    newest, newer, oldest = read_or_make_keys(path)
    assert oldest == old and len({newest, newer, oldest}) == 3
    assert path.stat().st_mode & 0o777 == 0o600
    assert keys.drop_old_keys(path) == 2
    assert read_or_make_keys(path) == [newest]
    assert keys.drop_old_keys(path) == 0
    assert [file.name for file in tmp_path.iterdir()] == ["secret_key"]


def test_concurrent_rotations_lose_no_key(tmp_path):
    path = tmp_path / "secret_key"
    first = read_or_make_key(path)
    threads = [threading.Thread(target=keys.add_key, args=(path,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = read_or_make_keys(path)
    assert len(set(found)) == 9 and found[-1] == first


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_key_changed_by_root_keeps_its_owner(tmp_path):
    path = tmp_path / "secret_key"
    read_or_make_key(path)
    os.chown(path, 12345, 12345)
    keys.add_key(path)
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 12345)


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "secret_key").write_text("\n")
    with pytest.raises(ImproperlyConfigured, match="contains no key"):
        read_or_make_key(tmp_path / "secret_key")


def test_a_key_that_cannot_be_stored_is_valid_in_its_process(tmp_path):
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "keys" / "secret_key"
    assert len(read_or_make_key(path)) >= 50 and read_or_make_key(path) != read_or_make_key(path)
