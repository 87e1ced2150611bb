"""Send one message of a webhook: to the address that was looked up, without redirects, within a time."""

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping

from api.services.webhook_targets import Target, resolve

TIME_S = 10.0  # for everything: connecting, sending, and the head of the answer


def post(target: Target, body: bytes, headers: Mapping[str, str]) -> int:
    """Return the status of the answer, whose body is not read. Raises BadTarget and OSError."""
    connection = http.client.HTTPConnection(target.host, target.port, timeout=TIME_S)
    connection.sock = connect(target, resolve(target))
    # a receiver that sends a byte now and then would be within the time of each read
    guard = threading.Timer(TIME_S, cut, [connection.sock])
    guard.start()
    try:
        connection.request("POST", target.path, body, {"Host": target.netloc, **headers})
        return connection.getresponse().status
    except http.client.HTTPException as error:
        raise ConnectionError(f"no HTTP: {type(error).__name__}") from error
    finally:
        guard.cancel()
        connection.close()


def connect(target: Target, address: str) -> socket.socket:
    """Return a connection to `address`; TLS checks the certificate of the name. Raises OSError."""
    plain = socket.create_connection((address, target.port), timeout=TIME_S)
    if target.scheme != "https":
        return plain
    try:
        return ssl.create_default_context().wrap_socket(plain, server_hostname=target.host)
    except BaseException:
        plain.close()
        raise


def cut(connected: socket.socket) -> None:
    """End a connection that takes too long; its reader gets an error."""
    try:
        connected.shutdown(socket.SHUT_RDWR)
    except OSError:  # it has ended by itself
        return
