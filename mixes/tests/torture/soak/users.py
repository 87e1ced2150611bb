"""Simulated users of the soak, and the responses they expect."""

import hashlib
import http.client
import json
import re
import threading
import time
import uuid
from collections import Counter
from itertools import pairwise

import numpy as np

from mixes.engine.tests.signals import RATE, pink_noise, sine, write_audio
from mixes.tests.torture.harness import crafted
from mixes.tests.torture.harness.live import Visitor, at_once

TRACKS, MIXES, JOBS = 8, 3, 3  # mixes per user; the oldest are deleted
AFTER_A_DEATH_S = 20.0  # after a kill of the web server's worker, connections may have broken
LONGEST_ANSWER_S = 40.0
PIECES = 3  # per upload, at most
HEARD_S = 15.0  # that a user waits for a preview
GOOD, BAD = "good", "bad"  # prefixes of file names
REACHED = "owner_id = {owner} and mix_id in (select id from mixes_mix where deleted_at is null)"  # jobs
BOUNDARY = "songs-and-more-songs"
SETTINGS = (
    "style=smooth&length=set&transition_s={s}&loudness=even&gap_s=2&trim=on&bitrate_kbps=128"
    "&video_size=1280x720&make_mp3=on&version={version}"
)


class Cut(Exception):
    """The connection broke before there was a response."""


class Ledger:
    """Thread-safe record of actions, results and errors."""

    def __init__(self) -> None:
        self.deeds: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.wrong: list[str] = []
        self.cuts = 0
        self.longest_s = 0.0
        self.web_died_s = float("-inf")
        self.ended: dict[str, tuple[str, ...]] = {}  # ended rows by id

    def note_answer(self, what, status, seconds) -> None:
        self.statuses[status] += 1
        self.longest_s = max(self.longest_s, seconds)
        if status >= 500 and status != 503:
            self.wrong.append(f"{what}: {status}")
        if seconds > LONGEST_ANSWER_S:
            self.wrong.append(f"{what}: answered after {seconds:.0f} s")

    def note_cut(self, what, error) -> None:
        self.cuts += 1
        if time.monotonic() - self.web_died_s > AFTER_A_DEATH_S:
            self.wrong.append(f"{what}: {error!r}, and the web server had not died")


class Larder:
    """Files to upload: good ones that differ, a few duplicates, and bad ones."""

    def __init__(self, folder, rng) -> None:
        self.folder, self.rng = folder, rng
        sound = 0.4 * sine(330.0, 15.0) + pink_noise(15.0, level_db=-28.0)
        kinds = {"mp3": (), "flac": (), "ogg": ("-c:a", "libvorbis"), "m4a": ("-c:a", "aac")}
        self.songs = {
            kind: write_audio(folder / f"song.{kind}", sound, RATE, *options).read_bytes()
            for kind, options in kinds.items()
        }
        self.bad = [*crafted.playlists(folder, 9), *crafted.false_headers(folder), *crafted.others(folder)]
        self.bad += crafted.sounds(folder)
        self.pictures = list(crafted.pictures(folder, 9))
        self.lock = threading.Lock()

    def song(self) -> tuple[str, bytes]:
        """Return name and bytes of a song; most are unique."""
        with self.lock:
            kind = self.rng.choice(["mp3", "mp3", "wav", "wav", "flac", "ogg", "m4a"])
            name = f"{GOOD} {self.rng.integers(1 << 32):08x}.{kind}"
            if kind == "wav":
                tone = np.sin(np.arange(12 * RATE) * self.rng.uniform(0.01, 0.2))
                return name, crafted.riff(RATE, 1, (9_000 * tone).astype("<i2").tobytes())
        if kind == "mp3":
            return name, crafted.id3_of(b"TIT2", b"\x03" + name.encode()) + self.songs[kind]
        return name, self.songs[kind]

    def bad_file(self) -> tuple[str, bytes]:
        """Return a file that must be refused or do no harm; its name says which."""
        with self.lock:
            file = self.bad[self.rng.integers(len(self.bad))]
        return f"{BAD} {file.expect} {file.name}", file.data

    def picture(self) -> tuple[str, bytes]:
        with self.lock:
            file = self.pictures[self.rng.integers(len(self.pictures))]
        return file.name, file.data


class Person(Visitor, threading.Thread):
    """A simulated user, active until stopped."""

    def __init__(self, site, name, rng, larder, ledger, pause_s) -> None:
        super().__init__(name=name)
        self.site, self.rng, self.larder, self.ledger, self.pause_s = site, rng, larder, ledger, pause_s
        self.over = threading.Event()
        self.port, self.cookies = site.port, site.sign_up(name)
        ((self.owner,),) = site.query(f"select id from accounts_user where email = '{name}@example.org'")
        self.doing = {
            self.send_songs: 5,
            self.send_form: 2,
            self.send_in_pieces: 3,
            self.send_bad_file: 2,
            self.look_around: 6,
            self.edit: 5,
            self.change_settings: 2,
            self.hear: 4,
            self.make: 4,
            self.follow_job: 4,
            self.cancel: 1,
            self.fetch: 4,
            self.throw_away: 2,
            self.send_picture: 1,
        }

    def run(self) -> None:
        deeds, weights = list(self.doing), np.array(list(self.doing.values()), float)
        while not self.over.wait(self.rng.exponential(self.pause_s)):
            deed = deeds[self.rng.choice(len(deeds), p=weights / weights.sum())]
            try:
                self.keep_small()
                deed()
            except Cut:
                continue
            except Exception as error:
                self.ledger.wrong.append(f"{deed.__name__}: {error!r}")

    def ask(self, method, path, body=b"", headers=(), cookies=None):
        began_s, what = time.monotonic(), f"{method} {re.sub('[0-9a-f-]{36}', '…', path)}"
        try:
            answer = super().ask(method, path, body, headers, cookies)
        except (OSError, http.client.HTTPException) as error:
            self.ledger.note_cut(what, error)
            raise Cut from error
        self.ledger.note_answer(what, answer[0], time.monotonic() - began_s)
        return answer

    def rows(self, sql):
        """Return the rows of this user, with ids as the pages write them."""
        found = self.site.query(sql.format(owner=self.owner))
        return [(str(uuid.UUID(pk)), *rest) for pk, *rest in found]

    def one(self, sql):
        """Return a random row; None without one."""
        found = self.rows(sql)
        return found[self.rng.integers(len(found))] if found else None

    def mix(self):
        """Return a mix, sometimes a new one."""
        found = self.one("select id from mixes_mix where owner_id = {owner} and deleted_at is null")
        if found and self.rng.random() < 0.9:
            return found[0]
        return self.post("/mixes/new/")[1].get("Location", "//").split("/")[2] or None

    def keep_small(self):
        """Delete surplus items, so that the library does not grow."""
        kept = "where owner_id = {owner} and deleted_at is null order by created_at"
        ended = f"where {REACHED} and state in ('done', 'failed', 'cancelled') order by created_at"
        for sql, most, path in (
            (f"select id from mixes_track {kept}", TRACKS, "/tracks/{}/delete/"),
            (f"select id from mixes_mix {kept}", MIXES, "/mixes/{}/delete/"),
            (f"select id from mixes_mixjob {ended}", JOBS, "/jobs/{}/delete/"),
        ):
            found = self.rows(sql)
            for (pk,) in found[: max(0, len(found) - most)]:
                self.post(path.format(pk), "confirmed=1")

    # actions

    def announce_if_possible(self, name, size, mix):
        """Return the URL of a new upload; None where the site is busy or a limit is reached."""
        try:
            return self.announce(name, size, mix or "")
        except AssertionError:  # its status is recorded
            return None

    def bring(self, name, data, mix=""):
        """Send a file in one to three chunks."""
        place = self.announce_if_possible(name, len(data), mix)
        cuts = sorted({0, len(data), *map(int, self.rng.integers(0, len(data) + 1, PIECES - 1))})
        for start, end in pairwise(cuts):
            if place is None or self.send(place, start, data[start:end])[0] != 204:
                return False
        self.ledger.deeds["files sent"] += place is not None
        return place is not None

    def send_songs(self):
        self.bring(*self.larder.song(), self.mix())

    def send_bad_file(self):
        name, data = self.larder.bad_file()
        self.ledger.deeds["bad files sent"] += bool(data) and self.bring(name, data)
        return True

    def send_form(self):
        songs = [self.larder.song() for _ in range(self.rng.integers(1, 4))]
        self.send_files("/uploads/form/", "files", songs)
        self.ledger.deeds["files sent by a form"] += len(songs)

    def send_picture(self):
        if mix := self.mix():
            self.send_files(f"/mixes/{mix}/artwork/", "picture", [self.larder.picture()])
            self.ledger.deeds["pictures sent"] += 1

    def send_files(self, path, field, files):
        head = '--{}\r\nContent-Disposition: form-data; name="{}"; filename="{}"\r\n\r\n'
        parts = [head.format(BOUNDARY, field, name).encode() + data + b"\r\n" for name, data in files]
        body = b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()
        self.ask("POST", path, body, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})

    def send_in_pieces(self):
        """Break the connection in the middle of a chunk, then resume or discard the upload."""
        name, data = self.larder.song()
        place = self.announce_if_possible(name, len(data), self.mix())
        if place is None:
            return
        try:
            self.break_off(place, 0, data, int(self.rng.integers(1, len(data))))
        except OSError as error:
            self.ledger.note_cut("PATCH, cut", error)
            raise Cut from error
        self.ledger.deeds["uploads cut"] += 1
        if self.rng.random() < 0.25:
            self.post(f"{place}remove/")
            return
        for _ in range(20):
            status, headers, _body = self.ask("HEAD", place, headers={"Tus-Resumable": "1.0.0"})
            if status != 200:
                return
            offset = int(headers["Upload-Offset"])
            if offset == len(data) or self.send(place, offset, data[offset:])[0] == 204:
                self.ledger.deeds["uploads gone on with"] += 1
                return
            time.sleep(0.5)  # the server holds the lock of the broken connection for a moment

    def look_around(self):
        mix, job = self.mix(), self.one(f"select id from mixes_mixjob where {REACHED}")
        pages = ["/mixes/", "/tracks/", "/bin/", "/tracks/?q=good&order=title"]
        pages += [f"/mixes/{mix}/{page}" for page in ("", "state/", "look/", "add/") if mix]
        pages += [f"/jobs/{job[0]}/"] if job else []
        for path in self.rng.choice(pages, 3):
            self.ask("GET", str(path))
            self.ledger.deeds["pages read"] += 1

    def edit(self):
        mix = self.mix()
        places = self.rows(f"select id, position from mixes_mixtrack where mix_id = '{plain(mix)}'")
        if not places:
            return
        item = places[self.rng.integers(len(places))][0]
        order = [pk for pk, _position in places]
        edits = (
            f"move=up:{item}",
            f"move=bottom:{item}",
            f"reorder={','.join(self.rng.permutation(order))}",
            "sort=name",
            f"remove={item}",
            "undo=1",
            "undo=1",
            "redo=1",
            f"rename=Night+{self.rng.integers(1000)}",
        )
        form = edits[self.rng.integers(len(edits))]
        self.post(f"/mixes/{mix}/edit/", f"{form}&version={self.version_of(mix)}")
        self.ledger.deeds["edits"] += 1

    def change_settings(self):
        mix = self.mix()
        form = SETTINGS.format(s=round(self.rng.uniform(1, 8), 1), version=self.version_of(mix))
        form += "&make_mp4=on" if self.rng.random() < 0.25 else ""
        self.post(f"/mixes/{mix}/settings/", form)
        self.ledger.deeds["edits"] += 1

    def version_of(self, mix):
        found = self.site.query(f"select version from mixes_mix where id = '{plain(mix)}'")
        return found[0][0] if found else 0

    def hear(self):
        """Request a preview of a join or a song, wait for it, and read a part of it."""
        mix = self.mix()
        item = self.one(f"select id from mixes_mixtrack where mix_id = '{plain(mix)}'")
        ready = "select id from mixes_track where owner_id = {owner} and state = 'ready'"
        song = self.one(f"{ready} and deleted_at is null")
        path = f"/mixes/{mix}/joins/{item[0]}/preview/" if item else song and f"/tracks/{song[0]}/preview/"
        if not path:
            return
        status, _headers, body = self.ask("POST", path, b"", {"Accept": "application/json"})
        until_s = time.monotonic() + HEARD_S
        while status == 200 and time.monotonic() < until_s and not self.over.is_set():
            preview = json.loads(body)
            if preview["state"] not in ("queued", "running"):
                break
            time.sleep(0.5)
            status, _headers, body = self.ask("GET", preview["status"], b"", {"Accept": "application/json"})
        if status == 200 and "sound" in (preview := json.loads(body)):
            answer = self.ask("GET", preview["sound"], b"", {"Range": "bytes=0-999"})
            self.ledger.deeds["things heard"] += answer[0] == 206

    def make(self):
        """Press Make, often more than once."""
        mix = self.mix()
        answers = at_once(int(self.rng.integers(1, 5)), lambda number: self.press(mix))
        places = {answer[1]["Location"] for answer in answers if answer and answer[0] == 302}
        jobs = {place for place in places if place.startswith("/jobs/")}
        if len(jobs) > 1:
            self.ledger.wrong.append("presses of Make at once were two jobs")
        self.ledger.deeds["mixes asked for"] += len(jobs)

    def press(self, mix):
        try:
            return self.post(f"/mixes/{mix}/make/")
        except Cut:
            return None

    def follow_job(self):
        job = self.one(f"select id from mixes_mixjob where {REACHED} and state in ('queued', 'running')")
        for _ in range(5 if job else 0):
            self.ask("GET", f"/jobs/{job[0]}/status/", b"", {"HX-Request": "true"})
            self.ledger.deeds["pages read"] += 1
            self.over.wait(1.0)

    def cancel(self):
        job = self.one(f"select id from mixes_mixjob where {REACHED} and state in ('queued', 'running')")
        if job:
            self.post(f"/jobs/{job[0]}/cancel/")
            self.ledger.deeds["jobs cancelled"] += 1

    def fetch(self):
        """Download a result and compare it with its row."""
        found = self.one(
            "select id, sha256 from mixes_artifact where job_id in "
            f"(select id from mixes_mixjob where {REACHED})"
        )
        if not found:
            return
        status, _headers, body = self.ask("GET", f"/artifacts/{found[0]}/download/")
        if status == 200 and hashlib.sha256(body).hexdigest() != found[1]:
            self.ledger.wrong.append("a result is not what its row says")
        self.ledger.deeds["results downloaded"] += status == 200

    def throw_away(self):
        """Delete something; sometimes restore it."""
        table, path = [("track", "tracks"), ("mix", "mixes")][self.rng.integers(2)]
        kept = f"select id from mixes_{table} where owner_id = {{owner}} and deleted_at is null"
        if found := self.one(kept):
            self.post(f"/{path}/{found[0]}/delete/", "confirmed=1")
            self.ledger.deeds["things deleted"] += 1
            if self.rng.random() < 0.3:
                self.post(f"/{path}/{found[0]}/restore/")

    def delete_all(self):
        """Delete everything; whatever remains is a leak."""
        for table, path in (("mix", "mixes"), ("track", "tracks")):
            kept = f"select id from mixes_{table} where owner_id = {{owner}} and deleted_at is null"
            for (pk,) in self.rows(kept):
                self.post(f"/{path}/{pk}/delete/", "confirmed=1")


def plain(pk):
    """Return an id as the database writes it."""
    return (pk or "").replace("-", "")
