"""Start one program with only the rights it needs. Run as a script.

    python -I -S launcher.py PARENT_PID MEMORY CPU_S FILE_BYTES [-r PATH]... [-w PATH]... -- PROGRAM [ARG]...

It replaces `preexec_fn`, because code between fork and exec can deadlock in a process with threads. It dies
with its parent, sets the resource limits (0: none) and, where the kernel supports it, restricts the program
to the given paths (Landlock) and denies it sockets (seccomp). Then it executes the program. It runs once per
child, so it imports as little as possible: `signal` alone would cost 3 of its 9 ms.
"""

import ctypes
import os
import resource
import struct
import sys

SIGKILL, SIGPIPE, SIGXFSZ = 9, 13, 25
DEFAULT_ACTION = None
SCHED_BATCH = 3
PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 22, 38
# The Landlock calls have the same numbers on all architectures: include/uapi/asm-generic/unistd.h
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_FILE, MAKE_REG, TRUNCATE = (
    1 << bit for bit in (0, 1, 2, 3, 5, 8, 14)
)
FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE  # the other rights apply to folders only
# Machine: its AUDIT_ARCH number (linux/audit.h) and the number of its `socket` call
SOCKET_CALLS = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
IO_URING_SETUP = 425  # on all architectures; io_uring can open sockets without the `socket` call
X32_CALLS = 0x40000000  # x86-64 repeats its calls from this number on (x32 ABI)
SECCOMP_MODE_FILTER, SECCOMP_ALLOW, SECCOMP_DENY = 2, 0x7FFF0000, 0x00050000 | 13  # 13: EACCES
LOAD, JUMP_IF_EQUAL, JUMP_IF_NOT_LESS, RETURN = 0x20, 0x15, 0x35, 0x06  # linux/bpf_common.h
SANDBOX_FAILED = 97  # exit status: the kernel supports Landlock but refused the rules
CANNOT_START = 126  # exit status that shells use for a program that cannot be executed


def landlock_abi(libc: ctypes.CDLL) -> int:
    """Return the kernel's Landlock ABI version, 0 where Landlock is missing or disabled."""
    abi: int = libc.syscall(LANDLOCK_CREATE_RULESET, None, 0, 1)
    return max(abi, 0)


def handled_rights(abi: int) -> int:
    """Return all file rights that this ABI version handles: handled rights are denied unless allowed."""
    bits = 13 if abi == 1 else 14 if abi == 2 else 15 if abi < 5 else 16
    return (1 << bits) - 1


def restrict_files(libc: ctypes.CDLL, abi: int, readable: list[str], writable: list[str]) -> None:
    """Restrict this process to the given paths. Raises OSError when the kernel refuses."""
    known = handled_rights(abi)
    tcp = 3 if abi >= 4 else 0  # bind and connect
    scope = 3 if abi >= 6 else 0  # abstract sockets, signals to processes outside the sandbox
    attributes = struct.pack("QQQ", known, tcp, scope)[: 24 if abi >= 6 else 16 if abi >= 4 else 8]
    ruleset = libc.syscall(LANDLOCK_CREATE_RULESET, attributes, len(attributes), 0)
    read = EXECUTE | READ_FILE | READ_DIR
    write = READ_FILE | READ_DIR | WRITE_FILE | REMOVE_FILE | MAKE_REG | TRUNCATE
    for paths, rights in ((readable, read), (writable, write)):
        for path in filter(os.path.exists, paths):
            allowed = rights & known if os.path.isdir(path) else rights & known & FILE_RIGHTS
            rule = struct.pack("=Qi", allowed, os.open(path, os.O_PATH | os.O_CLOEXEC))
            libc.syscall(LANDLOCK_ADD_RULE, ruleset, 1, rule, 0)
    if libc.syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0):
        raise OSError(ctypes.get_errno(), "landlock_restrict_self")
    os.close(ruleset)


def deny_sockets(libc: ctypes.CDLL) -> None:
    """Make every call that opens a socket fail with EACCES; do nothing on an unsupported machine.

    Landlock covers TCP only from Linux 6.7 on, and neither UDP nor the Unix sockets of databases.
    """
    if os.uname().machine not in SOCKET_CALLS:
        return
    architecture, socket_call = SOCKET_CALLS[os.uname().machine]
    steps = (
        (LOAD, 0, 0, 4),  # the architecture of the call: the numbers differ between architectures
        (JUMP_IF_EQUAL, 0, 4, architecture),
        (LOAD, 0, 0, 0),  # the number of the call
        (JUMP_IF_EQUAL, 2, 0, socket_call),
        (JUMP_IF_EQUAL, 1, 0, IO_URING_SETUP),
        (JUMP_IF_NOT_LESS, 0, 1, X32_CALLS),
        (RETURN, 0, 0, SECCOMP_DENY),
        (RETURN, 0, 0, SECCOMP_ALLOW),
    )
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = struct.pack("HP", len(steps), ctypes.addressof(code))
    libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0)


def limit(resource_kind: int, amount: int) -> None:
    """Set a soft and hard limit; a lower existing hard limit stays. 0 sets none."""
    if amount:
        hard = resource.getrlimit(resource_kind)[1]
        amount = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
        resource.setrlimit(resource_kind, (amount, amount))


def restore_signals(libc: ctypes.CDLL) -> None:
    """Restore SIGPIPE and SIGXFSZ, which Python ignores: a broken pipe or a full file must end a program."""
    for number in (SIGPIPE, SIGXFSZ):
        libc.signal(number, DEFAULT_ACTION)


def drop_rights(libc: ctypes.CDLL, parent: int, readable: list[str], writable: list[str]) -> None:
    """Kill this process when its parent dies, and drop the rights it does not need. Linux only.

    Raises OSError when the kernel refuses the Landlock rules.
    """
    libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # the parent died before the signal was set
        os._exit(SANDBOX_FAILED)
    # ffmpeg 9 passes each frame between threads: fewer switches save a fifth of the CPU time of decoding
    libc.sched_setscheduler(0, SCHED_BATCH, struct.pack("i", 0))
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if abi := landlock_abi(libc):
        restrict_files(libc, abi, readable, writable)
    deny_sockets(libc)


def stop(status: int, sentence: str) -> None:
    """Write one sentence to stderr and exit immediately."""
    os.write(2, f"[fatal] {sentence}\n".encode())
    os._exit(status)


def main() -> None:
    """Read the command line, drop rights and execute the program."""
    parent, memory, cpu_s, file_bytes = map(int, sys.argv[1:5])
    end = sys.argv.index("--")
    options, command = sys.argv[5:end], sys.argv[end + 1 :]
    paths: dict[str, list[str]] = {"-r": [], "-w": []}
    for flag, path in zip(options[::2], options[1::2], strict=True):
        paths[flag].append(path)
    limit(resource.RLIMIT_CPU, cpu_s)
    limit(resource.RLIMIT_FSIZE, file_bytes)
    limit(resource.RLIMIT_NOFILE, 64)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    restore_signals(libc)
    try:
        if sys.platform == "linux":
            drop_rights(libc, parent, paths["-r"], paths["-w"])
            limit(resource.RLIMIT_AS, memory)  # last: the launcher itself needs memory
    except OSError as error:
        stop(SANDBOX_FAILED, f"The sandbox could not be set up: {error.strerror}.")
    try:
        os.execv(command[0], command)
    except OSError as error:
        stop(CANNOT_START, f"{command[0]} could not be started: {error.strerror}.")


if __name__ == "__main__":
    main()
