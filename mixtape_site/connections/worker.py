"""gunicorn's threaded worker, with no thread waiting for a client.

A thread starts once a request's head (and a small body) is here, and ends when the answer is made. The main
loop waits for everything else: new and kept connections, half-sent heads, and readers of answers and files.
Only the body of an upload is read by a thread; how many one client may send at once is limited.
"""

import contextlib
import errno
import resource
import socket
import time
from collections import Counter
from concurrent.futures import Future
from functools import partial
from selectors import EVENT_READ, EVENT_WRITE
from typing import Any

from django.conf import settings
from gunicorn.workers.gthread import TConn, ThreadWorker

from mixtape_site.connections.heads import MAX_HEAD_BYTES, Head, read_head
from mixtape_site.connections.sockets import Pace, PatientSocket

READ_BYTES = 1 << 16
LINGER_S = 2.0  # after an answer, for a client that is still sending
LOOK_S = 0.5  # between two looks for slow clients
MOST_FILES = 8192  # open at once: a connection, and often a file, for each client
REASONS = {408: "Request Timeout", 429: "Too Many Requests", 431: "Request Header Fields Too Large"}
SENTENCES = {
    408: "The request did not arrive in time. Try again.",
    429: "Too many connections or uploads of your address at once. Wait a little, then try again.",
    431: "The head of the request is too large.",
}


class PatientConn(TConn):
    """A connection with what has arrived of its next request."""

    parser: Any  # from `init` on

    def __init__(self, worker: "PatientWorker", sock: PatientSocket, address: Any, server: Any) -> None:
        super().__init__(worker.cfg, sock, address, server)
        self.worker = worker
        self.peer = address[0] if isinstance(address, tuple) else "local"
        self.received = bytearray()
        self.head: Head | None = None
        self.deadline_s = 0.0
        self.sender = ""  # address counted as sending a large body
        self.is_open = True
        worker.connected[self.peer] += 1

    def close(self, graceful: bool = False) -> None:
        """Close the socket and stop counting the connection."""
        if self.is_open:
            self.is_open = False
            self.worker.discount(self.worker.connected, self.peer)
            self.worker.end_body(self)
        self.sock.close()


class PatientWorker(ThreadWorker):
    """Runs the site in threads, and waits for clients in its main loop."""

    poller: Any  # from `init_process` on
    head_s = 10.0  # for the head of a request
    body_s = 30.0  # for the head and a small body
    least_bytes = 64 << 10  # of an upload or download
    period_s = 60.0  # in each such period
    most_connections = 256  # of one address; a proxy has its own limit
    most_bodies = 12  # large bodies that one address sends at once

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connected: Counter[str] = Counter()
        self.bodies: Counter[str] = Counter()
        self.waiting: set[PatientConn] = set()  # for the rest of a request
        self.sending: set[PatientConn] = set()  # an answer that is complete
        self.lingering: set[PatientConn] = set()  # until the client closes, too
        self.next_look_s = 0.0

    def init_process(self) -> None:
        _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = MOST_FILES if hard == resource.RLIM_INFINITY else min(MOST_FILES, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        super().init_process()

    # Requests

    def accept(self, listener: Any) -> None:
        """Accept a connection and wait for its request in the main loop."""
        try:
            accepted, address = listener.accept()
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                raise
            return
        self.nr_conns += 1
        client = PatientSocket(accepted, Pace(self.least_bytes, self.period_s))
        conn = PatientConn(self, client, address, listener.getsockname())
        if not settings.TRUSTED_PROXIES and self.connected[conn.peer] > self.most_connections:
            self.refuse(conn, 429)
        else:
            self.wait_for_request(conn)

    def on_client_socket_readable(self, conn: PatientConn, client: Any) -> None:
        """Read the next request of a kept connection."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self.wait_for_request(conn)

    def wait_for_request(self, conn: PatientConn, received: bytes = b"") -> None:
        """Collect a request in the main loop; `received` came with the request before it."""
        conn.received, conn.head = bytearray(received), None
        conn.deadline_s = time.monotonic() + self.head_s
        conn.sock.setblocking(False)
        self.waiting.add(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_request_bytes, conn))
        if received:
            self.look_at_request(conn, 0)

    def on_request_bytes(self, conn: PatientConn, _sock: Any) -> None:
        """Take what has arrived; start a thread when it is enough."""
        try:
            data = conn.sock.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.drop(conn)
            return
        scanned = len(conn.received)
        conn.received += data
        self.look_at_request(conn, scanned)

    def look_at_request(self, conn: PatientConn, scanned: int) -> None:
        if conn.head is None:
            conn.head = read_head(conn.received, scanned)
            if conn.head is None:
                if len(conn.received) > MAX_HEAD_BYTES:
                    self.refuse(conn, 431)
                return
            conn.deadline_s += self.body_s - self.head_s
        if conn.head.has_large_body and not self.begin_body(conn, conn.head):
            self.refuse(conn, 429)
        elif len(conn.received) >= conn.head.bytes_first:
            self.start(conn)

    def start(self, conn: PatientConn) -> None:
        """Hand a request to a thread."""
        self.poller.unregister(conn.sock)
        self.waiting.discard(conn)
        conn.init()
        conn.parser.unreader.unread(bytes(conn.received))
        conn.received.clear()
        conn.data_ready = True
        conn.sock.begin_reading()
        self.enqueue_req(conn)

    def begin_body(self, conn: PatientConn, head: Head) -> bool:
        """Count a large body; return False when its client, or all clients, send too many."""
        client = head.client(conn.peer, settings.TRUSTED_PROXIES)
        most_of_all = max(1, self.cfg.threads * 2 // 3)  # the other threads answer pages
        if self.bodies[client] >= self.most_bodies or self.bodies.total() >= most_of_all:
            return False
        self.bodies[client] += 1
        conn.sender = client
        return True

    def end_body(self, conn: PatientConn) -> None:
        if conn.sender:
            self.discount(self.bodies, conn.sender)
            conn.sender = ""

    @staticmethod
    def discount(counts: Counter[str], address: str) -> None:
        counts[address] -= 1
        if counts[address] <= 0:
            del counts[address]

    # Answers

    def finish_request(self, conn: PatientConn, fs: "Future[Any]") -> None:
        """Wait for the reader of a complete answer in the main loop."""
        self.end_body(conn)
        if fs.cancelled() or fs.exception() or conn.sock.fileno() < 0:
            self.drop(conn)
        elif conn.sock.unsent:
            conn.sock.setblocking(False)
            conn.sock.begin_sending()
            self.sending.add(conn)
            self.poller.register(conn.sock, EVENT_WRITE, partial(self.on_writable, conn, fs))
        else:
            self.end_answer(conn, fs)

    def on_writable(self, conn: PatientConn, fs: "Future[Any]", _sock: Any) -> None:
        try:
            conn.sock.flush()
        except OSError:
            self.drop(conn)
            return
        if not conn.sock.unsent:
            self.poller.unregister(conn.sock)
            self.sending.discard(conn)
            self.end_answer(conn, fs)

    def end_answer(self, conn: PatientConn, fs: "Future[Any]") -> None:
        """Keep the connection for the next request, or close it."""
        if not fs.result():
            self.linger(conn)
        elif ahead := conn.parser.unreader.take_buffered():
            self.wait_for_request(conn, ahead)
        else:
            super().finish_request(conn, fs)

    def refuse(self, conn: PatientConn, status: int) -> None:
        """Answer without a thread, and close."""
        body = SENTENCES[status].encode()
        head = (
            f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nRetry-After: 5\r\nCache-Control: no-store\r\n"
            "Connection: close\r\n\r\n"
        )
        self.forget(conn)
        with contextlib.suppress(OSError):
            conn.sock.sendall(head.encode() + body)
        self.linger(conn)

    def linger(self, conn: PatientConn) -> None:
        """Close without cutting off the answer: wait shortly for the client to close first."""
        conn.sock.setblocking(False)
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.drop(conn)
            return
        conn.deadline_s = time.monotonic() + LINGER_S
        self.lingering.add(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_lingering_bytes, conn))

    def on_lingering_bytes(self, conn: PatientConn, _sock: Any) -> None:
        try:
            ended = not conn.sock.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            ended = True
        if ended:
            self.drop(conn)

    # Slow clients

    def murder_pending(self) -> None:
        """Let slow clients go; gunicorn calls this in each round of its loop."""
        now_s = time.monotonic()
        if now_s < self.next_look_s:
            return
        self.next_look_s = now_s + LOOK_S
        for conn in [conn for conn in self.waiting if conn.deadline_s < now_s or not self.alive]:
            if conn.received and conn.deadline_s < now_s:
                self.refuse(conn, 408)
            elif not conn.received:
                self.drop(conn)
        for conn in [conn for conn in self.lingering if conn.deadline_s < now_s]:
            self.drop(conn)
        for conn in [conn for conn in self.sending if not conn.sock.is_being_read()]:
            self.drop(conn)

    def forget(self, conn: PatientConn) -> None:
        """Stop waiting for a connection."""
        for group in (self.waiting, self.sending, self.lingering):
            group.discard(conn)
        with contextlib.suppress(KeyError, ValueError):  # not registered, or closed already
            self.poller.unregister(conn.sock)

    def drop(self, conn: PatientConn) -> None:
        """Close a connection."""
        self.forget(conn)
        self.nr_conns -= 1
        conn.close()
