"""How a command runs the engine: with progress, stoppable, every error a sentence and an exit status."""

import contextlib
from collections.abc import Iterator
from typing import IO

from django.core.management.base import CommandError

from mixes.engine.errors import Cancelled, DecodeError, EngineError
from mixes.engine.pipeline import OnProgress
from mixes.engine.sandbox import ShouldStop
from mixes.management.interrupts import stop_on_signals
from mixes.management.terminal import show_progress

BAD_FILE_STATUS = 2
OTHER_ERROR_STATUS = 1


@contextlib.contextmanager
def engine_run(stderr: IO[str]) -> Iterator[tuple[OnProgress, ShouldStop]]:
    """Give `on_progress` and `should_stop`; raises CommandError for whatever the engine raises."""
    with stop_on_signals() as should_stop:
        try:
            with show_progress(stderr) as on_progress:
                yield on_progress, should_stop
        except Cancelled as error:
            text = "Stopped. Nothing was changed; what was measured of the tracks is kept."
            raise CommandError(text, returncode=should_stop.exit_status) from error
        except DecodeError as error:
            hint = "Nothing was made. With --skip-bad it is left out and the rest is mixed."
            raise CommandError(f"{error} {hint}", returncode=BAD_FILE_STATUS) from error
        except EngineError as error:
            raise CommandError(str(error), returncode=OTHER_ERROR_STATUS) from error
