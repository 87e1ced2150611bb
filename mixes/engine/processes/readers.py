"""Run the reader programs, which read tags and pictures of untrusted files, each in its own sandbox."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.errors import EngineError, FfmpegError, StalledError
from mixes.engine.processes.sandbox import READER, Limits, run_child

# Creates the package by hand: finding it on sys.path needs the right to list the project root, which holds
# secrets.
READER_BOOTSTRAP = """
import runpy, sys, types
package = types.ModuleType("mixes")
package.__path__ = [sys.argv[1]]
sys.modules["mixes"] = package
runpy.run_module(sys.argv[2], run_name="__main__")
"""
PACKAGE = Path(__file__).parents[2]


def call_reader(
    module: str,
    payload: dict[str, Any],
    *,
    read: Iterable[Path] = (),
    write: Iterable[Path] = (),
    limits: Limits = READER,
    should_stop: ShouldStop = never,
) -> dict[str, Any]:
    """Run `mixes.engine.<module>` as a child, `payload` as JSON on its stdin; return the object it writes.

    Raises EngineError when the child fails or returns something else, Cancelled when `should_stop` says so.
    """
    argv = [sys.executable, "-I", "-c", READER_BOOTSTRAP, str(PACKAGE), f"mixes.engine.{module}"]
    python = (Path(sys.prefix), Path(sys.base_prefix), PACKAGE)
    try:
        output = run_child(
            argv,
            limits=limits,
            read=(*python, *read),
            write=write,
            feed=[json.dumps(payload).encode()],
            should_stop=should_stop,
        )
        answer = json.loads(output.stdout)
    except (FfmpegError, StalledError, ValueError, RecursionError) as error:
        raise EngineError("The file could not be read safely.") from error
    if not isinstance(answer, dict):
        raise EngineError("The file could not be read safely.")
    return answer
