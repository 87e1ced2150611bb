"""Replacements of ffmpeg that fail in one way at one task and do all other tasks correctly."""

import re
from pathlib import Path

from mixes.engine.processes.ffmpeg import find_ffmpeg

# Task -> a shell pattern that matches only its command line
TASKS = {
    "decode": "*-format_whitelist*",
    "decode the result": "*-format_whitelist*/scratch/mix-*",
    "resample": "*aresample*",
    "mp3": "*libmp3lame*",
    "aac": "*adts*",
    "picture": "*png_pipe*",
    "listening copy": "*-f?ipod*",
}
TO_FILE = ("listening copy",)
FED = ("resample", "mp3", "aac", "listening copy")

HANGS = {
    "sleeps": "exec sleep 1000",
    "stops itself": "kill -STOP $$; sleep 1000",
    "trickles": "while :; do echo x; sleep 0.05; done",
    "reports progress endlessly": "while :; do echo progress=continue >&2; sleep 0.05; done",
    "stops after some output": 'ffmpeg "$@" | head -c 5000; exec sleep 1000',
    "logs errors endlessly": "exec yes '[error] no' >&2",
}
DEATHS = {
    "says it is done": "exit 0",
    "gives half": 'ffmpeg "$@" | head -c 5000',
    "dies by SIGSEGV": "kill -SEGV $$",
    "dies by SIGKILL": "kill -KILL $$",
    "dies late": 'ffmpeg "$@" | head -c 5000; kill -SEGV $$',
    "fails": "exit 1",
}
HALF_A_FILE = """
ffmpeg "$@"
for last; do :; done
file="${last#file:}"
truncate -s $(($(stat -c %s "$file") / 2)) "$file"
"""
HALF_IS_TAKEN = 'head -c 5000 | ffmpeg "$@"'
FLOOD = (
    "yes 'nothing is wrong, only there is much to say about it' | head -c {size} >&2\necho >&2\n"
    'exec ffmpeg "$@"'
)


def faults_of(task):
    """Return the scripts of all faults of a task."""
    found = {**HANGS, **DEATHS}
    if task in TO_FILE:
        found["gives half"] = HALF_A_FILE
    if task in FED:
        found["takes half"] = HALF_IS_TAKEN
    return found


def write_faulty(folder, task, script):
    """Write the program; `ffmpeg` in the script stands for the real one."""
    real = find_ffmpeg()
    script = re.sub(r"\bffmpeg\b", str(real), script)
    program = Path(folder, "ffmpeg")
    part = program.with_suffix(".part")
    part.write_text(f'#!/bin/sh\ncase " $* " in\n{TASKS[task]}) ;;\n*) exec {real} "$@" ;;\nesac\n{script}\n')
    part.chmod(0o755)
    part.replace(program)
    return program
