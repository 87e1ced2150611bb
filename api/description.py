"""The description of the API in OpenAPI 3.1, made from its operations and kept in `docs/openapi.json`."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings

from api.application import api
from api.problems import MEDIA_TYPE, TYPE

FILE = Path(settings.BASE_DIR) / "docs" / "openapi.json"
PROBLEM = {
    "type": "object",
    "description": "An error: a code for programs in `type`, a sentence for people in `detail`.",
    "required": ["type", "title", "status", "detail", "request_id"],
    "properties": {
        "type": {"type": "string", "examples": [TYPE + "stale-version"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}, "description": "fields that were refused"},
        "current": {"type": "object", "description": "the mix as it is now"},
    },
}
EVERYWHERE = (400, 401, 403, 404, 422, 429)
CHANGING = (409, 412, 413, 415, 507)
CHANGING_METHODS = ("post", "put", "patch", "delete")


@cache
def describe() -> dict[str, Any]:
    """Return the description as plain data."""
    described: dict[str, Any] = json.loads(json.dumps(api.get_openapi_schema(), default=str))
    scopes = dict(scopes_of_operations())
    for methods in described["paths"].values():
        for method, operation in methods.items():
            add_problems(operation, method)
            operation["x-scope"] = scopes[operation["operationId"]]
    described["components"]["schemas"]["Problem"] = PROBLEM
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    described["components"]["responses"] = {"Problem": {"description": "an error", "content": content}}
    described["components"]["securitySchemes"]["Bearer"]["description"] = "A token of your account: mxt_…"
    described.pop("servers")
    return described


def scopes_of_operations() -> Iterator[tuple[str, str]]:
    """Yield the id of every operation with the scope that its token needs."""
    for router in api._get_bound_routers():
        for view in router.path_operations.values():
            for operation in view.operations:
                scope = operation.auth_callbacks[0].scope  # type: ignore[attr-defined]  # our Bearer
                yield api.get_openapi_operation_id(operation), scope


def add_problems(operation: dict[str, Any], method: str) -> None:
    """Add the errors that an operation may answer with."""
    for status in (*EVERYWHERE, *(CHANGING if method in CHANGING_METHODS else (409,))):
        operation["responses"].setdefault(str(status), {"$ref": "#/components/responses/Problem"})


def as_text() -> str:
    """Return the description as the file keeps it."""
    return json.dumps(describe(), indent=2, ensure_ascii=False) + "\n"
