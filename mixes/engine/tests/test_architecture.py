"""Who may import whom, read from the source: the rules of docs/architecture.md."""

import ast
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PROJECT = ("mixtape_site", "mixes", "accounts", "youtube_integration")

# What each part may import of the project, itself aside; the longest matching name rules.
MAY_IMPORT = {
    "mixtape_site": (
        "mixtape_site",
        "accounts.services",
        "mixes.engine.ffmpeg",
        "mixes.engine.sandbox",
        "mixes.engine.errors",
        "mixes.models",
        "mixes.queues",
        "mixes.services",
    ),
    "mixtape_site.urls": ("mixtape_site", "accounts", "mixes.urls", "youtube_integration.urls"),
    "mixes.engine": ("mixes.engine",),
    "mixes.leases": (),
    "mixes.models": ("mixes.models", "mixes.leases", "mixes.engine"),
    "mixes.access": ("mixes.models", "accounts.models"),
    "mixes.queues": (),
    "mixes.services": (
        "mixes.services",
        "mixes.models",
        "mixes.leases",
        "mixes.queues",
        "mixes.engine",
        "accounts.models",
        "mixtape_site.logs",
        "mixtape_site.version",
    ),
    "mixes.tasks": ("mixes.services", "mixes.queues", "mixes.models", "mixes.leases"),
    "mixes.forms": ("mixes.forms", "mixes.models", "mixes.services", "mixes.engine"),
    "mixes.views": (
        "mixes.views",
        "mixes.forms",
        "mixes.access",
        "mixes.services",
        "mixes.models",
        "mixes.leases",
    ),
    "mixes.urls": ("mixes.views",),
    "mixes.admin": ("mixes.admin", "mixes.models", "mixes.leases", "mixes.services"),
    "mixes.management": (
        "mixes.management",
        "mixes.services",
        "mixes.tasks",
        "mixes.queues",
        "mixes.models",
        "mixes.leases",
        "mixes.engine",
        "mixtape_site.own_environment",
        "mixtape_site.setup",
        "accounts.models",
        "accounts.services",
    ),
    "mixes.templatetags": ("mixes.services",),
    "mixes": ("mixes",),
    "accounts.models": (),
    "accounts": ("accounts", "mixes.services", "mixes.models", "mixtape_site.keys"),
    "youtube_integration.models": ("mixes.models", "mixes.leases"),
    "youtube_integration": (
        "youtube_integration",
        "mixes.models",
        "mixes.leases",
        "mixes.queues",
        "mixes.tasks",
        "mixes.access",
        "mixes.admin.reading",
        "mixes.services",
        "mixes.engine",
        "accounts.models",
        "mixtape_site.addresses",
        "mixtape_site.google",
        "mixtape_site.keys",
        "mixtape_site.own_environment",
    ),
}
ENGINE_LIBRARIES = {"numpy", "scipy", "mutagen", "PIL"}
ENGINE_EXCEPTIONS = {"mixes.engine.transitions": {"pydub"}}
STARTS_PROCESSES = {"subprocess", "multiprocessing", "pty"}
MAY_START_PROCESSES = {
    "mixes.engine.sandbox",  # everything that reads a user's bytes
    "mixes.management.supervisor",  # our own commands
    "mixes.management.commands.worker",  # django-q2's
    "mixes.services.stopping",  # only their shared memory
    "mixes.services.databases",  # the database's own tools
}


def is_test(path):
    return "tests" in path.parts or path.name == "conftest.py"


def module_name(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path):
    """Every name imported anywhere in the file, inside functions too."""
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
    }
    wrong = [
        name
        for name in project - packages_above
        if not any(lies_in(name, part) for part in allowed_for(module))
    ]
    assert wrong == []


@pytest.mark.parametrize("module", ENGINE)
def test_the_engine_knows_no_framework(module):
    libraries = {name.split(".")[0] for name in MODULES[module]} - set(sys.stdlib_module_names) - {"mixes"}
    assert libraries <= ENGINE_LIBRARIES | ENGINE_EXCEPTIONS.get(module, set())


@pytest.mark.parametrize("module", [name for name in MODULES if name not in MAY_START_PROCESSES])
def test_only_the_sandbox_starts_processes(module):
    assert not {name.split(".")[0] for name in MODULES[module]} & STARTS_PROCESSES
    source = ROOT / (module.replace(".", "/") + ".py")
    if source.exists() and module != "mixes.engine.launcher":
        assert not any(word in source.read_text() for word in ("os.system", "os.exec", "os.spawn", "os.fork"))


def test_the_engine_has_no_circles():
    graph = {module: {name for name in MODULES[module] if name in ENGINE} for module in ENGINE}
    TopologicalSorter(graph).prepare()


def test_mixes_does_not_know_youtube():
    mixes = [name for name in MODULES if lies_in(name, "mixes")]
    assert not [m for m in mixes if any(lies_in(name, "youtube_integration") for name in MODULES[m])]


@pytest.mark.parametrize("module", ENGINE)
def test_engine_files_stay_one_concept_long(module):
    path = ROOT / (module.replace(".", "/") + ".py")
    if path.exists():
        assert len(path.read_text().splitlines()) <= 400
