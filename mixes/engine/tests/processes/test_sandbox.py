"""Tests of the sandbox with misbehaving children, each a small Python program."""

import contextlib
import fcntl
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from mixes.engine.errors import Cancelled, EngineError, FfmpegError, OutputError, StalledError
from mixes.engine.processes import readers, sandbox
from mixes.engine.processes.readers import call_reader
from mixes.engine.processes.sandbox import Child, Limits, can_restrict_files, run_child

PYTHON = (Path(sys.prefix), Path(sys.base_prefix))
LIMITS = Limits(stall_s=20.0)
SHORT_STALL = Limits(stall_s=0.4)
F_GETPIPE_SZ = 1032  # Linux
SLEEP_60_S = "import time; time.sleep(60)"
needs_landlock = pytest.mark.skipif(not can_restrict_files(), reason="a kernel without Landlock")


def python(code):
    return [sys.executable, "-I", "-S", "-c", code]


def run_python(code, *, limits=LIMITS, read=(), **options):
    return run_child(python(code), limits=limits, read=(*PYTHON, *read), **options)


def python_child(code, *, limits=LIMITS, **options):
    return Child(python(code), limits=limits, read=PYTHON, **options)


def after(seconds):
    """Return a `should_stop` that returns True after `seconds`."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z" or os.getpid() == int(Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[1])


def wait_until_gone(pid, seconds=5.0):
    end = time.monotonic() + seconds
    while is_alive(pid) and time.monotonic() < end:
        time.sleep(0.01)
    return not is_alive(pid)


def own_cpu_s():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def test_stdout_and_stderr_of_a_child_are_kept():
    output = run_python("import sys; print('out'); print('err', file=sys.stderr)")
    assert output == sandbox.ChildOutput(b"out\n", "err\n", 0)


def test_input_and_output_may_exceed_the_pipe_capacity():
    pieces = [bytes([number]) * 3_000_001 for number in range(5)]
    code = "import shutil, sys; shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)"
    assert run_python(code, feed=iter(pieces)).stdout == b"".join(pieces)


def test_a_child_may_write_only_after_all_its_input():
    code = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read()[::-1])"
    assert run_python(code, feed=[b"ab" * 2_000_000, b"", b"c"]).stdout == b"c" + b"ba" * 2_000_000


def test_reading_in_pieces_also_feeds_the_child():
    code = "import shutil, sys; shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)"
    view = memoryview(bytearray(700_000))
    with python_child(code, feed=[b"x" * 3_000_000]) as child:
        counts = [child.readinto(view) for _ in range(6)]
        child.finish()
    assert counts == [700_000, 700_000, 700_000, 700_000, 200_000, 0]


def test_a_child_need_not_read_all_it_is_fed():
    assert run_python("print('enough')", feed=[bytes(10_000_000)]).stdout == b"enough\n"


def test_a_child_that_closes_its_output_is_fed_to_the_end(tmp_path):
    code = (
        "import os, sys; os.close(1); data = sys.stdin.buffer.read();"
        f"open({str(tmp_path / 'count')!r}, 'w').write(str(len(data)))"
    )
    run_python(code, feed=[bytes(4_000_000)], write=[tmp_path])
    assert (tmp_path / "count").read_text() == "4000000"


def test_an_exception_of_the_feed_is_raised_unchanged():
    def feed():
        yield b"x"
        raise LookupError("the caller's own")

    with pytest.raises(LookupError), python_child(SLEEP_60_S, feed=feed()) as child:
        child.read_all()
    assert not is_alive(child._process.pid)


def test_a_status_other_than_0_is_an_error_with_the_end_of_stderr():
    with pytest.raises(FfmpegError, match="status 3: last words") as caught:
        run_python("import sys; print('first', file=sys.stderr); sys.stderr.write('last words'); sys.exit(3)")
    assert caught.value.returncode == 3
    assert caught.value.stderr_tail.startswith("first\n")


def test_a_missing_program_is_named(tmp_path):
    with pytest.raises(FfmpegError, match="no-such-program could not be started: No such file"):
        run_child([str(tmp_path / "no-such-program")], limits=LIMITS)


def test_a_child_that_cannot_be_started_is_reported_in_one_sentence(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with pytest.raises(EngineError, match=r"^A helper process could not be started: No such file"):
        run_child(["/bin/true"], limits=LIMITS)


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("[mp3float @ 0x55aa] [error] Header missing", 1),
        ("[aist#0:0/mp3 @ 0x55aa] [dec:mp3float @ 0x55ab] [error] Error submitting packet", 1),
        ("[error] Error while decoding stream #0:0", 1),
        ("[fatal] Error opening input files", 1),
        ("[info]     title           : [error] not one", 0),
        ("[in#0/mp3 @ 0x55aa] [warning] Estimating duration", 0),
        ("[mjpeg @ 0x55aa] [error] Codec (mjpeg) not on whitelist 'mp3'", 0),
    ],
)
def test_errors_are_counted_by_the_log_level_of_ffmpeg_lines(line, count):
    code = f"import sys; sys.stderr.write({line!r} + '\\n' + {line!r})"
    assert run_python(code).error_lines == 2 * count


def test_lines_are_captured_across_read_boundaries():
    code = "import os, time\nfor part in (b'[er', b'ror] a\\n[info]   Str', b'eam #0:0\\n'):\n"
    code += "    os.write(2, part); time.sleep(0.05)"
    with python_child(code, capture=re.compile(rb"^\[info\]   Stream.*", re.MULTILINE)) as child:
        child.read_all()
        child.finish()
    assert (child.error_lines, child.captured_lines) == (1, "[info]   Stream #0:0\n")


def test_endless_stderr_is_read_in_constant_memory():
    line = b"[error] " + b"x" * 1015 + b"\n"
    code = f"import os\nfor _ in range(1500): os.write(2, {line!r} * 64)"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    output = run_python(code)  # 98 MB
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # kB
    assert output.error_lines == 96_000
    assert len(output.stderr_tail) == sandbox.STDERR_TAIL_BYTES


def test_an_endless_line_is_read_in_constant_memory():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run_python("import os\nfor _ in range(1500): os.write(2, b'x' * 65536)")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # kB


def test_writing_to_stderr_is_not_progress():
    with pytest.raises(StalledError):
        run_python("import os\nwhile True: os.write(2, b'[error] no\\n' * 1000)", limits=SHORT_STALL)


@pytest.mark.parametrize(
    "code",
    [
        SLEEP_60_S,
        "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)",
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: pass",
        "import os, time; os.close(1); time.sleep(60)",
        "import os, time; os.close(1); os.close(2); time.sleep(60)",
    ],
    ids=["sleeps", "is stopped", "spins", "closes its output", "closes everything"],
)
def test_a_stalled_child_is_killed(code):
    started_s = time.monotonic()
    with pytest.raises(StalledError, match="Nothing moved"):
        run_python(code, limits=SHORT_STALL)
    assert time.monotonic() - started_s < 3.0


def test_a_child_that_does_not_read_its_input_is_killed():
    with pytest.raises(StalledError):
        run_python(SLEEP_60_S, limits=SHORT_STALL, feed=[bytes(10_000_000)])


def test_a_slow_child_is_not_killed():
    code = "import os, time\nfor _ in range(5): time.sleep(0.15); os.write(1, bytes(200))"
    assert run_python(code, limits=SHORT_STALL).stdout == bytes(1000)


@pytest.mark.parametrize("feed", [None, [bytes(10_000_000)]], ids=["reading", "feeding"])
def test_a_trickle_is_not_progress(feed):
    code = "import os, time\nwhile True: time.sleep(0.01); os.write(1, b'x'); os.read(0, 9)"
    with pytest.raises(StalledError):
        run_python(code, limits=SHORT_STALL, feed=feed)
    with pytest.raises(StalledError), python_child(code, limits=SHORT_STALL, feed=feed) as child:
        while True:
            child.readinto(memoryview(bytearray(3)))


def test_a_slow_feed_does_not_count_as_a_stall():
    def feed():
        yield bytes(fcntl.fcntl(child._process.stdin, F_GETPIPE_SZ))  # the pipe is full, and the child asleep
        time.sleep(0.6)
        yield b"x"

    code = "import sys, time; time.sleep(0.8); sys.stdout.write(str(len(sys.stdin.buffer.read()) % 4096))"
    with python_child(code, limits=SHORT_STALL, feed=feed()) as child:
        assert child.read_all() == b"1"


def test_time_between_two_reads_does_not_count_as_a_stall():
    view = memoryview(bytearray(1))
    with python_child("print('ab', end='')", limits=SHORT_STALL) as child:
        assert child.readinto(view) == 1
        time.sleep(0.6)
        assert child.readinto(view) == 1


@pytest.mark.parametrize("feed", [None, [bytes(10_000_000)]], ids=["reading", "feeding"])
@pytest.mark.parametrize(
    "code", [SLEEP_60_S, "import os, time; os.close(1); time.sleep(60)"], ids=["silent", "output closed"]
)
def test_cancelling_stops_a_waiting_child_immediately(code, feed):
    started_s = time.monotonic()
    with pytest.raises(Cancelled):
        run_python(code, feed=feed, should_stop=after(0.2))
    assert time.monotonic() - started_s < 0.7


def test_cancelling_works_while_bytes_flow():
    view = memoryview(bytearray(1 << 16))
    with (
        pytest.raises(Cancelled),
        python_child("import os\nwhile True: os.write(1, bytes(65536))") as child,
    ):
        should_stop = after(0.2)
        while True:
            child.readinto(view, should_stop)


@pytest.mark.parametrize(
    "code",
    [
        "import time; time.sleep(0.7)",
        "import os, time; os.close(2); time.sleep(0.7)",
        "import os, time; os.close(1); time.sleep(0.7)",
        "import os, time; os.close(1); os.close(2); time.sleep(0.7)",
        "import os, time; os.close(0); time.sleep(0.7)",
    ],
    ids=["nothing closed", "stderr closed", "stdout closed", "both closed", "stdin closed"],
)
def test_waiting_uses_almost_no_cpu(code):
    before_s = own_cpu_s()
    run_python(code, feed=[bytes(3_000_000)])
    assert own_cpu_s() - before_s < 0.2


def test_a_file_may_not_grow_beyond_its_limit(tmp_path):
    script = f"exec head -c 100000 /dev/zero > {tmp_path}/file"
    with pytest.raises(OutputError, match="grew beyond its size limit"):
        run_child(
            ["/bin/sh", "-c", script],
            limits=Limits(file_bytes=50_000),
            read=[Path("/dev/zero")],
            write=[tmp_path],
        )
    assert (tmp_path / "file").stat().st_size == 50_000


def test_a_full_disk_is_reported_in_one_sentence():
    with pytest.raises(OutputError, match=r"^There is no space left on the disk\."):
        run_python("open('/dev/full', 'wb', 0).write(b'x')", write=[Path("/dev/full")])


def test_output_may_not_grow_beyond_its_limit():
    with pytest.raises(OutputError, match="far too much data"):
        run_python(
            "import os\nwhile True: os.write(1, bytes(65536))", limits=Limits(max_output_bytes=1_000_000)
        )


def test_every_limit_reaches_the_child():
    code = (
        "import os, resource as r; print([r.getrlimit(k)[0] for k in (r.RLIMIT_AS, r.RLIMIT_CPU,"
        "r.RLIMIT_FSIZE, r.RLIMIT_NOFILE, r.RLIMIT_CORE)], os.getsid(0) == os.getpid(), os.getcwd())"
    )
    limits = Limits(memory_bytes=1 << 29, cpu_s=7, file_bytes=1234)
    assert run_python(code, limits=limits).stdout == b"[536870912, 7, 1234, 64, 0] True /\n"


def test_memory_is_limited():
    with pytest.raises(FfmpegError, match="MemoryError"):
        run_python("bytearray(1 << 30)", limits=Limits(memory_bytes=1 << 29))


def test_a_lower_existing_limit_is_kept():
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32));"
        "from pathlib import Path; from mixes.engine.processes.sandbox import Limits, run_child;"
        "code = 'import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])';"
        "read = (Path(sys.prefix), Path(sys.base_prefix));"
        "print(run_child([sys.executable, '-I', '-S', '-c', code], limits=Limits(), read=read).stdout)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=readers.PACKAGE.parent)
    assert done.stdout == b"b'32\\n'\n", done.stderr


def test_signals_that_python_ignores_end_the_child():
    for name in ("PIPE", "XFSZ"):
        with pytest.raises((FfmpegError, OutputError)):
            run_child(["/bin/sh", "-c", f"kill -{name} $$"], limits=LIMITS)


def test_the_environment_holds_no_secrets(monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "canary")
    output = run_python("import os; print(sorted(os.environ.items()))")
    assert output.stdout == b"[('LC_ALL', 'C.UTF-8'), ('PATH', '/usr/bin:/bin')]\n"


def test_open_files_are_not_inherited(tmp_path):
    secret = os.open(tmp_path / "secret", os.O_RDWR | os.O_CREAT)
    os.set_inheritable(secret, True)
    code = (
        "import os\nfor number in range(3, 64):\n"
        "    try: os.fstat(number); print(number)\n    except OSError: pass"
    )
    try:
        assert run_python(code).stdout == b""
    finally:
        os.close(secret)


@needs_landlock
@pytest.mark.parametrize(
    "deed",
    [
        "open('/etc/hostname')",
        "open({secret!r})",
        "open({link!r})",
        "os.listdir({folder!r})",
        "open({folder!r} + '/new', 'w')",
        "os.remove({secret!r})",
        "open({given!r}, 'a')",
        "os.listdir('/proc')",
        "os.kill({pid}, 0)",
    ],
)
def test_paths_that_are_not_given_cannot_be_accessed(tmp_path, deed):
    secret, given, link = tmp_path / "db.sqlite3", tmp_path / "given", tmp_path / "links" / "link"
    link.parent.mkdir()
    for file in (secret, given):
        file.write_text("x")
    link.symlink_to(secret)
    names = {"secret": str(secret), "link": str(link), "given": str(given), "folder": str(tmp_path)}
    deed = deed.format(pid=os.getpid(), **names)
    code = f"import os\ntry: {deed}\nexcept PermissionError: print('refused')"
    assert run_python(code, read=[given, link.parent]).stdout == b"refused\n"
    assert secret.exists()


def test_given_paths_can_be_accessed(tmp_path):
    given, folder = tmp_path / "given", tmp_path / "folder"
    given.write_text("hello")
    folder.mkdir()
    code = (
        f"import os; os.chdir({str(folder)!r}); open('a', 'w').write(open({str(given)!r}).read());"
        "os.replace('a', 'b'); open('c', 'w'); os.remove('c')"
    )
    run_python(code, read=[given], write=[folder])
    assert [path.name for path in folder.iterdir()] == ["b"]
    assert (folder / "b").read_text() == "hello"


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_UNIX"])
@pytest.mark.parametrize("kind", ["SOCK_STREAM", "SOCK_DGRAM"])
def test_no_socket_can_be_opened(family, kind):
    code = f"import socket\ntry: socket.socket(socket.{family}, socket.{kind})\n"
    code += "except PermissionError: print('refused')"
    assert run_python(code).stdout == b"refused\n"


def test_no_connection_can_be_made():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        with pytest.raises(FfmpegError):
            run_python(f"import socket; socket.create_connection({listener.getsockname()})")
        with pytest.raises(TimeoutError):
            listener.accept()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_no_child_outlives_its_block_after_any_error(error):
    with pytest.raises(error), python_child(SLEEP_60_S) as child:
        raise error
    assert child._process.returncode == -signal.SIGKILL
    assert not is_alive(child._process.pid)


@pytest.mark.parametrize("ending", ["", "; time.sleep(60)"], ids=["after the child", "with the child"])
def test_grandchildren_are_killed_too(ending):
    code = (
        "import os, time\npid = os.fork()\nif not pid:\n"
        "    [os.close(fd) for fd in (0, 1, 2)]; time.sleep(60)\n"
        f"os.write(1, b'%d ' % pid){ending}"
    )
    view = memoryview(bytearray(20))
    with contextlib.suppress(StalledError), python_child(code, limits=SHORT_STALL) as child:
        child.readinto(view)
        child.finish()
    assert wait_until_gone(int(bytes(view).split()[0].rstrip(b"\0")))


def test_a_child_can_be_killed_while_another_thread_waits_for_it():
    view = memoryview(bytearray(10))
    with python_child(SLEEP_60_S) as child:
        timer = threading.Timer(0.2, child.kill)
        timer.start()
        assert child.readinto(view) == 0
        with pytest.raises(FfmpegError):
            child.finish()
        timer.join()


def test_killing_twice_is_harmless():
    with python_child(SLEEP_60_S) as child:
        child.kill()
        child.kill()


def test_a_child_dies_with_its_parent():
    code = (
        "import sys, time; from pathlib import Path;"
        "from mixes.engine.processes.sandbox import Child, Limits;"
        "read = (Path(sys.prefix), Path(sys.base_prefix));"
        f"child = Child([sys.executable, '-I', '-S', '-c', {SLEEP_60_S!r}], limits=Limits(), read=read);"
        "print(child._process.pid, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=readers.PACKAGE.parent) as helper:
        pid = int(helper.stdout.readline())
        assert is_alive(pid)
        helper.kill()
        assert wait_until_gone(pid)


def test_a_child_dies_with_the_thread_that_started_it():
    children = []

    def start():
        children.append(python_child("print('started', flush=True); " + SLEEP_60_S))
        children[0].readinto(memoryview(bytearray(7)))

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    with children[0] as child, pytest.raises(FfmpegError) as caught:
        child.finish()
    assert caught.value.returncode == -signal.SIGKILL


def test_many_children_leak_no_file_descriptors():
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(10):
        run_python("print('x')", feed=[b"y"])
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """Return a function that writes its code to the module `mixes.engine.reader`."""
    package = tmp_path / "mixes"
    (package / "engine").mkdir(parents=True)
    (package / "engine" / "__init__.py").touch()
    monkeypatch.setattr(readers, "PACKAGE", package)
    return (package / "engine" / "reader.py").write_text


def test_a_reader_takes_and_returns_json(reader):
    reader("import json, sys; print(json.dumps({'got': json.load(sys.stdin)}))")
    assert call_reader("reader", {"title": "夜の道"}) == {"got": {"title": "夜の道"}}


@pytest.mark.parametrize(
    "code",
    [
        "",
        "print('[1, 2]')",
        "print('{')",
        "print('[' * 100000)",
        "import sys; sys.stdout.buffer.write(b'\\xff')",
        "raise RuntimeError",
        "import os; os.kill(os.getpid(), 11)",
        "import json, sys; json.load(sys.stdin); bytearray(2 << 30)",
    ],
)
def test_every_failure_of_a_reader_is_reported_in_one_sentence(reader, code):
    reader(code)
    with pytest.raises(EngineError, match=r"^The file could not be read safely\.$"):
        call_reader("reader", {})


def test_a_reader_that_hangs_is_killed(reader):
    reader(SLEEP_60_S)
    with pytest.raises(EngineError, match="could not be read safely"):
        call_reader("reader", {}, limits=SHORT_STALL)


def test_a_reader_can_be_cancelled(reader):
    reader(SLEEP_60_S)
    with pytest.raises(Cancelled):
        call_reader("reader", {}, should_stop=after(0.2))


@needs_landlock
def test_a_reader_can_read_the_package_but_not_its_neighbours(reader, tmp_path):
    (tmp_path / ".env").write_text("SECRET_KEY=canary")
    question = {"path": str(tmp_path / ".env")}
    reader("import json, sys; print(json.dumps({'said': open(json.load(sys.stdin)['path']).read()}))")
    with pytest.raises(EngineError):
        call_reader("reader", question)
    assert json.dumps(call_reader("reader", question, read=[tmp_path / ".env"])).count("canary") == 1
