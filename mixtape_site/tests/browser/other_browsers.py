"""Drive Firefox and WebKitGTK by the protocols that they speak: Marionette, and WebDriver over HTTP."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

FIREFOX, GECKO_PREFS = "firefox-esr", {"media.autoplay.default": 0}
MINI_BROWSER = next(iter(sorted(Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser"))), None)
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of a reference to an element (W3C)
MARIONETTE = {"url": "Navigate", "element": "FindElement", "execute/sync": "ExecuteScript"}
MARIONETTE_OF_ELEMENTS = {"click": "ElementClick", "value": "ElementSendKeys"}
SHOW = 'document.querySelector(arguments[0]).scrollIntoView({block: "center"})'  # not under a bar of the page
START_S = 30.0
ANSWER_S = 60.0


class Driver:
    """What both browsers can do. `ask` sends a command by its W3C method, path and parameters."""

    def ask(self, method, path, **parameters):
        raise NotImplementedError

    def open(self, address):
        self.ask("POST", "url", url=address)

    def find(self, selector):
        return self.ask("POST", "element", using="css selector", value=selector)[ELEMENT]

    def click(self, selector):
        self.run(SHOW, selector)
        self.ask("POST", f"element/{self.find(selector)}/click")

    def type(self, selector, text):
        self.ask("POST", f"element/{self.find(selector)}/value", text=text)

    def run(self, script, *arguments):
        return self.ask("POST", "execute/sync", script=script, args=list(arguments))


class Firefox(Driver):
    """Speaks Marionette, whose commands are those of WebDriver under names of their own."""

    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S)
        self._number = 0
        self._read()
        self._command("WebDriver:NewSession", {})

    def ask(self, method, path, **parameters):
        if path.startswith("element/"):
            _, element, act = path.split("/")
            name, parameters = MARIONETTE_OF_ELEMENTS[act], {"id": element, **parameters}
        else:
            name = MARIONETTE[path]
        answer = self._command(f"WebDriver:{name}", parameters)
        return answer.get("value") if isinstance(answer, dict) else answer

    def _command(self, name, parameters):
        self._number += 1
        text = json.dumps([0, self._number, name, parameters]).encode()
        self._socket.sendall(b"%d:%s" % (len(text), text))
        _kind, _number, error, answer = self._read()
        assert error is None, f"{name}: {error}"
        return answer

    def _read(self):
        size = b""
        while not size.endswith(b":"):
            size += self._socket.recv(1)
        left, text = int(size[:-1]), b""
        while len(text) < left:
            text += self._socket.recv(left - len(text))
        return json.loads(text)


class WebKit(Driver):
    """Speaks WebDriver over HTTP."""

    def __init__(self, port, browser):
        self._address = f"http://127.0.0.1:{port}/session"
        options = {"binary": str(browser), "args": ["--automation", "--autoplay-policy=allow"]}
        wanted = {"webkitgtk:browserOptions": options}
        self._address += f"/{self._post('', capabilities={'alwaysMatch': wanted})['sessionId']}"

    def ask(self, method, path, **parameters):
        return self._post(f"/{path}", **parameters)

    def close(self):
        self._send(urllib.request.Request(self._address, method="DELETE"))

    def _post(self, path, **parameters):
        body = json.dumps(parameters).encode()
        return self._send(urllib.request.Request(self._address + path, body, {"Content-Type": "text/json"}))

    def _send(self, request):
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_S) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{request.full_url}: {error.read().decode()}") from error


def missing(name):
    """Return what is not installed for a browser, in words; empty where all is there."""
    programs = {"firefox": [FIREFOX], "webkit": ["WebKitWebDriver", "Xvfb"]}[name]
    gone = [program for program in (*programs, "pulseaudio") if not shutil.which(program)]
    if name == "webkit" and MINI_BROWSER is None:
        gone.append("MiniBrowser of WebKitGTK")
    return ", ".join(gone)


@contextlib.contextmanager
def running_firefox(folder: Path, port: int, environment) -> Iterator[Driver]:
    """Start Firefox with a profile of its own, without a window."""
    profile = folder / "profile"
    profile.mkdir()
    prefs = {**GECKO_PREFS, "marionette.port": port}
    lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in prefs.items())
    (profile / "user.js").write_text("\n".join(lines))
    command = [FIREFOX, "--headless", "--marionette", "--no-remote", "--profile", str(profile)]
    with running(command, folder / "firefox.log", {**environment, "HOME": str(folder)}):
        wait_for_port(port)
        yield Firefox(port)


@contextlib.contextmanager
def running_webkit(folder: Path, port: int, environment) -> Iterator[Driver]:
    """Start WebKitGTK's small browser on a screen of its own."""
    display = f":{port % 1000 + 100}"
    own = {
        **environment,
        "DISPLAY": display,
        "LIBGL_ALWAYS_SOFTWARE": "1",
        "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1",  # CI often runs as root, and the pages are our own
    }
    screen = ["Xvfb", display, "-screen", "0", "1280x900x24", "-nolisten", "tcp"]
    driver = ["WebKitWebDriver", f"--port={port}"]
    with running(screen, folder / "screen.log", own), running(driver, folder / "webkit.log", own):
        wait_for_port(port)
        webkit = WebKit(port, MINI_BROWSER)
        yield webkit
        webkit.close()


@contextlib.contextmanager
def sound_device(folder: Path) -> Iterator[dict[str, str]]:
    """Yield the environment for browsers with a silent device; without any, Firefox plays nothing."""
    place = folder / "pulse.sock"
    command = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "-L", "module-null-sink"]
    command += ["-L", f"module-native-protocol-unix socket={place} auth-anonymous=1"]
    environment = {**os.environ, "PULSE_SERVER": f"unix:{place}"}
    with running(command, folder / "pulse.log", {**environment, "XDG_RUNTIME_DIR": str(folder)}):
        wait_until(place.exists)
        yield environment


@contextlib.contextmanager
def running(command, log, environment):
    with log.open("w") as file:
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=file)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def wait_for_port(port):
    def answers():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        return False

    wait_until(answers)


def wait_until(holds, *, seconds=START_S, what=""):
    """Wait until `holds()` is true, and return what it returned."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := holds():
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds:.0f} s for {what or holds}")
