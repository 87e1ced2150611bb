"""Start one program with the rights it needs and no more: run as a script, never imported.

    python -I -S launcher.py PARENT_PID MEMORY CPU_S FILE_BYTES [-r PATH]... [-w PATH]... -- PROGRAM [ARG]...

A launcher and not `preexec_fn`, because code between fork and exec can deadlock in a process with threads.
It dies with its parent, sets the resource limits (0: none) and, where the kernel has Landlock, leaves the
program only the given paths and no TCP. Then it becomes the program.
"""

import ctypes
import os
import resource
import signal
import struct
import sys

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
# Landlock has one number for all architectures: include/uapi/asm-generic/unistd.h
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_FILE, MAKE_REG, TRUNCATE = (
    1 << bit for bit in (0, 1, 2, 3, 5, 8, 14)
)
FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE  # the rest makes sense for folders only
SANDBOX_FAILED = 97  # exit status: the kernel has Landlock and refused our rules


def landlock_abi(libc: ctypes.CDLL) -> int:
    """Return the kernel's Landlock version, 0 where it has none or it is switched off."""
    abi: int = libc.syscall(LANDLOCK_CREATE_RULESET, None, 0, 1)
    return max(abi, 0)


def handled_rights(abi: int) -> int:
    """Return every file right this version of Landlock knows, so that all that is not allowed is denied."""
    bits = 13 if abi == 1 else 14 if abi == 2 else 15 if abi < 5 else 16
    return (1 << bits) - 1


def restrict(libc: ctypes.CDLL, abi: int, readable: list[str], writable: list[str]) -> None:
    """Deny this process everything but the given paths; raises OSError when the kernel refuses."""
    known = handled_rights(abi)
    tcp = 3 if abi >= 4 else 0  # bind and connect
    scope = 3 if abi >= 6 else 0  # abstract sockets and signals to processes outside
    attributes = struct.pack("QQQ", known, tcp, scope)[: 24 if abi >= 6 else 16 if abi >= 4 else 8]
    ruleset = libc.syscall(LANDLOCK_CREATE_RULESET, attributes, len(attributes), 0)
    read = EXECUTE | READ_FILE | READ_DIR
    write = READ_FILE | READ_DIR | WRITE_FILE | REMOVE_FILE | MAKE_REG | TRUNCATE
    for paths, rights in ((readable, read), (writable, write)):
        for path in filter(os.path.exists, paths):
            allowed = rights & known if os.path.isdir(path) else rights & known & FILE_RIGHTS
            rule = struct.pack("=Qi", allowed, os.open(path, os.O_PATH | os.O_CLOEXEC))
            libc.syscall(LANDLOCK_ADD_RULE, ruleset, 1, rule, 0)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0):
        raise OSError(ctypes.get_errno(), "landlock_restrict_self")
    os.close(ruleset)


def limit(what: int, amount: int) -> None:
    """Set a soft and hard limit, keeping a lower one that is already there."""
    if amount:
        hard = resource.getrlimit(what)[1]
        amount = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
        resource.setrlimit(what, (amount, amount))


def main() -> None:
    """Read the command line, give up rights, become the program."""
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
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before we could ask to die with it
            os._exit(SANDBOX_FAILED)
        if abi := landlock_abi(libc):
            try:
                restrict(libc, abi, paths["-r"], paths["-w"])
            except OSError:
                os._exit(SANDBOX_FAILED)
        limit(resource.RLIMIT_AS, memory)  # last: the launcher itself needs some
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
