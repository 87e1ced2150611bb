"""Whether the database and this code fit together: while a site is updated, they do not."""

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from mixes.leases import job_models

_was_complete = False


def missing_migrations() -> int:
    """Return the number of this code's migrations that the database lacks."""
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def is_complete() -> bool:
    """Return whether the database has all migrations of this code; once it has, it is not asked again."""
    global _was_complete
    _was_complete = _was_complete or not missing_migrations()
    return _was_complete


def fits() -> bool:
    """Return whether the database has exactly the migrations of this code, in the apps that have jobs."""
    loader = MigrationExecutor(connection).loader
    apps = {model._meta.app_label for model in job_models()}
    known, applied = (
        {name for name in names if name[0] in apps}
        for names in (loader.disk_migrations, loader.applied_migrations)
    )
    return known == applied
