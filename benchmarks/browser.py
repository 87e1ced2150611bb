"""Decode a file in Chromium and return the samples the browser produced."""

import http.server
import json
import shutil
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.music import Samples

NAMES = ("chromium", "chromium-browser", "google-chrome")
TIMEOUT_S = 90.0
PAGE = """<!doctype html><script>
const answer = value => fetch("/answer", {{method: "POST", body: JSON.stringify(value)}});
fetch("/sound").then(reply => reply.arrayBuffer())
  .then(bytes => new OfflineAudioContext(2, 1, {rate}).decodeAudioData(bytes))
  .then(sound => answer([sound.length, Array.from(sound.getChannelData(0).slice(0, {look}))]),
        error => answer(["" + error, []]));
</script>"""


@dataclass(frozen=True, slots=True)
class Decoded:
    """Number of frames decoded by the browser, and the left channel of the first frames."""

    frames: int
    beginning: Samples


def find_browser() -> str | None:
    """Return the path of Chromium, or None when it is not installed."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def decode(browser: str, sound: Path, rate: int, look: int) -> Decoded | None:
    """Decode `sound` in the browser at `rate` Hz; return None on an error or a timeout."""
    answered = threading.Event()
    answers: list[bytes] = []
    page = PAGE.format(rate=rate, look=look).encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body, kind = (sound.read_bytes(), "audio/mpeg") if self.path == "/sound" else (page, "text/html")
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            answers.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()
            answered.set()

        def log_message(self, format: str, *arguments: object) -> None:
            """Log nothing: the terminal shows the results."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        argv = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
        argv.append(f"http://127.0.0.1:{server.server_port}/")
        child = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        answered.wait(TIMEOUT_S)
        child.terminate()
        child.wait()
    server.shutdown()
    server.server_close()
    return _read(answers[0]) if answers else None


def _read(answer: bytes) -> Decoded | None:
    frames, left = json.loads(answer)
    if not isinstance(frames, int):
        return None
    return Decoded(frames, np.repeat(np.array(left, dtype=np.float32)[:, None], 2, axis=1))
