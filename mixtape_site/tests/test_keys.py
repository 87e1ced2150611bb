"""The secret a fresh installation makes for itself."""

from mixtape_site.keys import read_or_make_key


def test_a_key_is_made_once_and_is_its_owners_alone(tmp_path):
    path = tmp_path / "keys" / "secret_key"
    key = read_or_make_key(path)
    assert len(key) >= 50
    assert read_or_make_key(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [file.name for file in path.parent.iterdir()] == ["secret_key"]


def test_a_data_folder_made_for_the_key_is_its_owners_alone_too(tmp_path):
    read_or_make_key(tmp_path / "var" / "keys" / "secret_key")
    assert (tmp_path / "var").stat().st_mode & 0o777 == 0o700


def test_two_installations_have_different_keys(tmp_path):
    assert read_or_make_key(tmp_path / "a") != read_or_make_key(tmp_path / "b")
