"""The HTTP server: reads requests, dispatches them, and drops connections as faults demand."""

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from youtube_integration.tests.standin import oauth, youtube
from youtube_integration.tests.standin.errors import Drop, Reply, refusal, refusal_of
from youtube_integration.tests.standin.state import CLIENT_ID, CLIENT_SECRET, Asked, Fault, State

READ_BYTES = 65_536
POLL_S = 0.02
CONTROL = "/_control/"
API = "/youtube/v3/"
PAGES = {**oauth.PAGES, **youtube.PAGES}


class StandIn(State):
    """Google on a loopback port; tests can inspect and change its state and behaviour."""

    def __init__(self, port: int = 0) -> None:
        super().__init__()
        handler = type("BoundHandler", (Handler,), {"google": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self.server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self.server.server_port}"

    def start(self) -> None:
        threading.Thread(target=self.server.serve_forever, args=(POLL_S,), daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self) -> "StandIn":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def addresses(self) -> dict[str, str]:
        """Return the settings that point a site to this server."""
        return {
            "YOUTUBE_ROOT_URL": self.base,
            "GOOGLE_OAUTH_AUTH_URI": f"{self.base}/o/oauth2/v2/auth",
            "GOOGLE_OAUTH_TOKEN_URI": f"{self.base}/token",
            "GOOGLE_OAUTH_REVOKE_URI": f"{self.base}/revoke",
            "GOOGLE_CERTS_URL": f"{self.base}/oauth2/v1/certs",
            "GOOGLE_USERINFO_URL": f"{self.base}/oauth2/v2/userinfo",
        }

    def environment(self) -> dict[str, str]:
        """Return the environment that points a site to this server."""
        keys = {"GOOGLE_CLIENT_ID": CLIENT_ID, "GOOGLE_CLIENT_SECRET": CLIENT_SECRET, "MIXTAPE_DEBUG": "True"}
        return {**self.addresses(), **keys}

    def describe(self) -> dict[str, Any]:
        """Return the state that tests in other processes need."""
        with self.lock:
            sessions = [
                {"size": one.size, "offset": one.offset, "received": one.received, "video": one.video_id}
                for one in self.sessions.values()
            ]
            return {
                "manner": asdict(self.manner),
                "log": [asdict(one) for one in self.log],
                "sessions": sessions,
                "videos": self.videos,
                "items": self.items,
                "revoked": len(self.revoked),
            }


class Handler(BaseHTTPRequestHandler):
    """One connection; the pages in oauth.py and youtube.py are functions of it that raise a Reply."""

    google: StandIn
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes

    def log_message(self, *args: object) -> None:
        """Log nothing: requests are recorded in the state."""

    def answer(self) -> None:
        url = urlsplit(self.path)
        self.query = {name: of[0] for name, of in parse_qs(url.query, keep_blank_values=True).items()}
        self.left = int(self.headers.get("Content-Length") or 0)
        self.length = self.left
        self.late_s = 0.0
        self.replacement: str | None = None
        content_range = self.headers.get("Content-Range", "")
        self.asked = asked = Asked(self.command, url.path, content_range, self.query)
        self.google.log.append(asked)
        try:
            self.find_page(url.path)()
            raise refusal("notFound")
        except Reply as reply:
            asked.outcome = reply.status
            if url.path.startswith(API) and isinstance(reply.body, dict):
                asked.answer = reply.body
            with contextlib.suppress(Drop, OSError):
                self.read_body()  # the rest of it, to keep the connection in step
                time.sleep(self.late_s)
                self.send(reply)
        except (Drop, ConnectionError) as drop:
            asked.outcome = f"drop {drop}"
            self.drop(str(drop))

    do_GET = do_POST = do_PUT = do_DELETE = answer

    def find_page(self, path: str) -> Callable[[], None]:
        if path.startswith(CONTROL):
            return lambda: self.control(path.removeprefix(CONTROL))
        page = PAGES.get((self.command, path))
        if page is None:
            raise refusal("notFound")
        return lambda: page(self)

    def control(self, what: str) -> None:
        """Control: state, manner (some of its fields), fault, expire, end-grants, for other processes."""
        google, body = self.google, self.read_body()
        with google.lock:
            if what == "manner":
                for name, value in json.loads(body).items():
                    setattr(google.manner, name, value)
            elif what == "fault":
                google.faults.append(Fault(**json.loads(body)))
            elif what == "expire":
                google.expire_tokens()
            elif what == "end-grants":
                google.end_grants()
            raise Reply(200, google.describe())

    def read_body(
        self, most: int | None = None, sink: Callable[[bytes], None] | None = None, pause_s: float = 0.0
    ) -> bytes:
        """Read the rest of the body, or at most `most` bytes of it."""
        data, wanted = bytearray(), self.left if most is None else min(most, self.left)
        while wanted:
            block = self.rfile.read(min(READ_BYTES, wanted))
            if not block:
                raise Drop("client went away")
            self.left -= len(block)
            wanted -= len(block)
            (sink or data.extend)(block)
            if pause_s:
                time.sleep(pause_s)
        return bytes(data)

    def json(self) -> Any:
        """Read the body as JSON, and record it."""
        self.asked.body = json.loads(self.read_body() or b"{}")
        return self.asked.body

    def form(self) -> dict[str, str]:
        return {name: of[0] for name, of in parse_qs(self.read_body().decode()).items()}

    def fault(self, on: str) -> Fault | None:
        """Apply a fault, or return it for the page to handle."""
        fault = self.google.take_fault(on)
        if fault is None:
            return None
        self.late_s = fault.late_s
        self.replacement = fault.content
        time.sleep(fault.stall_s)
        if on == "chunk" or fault.is_answer_lost or fault.loses_session or fault.content is not None:
            return fault
        if fault.drop:
            raise Drop(fault.drop)
        if fault.reason or fault.status:
            raise refusal_of(fault)
        return fault

    def send(self, reply: Reply) -> None:
        if self.replacement is not None:
            reply = Reply(200, self.replacement.encode())
        body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        headers = {"Content-Type": "application/json; charset=UTF-8", **reply.headers}
        self.send_response(reply.status, "Resume Incomplete" if reply.status == 308 else None)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def drop(self, how: str) -> None:
        """End the connection, with a reset or a normal close."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            if how == "rst":
                at_once = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
                self.connection.close()
            else:
                self.connection.shutdown(socket.SHUT_RDWR)
