"""`mixtape make FOLDER`: send songs to a Mixtape site, have a mix made of them, and fetch it.

Needs Python alone. MIXTAPE_URL is the site's address and MIXTAPE_TOKEN a token of your account. An
interrupted run goes on where it was: sent bytes, made mixes and fetched bytes are not asked for twice.
"""

import argparse
import base64
import hashlib
import http.client
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

SUFFIXES = {
    *(".mp3", ".flac", ".wav", ".m4a", ".aac", ".ogg", ".oga", ".opus"),
    *(".aif", ".aiff", ".wma", ".mka", ".mp4"),
}
CHUNK_BYTES, READ_BYTES = 8 << 20, 1 << 16
WAIT_S, LISTEN_S, MAKE_S = 20, 3600, 12 * 3600
TIME_S = 120.0  # for one answer
PAUSES_S = (1, 2, 5, 15, 30, 60)  # after a connection that broke
FAILED, REFUSED, UNREACHED = 1, 3, 4  # exit statuses; 2 is a wrong command line

Json = dict[str, Any]
Value = TypeVar("Value")


class Refused(Exception):
    """The site refused a request; str() is its sentence."""


class Failed(Exception):
    """A song or a mix failed; str() says why."""


class Site:
    """A site and a token."""

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise Refused(
                f"{url!r} is no address of a site: set MIXTAPE_URL, such as https://mixtape.example.org"
            )
        self.url, self.token = parts, token

    def ask(
        self, method: str, path: str, body: Json | bytes | None = None, **headers: str
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Send one request; return status, headers and bytes. Raises Refused and OSError."""
        with_body = json.dumps(body).encode() if isinstance(body, dict) else body
        sent = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = self.connect()
        try:
            connection.request(method, path if path.startswith("/") else f"/api/v1/{path}", with_body, sent)
            answer = connection.getresponse()
            content = answer.read()
        except http.client.HTTPException as error:
            raise ConnectionError(type(error).__name__) from error
        finally:
            connection.close()
        if answer.status in (429, 502, 503, 504):
            raise ConnectionError(f"the site is busy ({answer.status})")
        if answer.status >= 400:
            raise Refused(sentence_of(answer.status, content))
        return answer.status, answer.headers, content

    def connect(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self.url.scheme == "https" else http.client.HTTPConnection
        return kind(self.url.hostname or "", self.url.port, timeout=TIME_S)

    def get(self, path: str) -> Json:
        found: Json = patiently(lambda: json.loads(self.ask("GET", path)[2]))
        return found

    def post(self, path: str, body: Json, **headers: str) -> Json:
        made: Json = patiently(lambda: json.loads(self.ask("POST", path, body, **headers)[2]))
        return made

    def all_of(self, path: str) -> Iterator[Json]:
        """Yield every item of a list."""
        cursor: str | None = ""
        while cursor is not None:
            page = self.get(f"{path}?limit=200&cursor={cursor}")
            yield from page["items"]
            cursor = page["next"]


def sentence_of(status: int, content: bytes) -> str:
    """Return what the site says of a refused request."""
    try:
        return str(json.loads(content)["detail"])
    except (ValueError, KeyError, TypeError):
        return f"{content[:200].decode(errors='replace')} ({status})"


def patiently(do: Callable[[], Value]) -> Value:
    """Return what `do` returns; after a connection that broke, try again. Raises OSError at the end."""
    for pause_s in PAUSES_S:
        try:
            return do()
        except OSError as error:
            say(f"{error}; again in {pause_s} s")
            time.sleep(pause_s)
    return do()


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr)  # noqa: T201  # what a command says


class Memory:
    """What earlier runs sent: the upload and the track of each file, by its place, size and time."""

    def __init__(self, file: Path) -> None:
        self.file = file
        try:
            self.known: dict[str, Json] = json.loads(file.read_text())
        except (OSError, ValueError):
            self.known = {}

    def note(self, key: str, **facts: str) -> None:
        self.known[key] = self.known.get(key, {}) | facts
        self.file.parent.mkdir(parents=True, exist_ok=True)
        part = self.file.with_suffix(".part")
        part.write_text(json.dumps(self.known))
        part.replace(self.file)


def songs_in(folder: Path) -> list[Path]:
    """Return the songs of a folder in natural order. Raises Failed when there is none."""
    found = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file()]
    if not found:
        raise Failed(f"There is no song in {folder}.")
    return sorted(found, key=lambda path: natural(path.name))


def natural(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts "2 x" before "10 x"."""
    return [(int(part), "") if part.isdigit() else (-1, part.lower()) for part in re.split(r"(\d+)", name)]


def send_song(site: Site, memory: Memory, path: Path) -> str:
    """Send a file, from where an earlier run stopped; return the id of its track. Raises Failed."""
    stat = path.stat()
    key = f"{site.url.geturl()} {path.resolve()} {stat.st_size} {stat.st_mtime_ns}"
    known = memory.known.get(key, {})
    if known.get("whole") and is_there(site, known["track"]):
        return str(known["track"])
    if not known or known.get("whole") or not has_upload(site, known["upload"]):
        known = announce(site, path, stat.st_size)
        memory.note(key, **known, whole="")
    say(f"{path.name}: sending")
    patiently(lambda: send_bytes(site, known["upload"], path, stat.st_size))
    memory.note(key, whole="yes")
    return str(known["track"])


def is_there(site: Site, track: str) -> bool:
    try:
        return bool(site.get(f"tracks/{track}")["state"] != "uploading")
    except Refused:
        return False


def has_upload(site: Site, place: str) -> bool:
    try:
        patiently(lambda: site.ask("HEAD", place, Tus_Resumable="1.0.0"))
        return True
    except Refused:
        return False


def announce(site: Site, path: Path, size: int) -> dict[str, str]:
    """Announce a file; return where its bytes go and the id of its track."""
    name = base64.b64encode(path.name.encode()).decode()
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": str(size), "Upload-Metadata": f"filename {name}"}
    _status, answer, _body = patiently(lambda: site.ask("POST", "uploads", b"", **headers))
    return {"upload": str(answer["Location"]), "track": str(answer["Mixtape-Track"])}


def send_bytes(site: Site, place: str, path: Path, size: int) -> None:
    """Send the bytes that are missing. Raises OSError when the connection breaks; then call it again."""
    _status, answer, _body = site.ask("HEAD", place, Tus_Resumable="1.0.0")
    offset = int(answer["Upload-Offset"])
    with path.open("rb") as file:
        while offset < size:
            file.seek(offset)
            headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": str(offset)}
            chunk = file.read(CHUNK_BYTES)
            _status, answer, _body = site.ask(
                "PATCH", place, chunk, Content_Type="application/offset+octet-stream", **headers
            )
            offset = int(answer["Upload-Offset"])


def wait_for(site: Site, path: str, open_states: tuple[str, ...], seconds: int) -> Json:
    """Return a track or a job once its state is none of `open_states`. Raises Failed after `seconds`."""
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        begun_s = time.monotonic()
        found = site.get(f"{path}?wait={WAIT_S}")
        if found["state"] not in open_states:
            return found
        if "percent" in found:
            say(f"{found['title']}: {found['percent']} %")
        if time.monotonic() - begun_s < 1:  # the site did not let this request wait
            time.sleep(1)
    raise Failed(f"{path} did not end within {seconds} s.")


def make(site: Site, memory: Memory, options: argparse.Namespace) -> Json:
    """Send the songs of a folder and have them mixed; return the finished job. Raises Failed."""
    songs = songs_in(options.folder)
    tracks = []
    for song in songs:
        sent = send_song(site, memory, song)
        track = wait_for(site, f"tracks/{sent}", ("uploading", "listening"), LISTEN_S)
        if track["state"] == "refused":
            raise Failed(f"{song.name}: {track['problem']}")
        tracks.append(track["id"])
    job = request_job(site, options, tracks)
    say(f"{job['title']}: is being made")
    done = wait_for(site, f"jobs/{job['id']}", ("queued", "running"), MAKE_S)
    if done["state"] != "done":
        raise Failed(f"{done['title']}: {done['error'] or done['state']}")
    return done


def request_job(site: Site, options: argparse.Namespace, tracks: list[str]) -> Json:
    """Order the mix, once for the same songs and options within a day; publish it if asked to."""
    details = {"made_for_kids": options.made_for_kids == "yes"} if options.publish else None
    wish = json.dumps([options.show, options.title, tracks, options.publish])
    key = {"Idempotency-Key": "client-" + hashlib.sha256(wish.encode()).hexdigest()}
    if options.show:
        show = show_named(site, options.show)
        body = {"tracks": tracks} | ({"publish": details} if details else {})
        return site.post(f"shows/{show}/make", body, **key)
    title = options.title or options.folder.resolve().name
    mix = site.post("mixes", {"title": title[:200], "tracks": tracks}, **key)
    job = site.post(f"mixes/{mix['id']}/jobs", {}, **{"Idempotency-Key": f"{key['Idempotency-Key']}-job"})
    if details:
        again = {"Idempotency-Key": f"{key['Idempotency-Key']}-video"}
        site.post(f"jobs/{job['id']}/publications", details, **again)
    return job


def show_named(site: Site, name: str) -> str:
    """Return the id of a show. Raises Failed when there is none of that name."""
    shows = {show["name"]: show["id"] for show in site.all_of("shows")}
    if name not in shows:
        raise Failed(f"There is no show “{name}”; there are: {', '.join(shows) or 'none'}.")
    return str(shows[name])


def fetch(site: Site, job: Json, folder: Path) -> list[Path]:
    """Fetch the files of a job; return them. Raises Failed when one arrived damaged."""
    folder.mkdir(parents=True, exist_ok=True)
    files = site.get(f"jobs/{job['id']}/artifacts")["items"]
    return [fetch_file(site, one, folder / Path(one["name"]).name) for one in files]


def fetch_file(site: Site, artifact: Json, path: Path) -> Path:
    """Fetch one file, from where an earlier run stopped."""
    part = path.with_name(f"{path.name}.{artifact['sha256'][:8]}.part")
    patiently(lambda: fetch_bytes(site, artifact, part))
    digest = hashlib.sha256()
    with part.open("rb") as file:
        while block := file.read(READ_BYTES):
            digest.update(block)
    if digest.hexdigest() != artifact["sha256"]:
        part.unlink()
        raise Failed(f"{path.name} arrived damaged and was removed; run the command again.")
    part.replace(path)
    return path


def fetch_bytes(site: Site, artifact: Json, part: Path) -> None:
    """Append the bytes that are missing, in parts of CHUNK_BYTES. Raises OSError."""
    with part.open("ab") as file:
        while (here := file.tell()) < artifact["size"]:
            last = min(here + CHUNK_BYTES, artifact["size"]) - 1
            path = f"artifacts/{artifact['id']}/file"
            file.write(site.ask("GET", path, Range=f"bytes={here}-{last}")[2])


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="mixtape", description="Makes mixes on a Mixtape site.")
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("make", help="send the songs of a folder and fetch the mix of them")
    one.add_argument("folder", type=Path)
    one.add_argument("--show", default="", help="make the next episode of the show of this name")
    one.add_argument("--title", default="", help="of a mix without a show; its default is the folder's name")
    one.add_argument("--to", type=Path, default=Path(), help="folder for the finished files")
    one.add_argument("--publish", action="store_true", help="on the channel of the account, too")
    one.add_argument("--made-for-kids", choices=("yes", "no"), help="YouTube asks this about every video")
    options = parser.parse_args(arguments)
    if options.publish and not options.made_for_kids:
        parser.error("--publish needs --made-for-kids yes or no: YouTube asks about every video")
    if not options.folder.is_dir():
        parser.error(f"there is no folder {options.folder}")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 0, or what went wrong: 1 a mix, 3 a refusal, 4 the connection."""
    options = parse(arguments)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    try:
        site = Site(os.environ.get("MIXTAPE_URL", ""), os.environ.get("MIXTAPE_TOKEN", ""))
        job = make(site, Memory(cache / "mixtape-client.json"), options)
        for path in fetch(site, job, options.to):
            print(path)  # noqa: T201  # the result, for other commands
    except Failed as error:
        say(str(error))
        return FAILED
    except Refused as error:
        say(str(error))
        return REFUSED
    except OSError as error:
        say(f"The site was not reached: {error}")
        return UNREACHED
    return 0


if __name__ == "__main__":
    sys.exit(main())
