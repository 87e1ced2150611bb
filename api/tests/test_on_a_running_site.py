"""From a token to the MP3 over HTTP on a running site: the lines of docs/api.md, and the same in Python."""

import hashlib
import io
import json
import re
import shutil
import subprocess
import urllib.error
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from mutagen.mp3 import MP3

from client import mixtape_client
from mixes.engine.tests.signals import pink_noise, write_wav
from mixtape_site.tests.browser.conftest import ROOT, running_site

LINES = re.search(r"```sh\n(.*?)```", (ROOT / "docs" / "api.md").read_text(), re.DOTALL)[1]
SONG_S = 12.0


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with running_site(tmp_path_factory.mktemp("site"), {"MIXTAPE_DEMO_ACCOUNT": "False"}) as site:
        yield site


@pytest.fixture(scope="module")
def token(site):
    site.manage("invite", "alice@example.org")
    made = site.manage("token", "alice@example.org", "--scopes", "read,write")
    assert made.returncode == 0, made.stderr
    assert "not shown again" in made.stderr
    return made.stdout.strip()


@pytest.fixture
def call(site, token):
    def call(method, path, body=None, media="application/json", **headers):
        """Send a request; return status, headers and bytes."""
        url = path if path.startswith("http") else f"{site.url}/api/v1{path}"
        content = json.dumps(body).encode() if isinstance(body, dict) else body
        headers = {"Authorization": f"Bearer {token}", "Content-Type": media} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        request = urllib.request.Request(url, content, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    return call


def read(answer, status=200):
    assert answer[0] == status, answer[2]
    return json.loads(answer[2])


def add_song(call, path):
    edge = uuid.uuid4().hex
    head = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{path.name}"\r\n\r\n'
    body = head.encode() + path.read_bytes() + f"\r\n--{edge}--\r\n".encode()
    return read(call("POST", "/tracks/from-form", body, f"multipart/form-data; boundary={edge}"), 201)["id"]


def wait_for(call, path, states):
    for _ in range(20):
        found = read(call("GET", f"{path}?wait=30"))
        if found["state"] in states:
            return found
    pytest.fail(f"{path} did not end: {found}")


def test_the_api_alone_leads_from_a_token_to_the_mp3(call, tmp_path):
    assert read(call("GET", "/me"))["scopes"] == ["read", "write"]
    songs = [write_wav(tmp_path / f"song {k}.wav", pink_noise(SONG_S, seed=70 + k)) for k in (1, 2)]
    tracks = [add_song(call, song) for song in songs]
    for track in tracks:
        found = wait_for(call, f"/tracks/{track}", ("ready", "refused"))
        assert (found["state"], round(found["duration_s"], 1)) == ("ready", SONG_S)

    settings = {"style": "gap", "gap_s": 2.0, "trim": False}
    mix = read(call("POST", "/mixes", {"title": "By hand", "tracks": tracks, "settings": settings}), 201)
    stale = call("PATCH", f"/mixes/{mix['id']}", {"title": "x"}, If_Match='"99"')
    assert read(stale, 409)["current"]["title"] == "By hand"

    path = f"/mixes/{mix['id']}/jobs"
    jobs = [read(call("POST", path, {}, Idempotency_Key="by-hand"), 201)["id"] for _ in range(2)]
    assert jobs[0] == jobs[1]
    done = wait_for(call, f"/jobs/{jobs[0]}", ("done", "failed", "cancelled"))
    assert done["state"] == "done" and done["verdicts"]["mp3"] in ("ok", "note"), done

    items = read(call("GET", f"/jobs/{jobs[0]}/artifacts"))["items"]
    mp3 = next(one for one in items if one["kind"] == "mp3")
    status, headers, content = call("GET", mp3["url"])
    assert (status, len(content)) == (200, mp3["size"])
    assert headers["ETag"] == f'"{mp3["sha256"]}"' and hashlib.sha256(content).hexdigest() == mp3["sha256"]
    assert abs(MP3(io.BytesIO(content)).info.length - (2 * SONG_S + 2.0)) < 0.1
    status, headers, part = call("GET", mp3["url"], Range="bytes=1000-1999")
    assert (status, headers["Content-Range"]) == (206, f"bytes 1000-1999/{mp3['size']}")
    assert part == content[1000:2000]
    assert call("GET", mp3["url"], If_None_Match=f'"{mp3["sha256"]}"')[0] == 304
    assert call("GET", mp3["url"], Authorization="Bearer mxt_wrong")[0] == 401


def test_requests_with_one_key_at_the_same_time_make_one_mix(call):
    with ThreadPoolExecutor(8) as pool:
        sent = [pool.submit(call, "POST", "/mixes", {"title": "A"}, Idempotency_Key="k") for _ in range(8)]
    assert len({read(one.result(), 201)["id"] for one in sent}) == 1
    assert [mix["title"] for mix in read(call("GET", "/mixes"))["items"]].count("A") == 1


def test_the_token_is_in_no_log(site, token, call):
    call("GET", "/me")
    assert "/api/v1/me 200" in site.log
    assert token not in site.log and token[4:] not in site.log


def test_the_lines_of_the_documentation_run_as_they_stand(site, token, tmp_path):
    if shutil.which("curl") is None:
        pytest.skip("no curl here, which these lines call")
    for k, name in enumerate(("first", "second")):
        write_wav(tmp_path / f"{name}.wav", pink_noise(SONG_S, seed=80 + k))
    environment = {"SITE": f"{site.url}/api/v1", "TOKEN": token, "PATH": "/usr/bin:/bin:/usr/local/bin"}
    run = subprocess.run(
        ["bash", "-e", "-u", "-o", "pipefail", "-c", LINES],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    content = (tmp_path / "friday.mp3").read_bytes()
    assert MP3(io.BytesIO(content)).info.length > SONG_S
    assert (tmp_path / "first-100-bytes").read_bytes() == content[:100]


# The command-line client


@pytest.fixture
def client(site, token, tmp_path, monkeypatch):
    """The client with a folder of two songs, small parts and no pauses; `sent` are the bytes of each part."""
    monkeypatch.setenv("MIXTAPE_URL", site.url)
    monkeypatch.setenv("MIXTAPE_TOKEN", token)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(mixtape_client, "PAUSES_S", (0, 0, 0))
    monkeypatch.setattr(mixtape_client, "CHUNK_BYTES", 500_000)
    folder = tmp_path / "Two songs"
    folder.mkdir()
    for k in (10, 9):
        write_wav(folder / f"{k} song.wav", pink_noise(SONG_S, seed=90 + k))
    (folder / "cover.jpg").write_bytes(b"no song")
    return SimpleNamespace(folder=folder, out=tmp_path / "out", sent=[], main=mixtape_client.main)


def cut_after(monkeypatch, client, number):
    """Lose the answer to the PATCH of this number."""
    ask = mixtape_client.Site.ask

    def lossy(self, method, path, body=None, **headers):
        answer = ask(self, method, path, body, **headers)
        if method == "PATCH":
            client.sent.append(len(body))
            if len(client.sent) == number:
                raise ConnectionResetError("the answer was lost")
        return answer

    monkeypatch.setattr(mixtape_client.Site, "ask", lossy)


def test_the_client_goes_on_after_a_cut_and_asks_for_nothing_twice(client, monkeypatch, call, capsys):
    cut_after(monkeypatch, client, 2)
    arguments = ["make", str(client.folder), "--to", str(client.out)]
    assert client.main(arguments) == 0, capsys.readouterr().err
    sizes = [path.stat().st_size for path in client.folder.glob("*.wav")]
    assert sum(client.sent) == sum(sizes) and len(client.sent) > 4
    files = capsys.readouterr().out.split("\n")
    assert any(name.endswith(".mp3") for name in files)
    (mp3,) = client.out.glob("*.mp3")
    assert MP3(mp3).info.length > SONG_S and not list(client.out.glob("*.part"))
    mixes = [mix for mix in read(call("GET", "/mixes"))["items"] if mix["title"] == "Two songs"]
    tracks = [item["track"] for item in read(call("GET", f"/mixes/{mixes[0]['id']}"))["tracks"]]
    names = [read(call("GET", f"/tracks/{track}"))["name"] for track in tracks]
    assert (len(mixes), names) == (1, ["9 song.wav", "10 song.wav"])

    client.sent.clear()
    assert client.main(arguments) == 0
    assert client.sent == []
    again = [mix for mix in read(call("GET", "/mixes"))["items"] if mix["title"] == "Two songs"]
    assert again == mixes
    assert len(read(call("GET", f"/jobs?mix={mixes[0]['id']}"))["items"]) == 1


def test_the_client_says_what_is_wrong_and_ends_with_a_status(client, monkeypatch, capsys, tmp_path):
    folder = str(client.folder)
    assert client.main(["make", folder, "--show", "Nowhere"]) == 1
    assert "There is no show “Nowhere”" in capsys.readouterr().err
    empty = tmp_path / "empty"
    empty.mkdir()
    assert client.main(["make", str(empty)]) == 1
    for wrong in ([], ["make", "nowhere"], ["make", folder, "--publish"]):
        with pytest.raises(SystemExit, match="2"):
            client.main(wrong)
    monkeypatch.setenv("MIXTAPE_TOKEN", "mxt_wrong")
    assert client.main(["make", folder]) == 3
    monkeypatch.setenv("MIXTAPE_URL", "http://127.0.0.1:9")
    assert client.main(["make", folder]) == 4
    monkeypatch.setenv("MIXTAPE_URL", "")
    assert client.main(["make", folder]) == 3
