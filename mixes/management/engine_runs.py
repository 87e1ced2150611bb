"""Run the engine from a command: progress, stop signals, and errors as one sentence with an exit status.

The sentence is printed without the "CommandError:" prefix of Django.
"""

import contextlib
from collections.abc import Iterator
from io import TextIOBase
from typing import NoReturn

from mixes.engine.cancellation import ShouldStop
from mixes.engine.errors import Cancelled, DecodeError, EngineError
from mixes.management.interrupts import stop_on_signals
from mixes.management.terminal import ProgressDisplay, show_progress

BAD_FILE_STATUS = 2
OTHER_ERROR_STATUS = 1


@contextlib.contextmanager
def engine_run(stderr: TextIOBase) -> Iterator[tuple[ProgressDisplay, ShouldStop]]:
    """Yield `on_progress` and `should_stop`. Raises SystemExit with a sentence when the engine fails."""
    with stop_on_signals() as should_stop:
        try:
            with show_progress(stderr) as on_progress:
                yield on_progress, should_stop
        except Cancelled:
            text = "Stopped. Nothing was changed; what was measured of the tracks is kept."
            exit_with(stderr, text, should_stop.exit_status)
        except DecodeError as error:
            hint = "Nothing was made. With --skip-bad, files that cannot be used are left out."
            exit_with(stderr, f"{error} {hint}", BAD_FILE_STATUS)
        except EngineError as error:
            exit_with(stderr, str(error), OTHER_ERROR_STATUS)
        except OSError as error:
            text = f"{error.filename or 'A file'} cannot be used: {error.strerror}. Nothing was made."
            exit_with(stderr, text, OTHER_ERROR_STATUS)


def exit_with(stderr: TextIOBase, sentence: str, status: int) -> NoReturn:
    """Print the sentence and exit. Raises SystemExit."""
    stderr.write(sentence)
    raise SystemExit(status)
