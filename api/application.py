"""The API `/api/v1`: its operations, their token, and their description."""

import json
from typing import Any

from django.http import HttpRequest
from ninja import NinjaAPI
from ninja.operation import Operation
from ninja.parser import Parser

from api.authentication import Bearer
from api.problems import add_handlers
from api.views import artifacts, jobs, joins, me, mixes, publications, shows, tracks, webhooks

ABOUT = (
    "Add songs, make mixes of them, and fetch or publish the result. Every request carries a token of your "
    "account. Times are in UTC, lengths in seconds, sizes in bytes."
)


class StrictParser(Parser):
    """Reads JSON as the standard has it: without NaN, infinity and half characters."""

    def parse_body(self, request: HttpRequest) -> Any:
        value = json.loads(request.body, parse_constant=refuse)
        json.dumps(value, ensure_ascii=False).encode()  # fails for a lone surrogate, which no column takes
        return value


def refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON.")


class Api(NinjaAPI):
    def get_openapi_operation_id(self, operation: Operation) -> str:
        """Return the function's name, which names the address, too."""
        return operation.view_func.__name__


api = Api(
    title="Mixtape",
    version="1",
    description=ABOUT,
    urls_namespace="api",
    openapi_url=None,
    docs_url=None,
    auth=Bearer("read"),
    parser=StrictParser(),
)
add_handlers(api)
for room in (me, tracks, mixes, joins, jobs, artifacts, shows, publications, webhooks):
    api.add_router("", room.router)
