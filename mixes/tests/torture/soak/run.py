"""Use a site for hours under faults and check that nothing grows: `make soak MINUTES=120`.

Users act at random; once a minute a process is killed, suspended or locked out. Resource use is recorded
every few seconds. In the end everything is deleted and nothing may be left.
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.measure import command_of
from benchmarks.report import machine_lines, replace_part
from mixes.tests.torture.harness.live import ROOT, LiveSite, wait_until
from mixes.tests.torture.harness.report import PAGE
from mixes.tests.torture.harness.table import cells
from mixes.tests.torture.soak.faults import Troublemaker
from mixes.tests.torture.soak.gauges import Gauge, compare, look, temporary_files
from mixes.tests.torture.soak.users import BAD, GOOD, Larder, Ledger, Person

USERS = ("anna", "ben", "chris")
SEED = 440
WARM_UP, LEAST_WARM_UP_S = 0.2, 120.0
SETTLING_S = 300.0  # for open jobs at the end, on a busy machine
ENDED = "('done', 'failed', 'cancelled')"
OURS = "wrong on our side"  # a job that ends with this sentence met a bug
FORGOTTEN = ("mixes_mix", "mixes_track", "mixes_upload", "mixes_mixjob", "mixes_artifact", "mixes_preview")


@dataclass(frozen=True, slots=True)
class Plan:
    """Length and intensity of a soak."""

    minutes: float
    fault_every_s: float = 60.0
    look_every_s: float = 5.0
    prune_every_s: float = 60.0
    locked_s: float = 5.0
    pause_s: float = 1.0  # pause of a user between two actions


@dataclass(slots=True)
class Outcome:
    """The result of a soak."""

    ledger: Ledger
    looks: list[tuple[float, dict[str, float]]] = field(default_factory=list)
    gauges: list[Gauge] = field(default_factory=list)

    @property
    def grown(self) -> list[Gauge]:
        return [gauge for gauge in self.gauges if gauge.judged and not gauge.is_flat]


class SoakSite(LiveSite):
    """A site with an empty bin, a temporary folder and little storage of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (folder / "tmp").mkdir()
        self.environment |= {"MIXTAPE_BIN_DAYS": "0", "MIXTAPE_LISTENING_MB": "10", "TMPDIR": f"{folder}/tmp"}

    def prune(self) -> str:
        """Empty the bins, as the daily clean-up does; return its errors."""
        command = [sys.executable, "manage.py", "prune_media", "--yes"]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        return done.stderr if done.returncode else ""


def soak(plan: Plan, folder: Path) -> Outcome:
    """Run the whole soak."""
    ledger = Ledger()
    outcome = Outcome(ledger)
    rngs = iter(np.random.default_rng(SEED).spawn(len(USERS) + 2))
    (folder / "songs").mkdir()
    larder = Larder(folder / "songs", next(rngs))
    with SoakSite(folder) as site:
        people = [Person(site, name, next(rngs), larder, ledger, plan.pause_s) for name in USERS]
        trouble = Troublemaker(
            site, next(rngs), plan.fault_every_s, plan.locked_s, people[0].send_bad_file, ledger
        )
        go_on(site, plan, [*people, trouble], outcome)
        judge_ended_rows(ledger)
        judge_files(site, ledger)
        leave_nothing(site, people, ledger)
        before = site.processes()
    ledger.wrong += [f"process {pid} outlived the site" for pid in before if command_of(pid)]
    ledger.wrong += [f"left behind in the end: {path.name}" for path in temporary_files(site)]
    warm_up_s = max(LEAST_WARM_UP_S, WARM_UP * 60 * plan.minutes)
    outcome.gauges = compare(outcome.looks, warm_up_s)
    return outcome


def go_on(site: SoakSite, plan: Plan, threads: list[threading.Thread], outcome: Outcome) -> None:
    """Let users and faults run while measuring the site; then wait until it is idle."""
    began_s = time.monotonic()
    for thread in threads:
        thread.start()
    pruned_s = began_s
    while (now_s := time.monotonic()) < began_s + 60 * plan.minutes:
        outcome.looks.append((now_s - began_s, look(site)))
        note_ended_rows(site, outcome.ledger)
        if now_s - pruned_s > plan.prune_every_s:
            pruned_s = now_s
            outcome.ledger.wrong += filter(None, [site.prune()])
        time.sleep(max(0.0, now_s + plan.look_every_s - time.monotonic()))
    for thread in threads:
        thread.over.set()
    for thread in threads:
        thread.join()
    columns = "state, attempt, cancel_requested, created_at, not_before, lease_until, worker, message"
    still_open = " union all ".join(
        f"select '{name}', {columns} from mixes_{name} where state in ('queued', 'running')"
        for name in ("mixjob", "analysisjob", "preview")
    )
    until_s = time.monotonic() + SETTLING_S
    while (stuck := site.query(still_open)) and time.monotonic() < until_s:
        time.sleep(1.0)
    outcome.ledger.wrong += [f"still open after {SETTLING_S:.0f} s: {row}" for row in stuck]
    note_ended_rows(site, outcome.ledger)


def note_ended_rows(site: SoakSite, ledger: Ledger) -> None:
    """Store jobs that have ended since: their owner may delete them."""
    for name, text in (("mixjob", "title"), ("preview", "kind")):
        query = f"select id, state, {text}, error_text from mixes_{name} where state in {ENDED}"
        ledger.ended |= {pk: (name, *rest) for pk, *rest in site.query(query)}
    query = "select id, state, name, problem from mixes_track where state in ('ready', 'refused')"
    ledger.ended |= {pk: ("track", *rest) for pk, *rest in site.query(query)}


def judge_ended_rows(ledger: Ledger) -> None:
    """Return the jobs that ended in an unexpected way."""
    for kind, state, name, sentence in ledger.ended.values():
        ledger.deeds[f"{kind}: {state}"] += 1
        if OURS in sentence or (state in ("failed", "refused") and not sentence):
            ledger.wrong.append(f"{kind} {name!r} ended {state}: {sentence!r}")
        if (name.startswith(GOOD) and state == "refused") or (
            name.startswith(f"{BAD} refuse") and state == "ready"
        ):
            ledger.wrong.append(f"{name!r} is {state}: {sentence!r}")


def judge_files(site: SoakSite, ledger: Ledger) -> None:
    """Compare the files with the rows that name them."""
    media, named = site.folder / "media", set()
    for column in (
        "file, sha256 from mixes_artifact",
        "file, sha256 from mixes_track",
        "file, '' from mixes_preview",
        "file, '' from mixes_artwork",
        "shown_file, '' from mixes_artwork",
    ):
        for name, sha256 in site.query(f"select {column} where file <> ''"):
            named.add(name)
            path = media / name
            if not path.is_file():
                ledger.wrong.append(f"{name}: a row names it and it is not there")
            elif sha256 and hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
                ledger.wrong.append(f"{name}: differs from the hash in its row")
    ledger.wrong += [f"{name}: no row names it" for name in sorted(kept_files(media) - named)]


def kept_files(media: Path) -> set[str]:
    """Return the files that rows should name."""
    folders = (media / name for name in ("tracks", "pictures", "previews", "artifacts", "bin"))
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(media).as_posix() for path in files}


def leave_nothing(site: SoakSite, people: list[Person], ledger: Ledger) -> None:
    """Delete everything; remaining rows, files or work folders are leaks."""
    for person in people:
        person.delete_all()
    time.sleep(1.0)
    ledger.wrong += filter(None, [site.prune()])
    wait_until(lambda: not site.query("select id from mixes_mixjob where state in ('queued', 'running')"))
    for table in FORGOTTEN:
        ((count,),) = site.query(f"select count(*) from {table}")
        ledger.wrong += [f"{count} rows of {table} outlived all that they belong to"] if count else []
    pictures = {name for row in site.query("select file, shown_file from mixes_artwork") for name in row}
    left = kept_files(site.folder / "media") - pictures
    ledger.wrong += [f"{name} outlived all that it belongs to" for name in sorted(left)]


def page_part(plan: Plan, outcome: Outcome) -> str:
    """Return the part of docs/reliability.md."""
    ledger, faults = outcome.ledger, sum(outcome.ledger.faults.values())
    held = "Nothing was wrong" + ("; nothing grew." if outcome.gauges else "; too short to see what grows.")
    lines = [
        "# Soak",
        "",
        f"Made by `make soak MINUTES={plan.minutes:g}`: {len(USERS)} simulated users act at random, and a "
        f"fault is injected every {plan.fault_every_s:.0f} s. Figures are medians of the first and last "
        "third after a warm-up. Judged figures may grow by 5 %, counts by 2. In the end all is deleted and "
        "nothing may remain.",
        "",
        *machine_lines(),
        "",
        f"**{'Not everything held.' if ledger.wrong or outcome.grown else held}**",
        "",
        cells("what", "first third", "last third", "most", "flat"),
        cells("---", "---", "---", "---", "---"),
    ]
    for gauge in outcome.gauges:
        verdict = ("yes" if gauge.is_flat else "**no**") if gauge.judged else ""
        figures = (f"{figure:.1f}".removesuffix(".0") for figure in (gauge.first, gauge.last, gauge.most))
        lines.append(cells(gauge.name, *figures, verdict))
    lines += ["", cells("what was done", "times"), cells("---", "---")]
    lines += [cells(name, count) for name, count in sorted(ledger.deeds.items())]
    lines += [cells(f"answers with status {status}", n) for status, n in sorted(ledger.statuses.items())]
    lines += [cells("connections that broke with the web server", ledger.cuts)]
    lines += [cells("longest answer, s", f"{ledger.longest_s:.1f}")]
    lines += ["", cells("fault", "times"), cells("---", "---")]
    lines += [cells(name, count) for name, count in sorted(ledger.faults.items())]
    lines += [cells("all", faults), ""]
    return "\n".join([*lines, *(f"- Wrong: {line}" for line in ledger.wrong)]).rstrip() + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument("--page", type=Path, default=PAGE, help="where the part is written to")
    options = parser.parse_args()
    plan = Plan(options.minutes)
    with tempfile.TemporaryDirectory(prefix="mixtape-soak-") as folder:
        outcome = soak(plan, Path(folder))
        log = (Path(folder) / "log").read_text().splitlines()
    part = page_part(plan, outcome)
    replace_part(options.page, part)
    sys.stdout.write(part)
    if outcome.ledger.wrong or outcome.grown:
        sys.exit("In the log:\n" + "\n".join(line for line in log if "Traceback" in line or " 500 " in line))


if __name__ == "__main__":
    main()
