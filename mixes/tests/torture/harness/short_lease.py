"""`manage.py` with leases of seconds instead of a minute, for tests that wait until one runs out."""

import runpy
import sys
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
LEASE_S = 8.0


def shorten():
    """Shorten the lease and everything that is timed by it, in the modules that have read it already."""
    from mixes import leases
    from mixes.engine.pipeline import checkpoints
    from mixes.jobs import pulses, runner
    from mixes.management.commands import worker

    leases.LEASE = runner.LEASE = timedelta(seconds=LEASE_S)
    leases.LOOK_AGAIN = timedelta(seconds=1)
    pulses.SILENT_S = LEASE_S
    checkpoints.LOCK_TIMEOUT_S = 0.5
    runner.RENEW_S, worker.MAINTAIN_EVERY_S = 1.0, 2.0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    import django

    set_up = django.setup

    def set_up_shortened():
        set_up()
        shorten()

    django.setup = set_up_shortened
    runpy.run_path(str(ROOT / "manage.py"), run_name="__main__")
