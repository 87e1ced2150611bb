"""Lists of the API: 1,000 mixes of one user, asked for with a token."""

import json
from collections.abc import Iterator

from benchmarks.report import Row
from benchmarks.web.figures import PAGE_REPEATS, WebBench, expect, percentile
from benchmarks.web.site import Client, sign_in

MIXES, LIMIT = 1_000, 200
LIST_MS = 50.0


def api_lists(bench: WebBench) -> Iterator[Row]:
    """Ask for the first page of the list repeatedly, then for all of its pages."""
    from django.contrib.auth import get_user_model

    from api.services.tokens import create_token
    from mixes.models import Mix

    sign_in("api@example.org", bench.site.port)
    owner = get_user_model().objects.get(email="api@example.org")
    Mix.objects.bulk_create(Mix(owner=owner, title=f"Mix {k}") for k in range(MIXES))
    client = Client(bench.site.port)
    client.headers = {"Authorization": f"Bearer {create_token(owner, 'bench', ['read'], days=1)[1]}"}
    for limit in (50, LIMIT):
        path = f"/api/v1/mixes?limit={limit}"
        times = [expect(client.get(path), 200).seconds * 1000 for _ in range(PAGE_REPEATS)][3:]
        p95_ms = percentile(times, 95)
        yield Row(
            f"API: {limit} of {MIXES:,} mixes",
            f"p95 <= {LIST_MS:.0f} ms",
            f"{p95_ms:.0f} ms",
            reached=p95_ms <= LIST_MS,
        )
    seen: set[str] = set()
    times: list[float] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = expect(client.get(f"/api/v1/mixes?limit={LIMIT}&cursor={cursor}"), 200)
        page = json.loads(answer.body)
        seen |= {mix["id"] for mix in page["items"]}
        times.append(answer.seconds * 1000)
        cursor = page["next"]
    yield Row(
        f"API: all {MIXES:,} mixes in pages of {LIMIT}",
        f"each <= {LIST_MS:.0f} ms",
        f"{len(seen)} in {len(times)} pages, {max(times):.0f} ms the slowest",
        reached=len(seen) == MIXES and max(times) <= LIST_MS,
    )
