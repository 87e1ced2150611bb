"""The results of `/readyz` as sentences for operators."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.template.defaultfilters import date as day_in_words
from django.template.defaultfilters import filesizeformat
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from mixtape_site.operations.health import Check, Report

OK, NOTE, WRONG = "ok", "note", "wrong"
MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the status page: mark, name, text."""

    mark: str
    name: str
    text: str


def lines_of(report: Report) -> list[Line]:
    version = Line(OK, "Mixtape", _("Version %s.") % settings.VERSION)
    return [version, *(line_of(name, check) for name, check in report.checks.items())]


def line_of(name: str, check: Check) -> Line:
    mark = OK if check.is_ok else WRONG
    tell: Callable[[Check], str]
    if name.startswith("worker_"):
        title, tell = _("Worker “%s”") % name.removeprefix("worker_"), worker_text
    else:
        title, tell = _(TITLES[name][0]), TITLES[name][1]
    if check.error:
        return Line(WRONG, title, _("It does not respond correctly: %s. See the log.") % check.error)
    if mark == OK and name == "ffmpeg" and check.detail["old"]:
        mark = NOTE
    return Line(mark, title, tell(check))


def database_text(check: Check) -> str:
    vendor: str = check.detail
    name = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}.get(vendor, vendor)
    return _("%s answers and can be written to.") % name


def migrations_text(check: Check) -> str:
    if check.is_ok:
        return _("The database matches this version.")
    missing: int = check.detail["not_applied"]
    return _("%d steps are missing: restart the site.") % missing


def storage_text(check: Check) -> str:
    return (
        _("Files can be written and read.")
        if check.is_ok
        else _("Files read back differ from what was written.")
    )


def disk_text(check: Check) -> str:
    free = filesizeformat(check.detail["free_mb"] * MB)
    if check.is_ok:
        return _("%s are free.") % free
    return _("Only %s are free: no uploads and no mixes are accepted until there is more.") % free


def ffmpeg_text(check: Check) -> str:
    detail = check.detail
    parts = [_("Version %s.") % detail["version"]]
    if detail["made"]:
        parts.append(_("Made: %s.") % made_in_words(detail["made"]))
    parts.append(
        _("It is the one that MIXTAPE_FFMPEG names: %s.") % detail["named"]
        if detail["named"]
        else _("It came with this version of Mixtape.")
    )
    if detail["old"]:
        parts.append(
            _("That is more than a year ago, and security holes have been fixed since.")
            + " "
            + (_("Install a newer one.") if detail["named"] else _("Upgrade Mixtape."))
        )
    return " ".join(parts)


def made_in_words(made: str) -> str:
    """Return the build date in the local format with its age, or the year alone."""
    if "-" not in made:
        return made
    day = date.fromisoformat(made)
    return _("%(day)s, %(age)s ago") % {"day": day_in_words(day, "DATE_FORMAT"), "age": timesince(day)}


def worker_text(check: Check) -> str:
    count, waiting_s = check.detail["alive"], check.detail["oldest_waiting_s"]
    text = ngettext("%d process works.", "%d processes work.", count) % count if count else _("None works.")
    if waiting_s is None:
        return text
    waits = ngettext(
        "The oldest job has waited for %d second.", "The oldest job has waited for %d seconds.", waiting_s
    )
    return f"{text} {waits % waiting_s}"


TITLES: dict[str, tuple[str, Callable[[Check], str]]] = {
    "database": (gettext_noop("Database"), database_text),
    "migrations": (gettext_noop("Tables of the database"), migrations_text),
    "storage": (gettext_noop("Media folder"), storage_text),
    "disk": (gettext_noop("Disk"), disk_text),
    "ffmpeg": ("ffmpeg", ffmpeg_text),
}
