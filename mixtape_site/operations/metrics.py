"""The figures behind `/metrics`, in the text format of Prometheus."""

from collections.abc import Iterator, Mapping
from typing import cast

from django.conf import settings
from django.core.cache import cache
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE
from prometheus_client.registry import Collector

from mixes.queues import served_queues
from mixes.services import storage, work_figures
from mixtape_site.middleware.counting import WEB

__all__ = ["CONTENT_TYPE", "recent_figures"]

CACHE_S = 10  # figures of the rows are reused for this long, however often they are asked for
CACHE_KEY = "metrics"


class RowsCollector(Collector):
    """Counts rows when it is asked."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        build = GaugeMetricFamily("mixtape_build_info", "Version of the site", labels=("version",))
        build.add_metric((settings.VERSION,), 1)
        yield build
        yield GaugeMetricFamily(
            "mixtape_disk_free_bytes", "Free bytes of the media disk", value=storage.free_bytes()
        )
        yield from _of_queues()
        yield from _of_jobs()
        yield from _of_stages()
        yield _labelled("mixtape_stored_bytes", "Bytes that are kept", "what", work_figures.stored_bytes())
        yield _labelled("mixtape_made_bytes_last_hour", "Bytes of results", "kind", work_figures.made_bytes())


def recent_figures() -> bytes:
    """Return all figures: those of the rows at most CACHE_S old, those of this process as they are."""
    rows = cast(bytes, cache.get_or_set(CACHE_KEY, _figures_of_rows, CACHE_S))
    process = CollectorRegistry()
    ProcessCollector(namespace="mixtape_web", registry=process)
    return rows + generate_latest(WEB) + generate_latest(process)


def _figures_of_rows() -> bytes:
    registry = CollectorRegistry()
    registry.register(RowsCollector())
    return generate_latest(registry)


def _of_queues() -> Iterator[GaugeMetricFamily]:
    found = {queue: work_figures.queue_figures(queue) for queue in served_queues()}
    for name, words in (
        ("waiting", "Jobs that may start now"),
        ("oldest", "Waiting time of the oldest of them"),
        ("workers", "Worker commands that are alive"),
    ):
        attribute, unit = ("oldest_s", "oldest_seconds") if name == "oldest" else (name, name)
        values = {queue: getattr(figures, attribute) for queue, figures in found.items()}
        yield _labelled(f"mixtape_queue_{unit}", words, "queue", values)


def _of_jobs() -> Iterator[GaugeMetricFamily]:
    found = work_figures.kind_figures()
    for name, attribute, words in (
        ("mixtape_jobs_running", "running", "Jobs that run"),
        ("mixtape_claims_last_hour", "claimed", "Jobs that workers claimed"),
        ("mixtape_work_seconds_last_hour", "work_s", "Seconds from claim to end"),
    ):
        values = {kind: getattr(figures, attribute) for kind, figures in found.items()}
        yield _labelled(name, words, "kind", values)
    ended = GaugeMetricFamily("mixtape_jobs_ended_last_hour", "Jobs that ended", labels=("kind", "state"))
    failed = GaugeMetricFamily("mixtape_jobs_failed_last_hour", "Jobs that failed", labels=("kind", "code"))
    for kind, figures in found.items():
        for state, count in figures.ended.items():
            ended.add_metric((kind, state), count)
        for code, count in figures.failed.items():
            failed.add_metric((kind, code), count)
    yield ended
    yield failed


def _of_stages() -> Iterator[GaugeMetricFamily]:
    found = work_figures.stage_figures()
    runs = {stage: count for stage, (count, _seconds) in found.items()}
    seconds = {stage: seconds for stage, (_count, seconds) in found.items()}
    yield _labelled("mixtape_stage_runs_last_hour", "Stages of mixes that ran", "stage", runs)
    yield _labelled("mixtape_stage_seconds_last_hour", "Seconds in stages of mixes", "stage", seconds)


def _labelled(name: str, words: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words, labels=(label,))
    for value, figure in values.items():
        family.add_metric((value,), figure)
    return family
