"""Compare requests and answers with the API description that comes with google-api-python-client."""

import datetime as dt
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from googleapiclient import discovery_cache

from youtube_integration.tests.standin.state import Asked

UPLOAD_TYPES = ("media", "multipart", "resumable")
BESIDE_PARTS = ("kind", "etag", "id")  # fields of every resource
OF_TYPE = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}


@cache
def description() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(discovery_cache.get_static_doc("youtube", "v3"))
    return found


def all_methods(resources: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for resource in resources.values():
        yield from resource.get("methods", {}).values()
        yield from all_methods(resource.get("resources", {}))


def upload_paths(method: dict[str, Any]) -> list[str]:
    return [protocol["path"] for protocol in method.get("mediaUpload", {}).get("protocols", {}).values()]


def method_of(asked: Asked) -> dict[str, Any] | None:
    """Return the method that a request calls."""
    for method in all_methods(description()["resources"]):
        if method["httpMethod"] == asked.method and asked.path in (
            f"/{method['path']}",
            *upload_paths(method),
        ):
            return method
    return None


def is_call(asked: Asked) -> bool:
    """Return whether a request calls the API; a session's URL comes from Google."""
    return asked.path.startswith(("/youtube/", "/upload/")) and "upload_id" not in asked.query


def find_faults(asked: Asked) -> list[str]:
    """Return where a request or its answer differs from the API description."""
    method = method_of(asked)
    if method is None:
        return [f"no method {asked.method} {asked.path}"]
    faults = list(parameter_faults(method, asked))
    if asked.outcome == 200:
        faults += body_faults(method, asked)
        if asked.answer is not None:
            faults += schema_faults(method["response"], asked.answer, "answer")
    return [f"{method['id']}: {fault}" for fault in faults]


def parameter_faults(method: dict[str, Any], asked: Asked) -> Iterator[str]:
    known = description()["parameters"] | method["parameters"]
    for name, spec in known.items():
        if spec.get("required") and name not in asked.query:
            yield f"{name} is missing"
    for name, text in asked.query.items():
        if name not in known:
            yield f"{name} is unknown"
            continue
        spec = known[name]
        for value in text.split(",") if spec.get("repeated") else [text]:
            if not is_value(spec, value):
                yield f"{name} must not be {value!r}"
    parts = resource_of(method).get("properties", {})
    for part in asked.query.get("part", "").split(","):
        if part and part not in parts:
            yield f"there is no part {part}"
    if asked.path in upload_paths(method) and asked.query.get("uploadType") not in UPLOAD_TYPES:
        yield "uploadType is wrong"


def is_value(spec: dict[str, Any], value: str) -> bool:
    if "enum" in spec:
        return value in spec["enum"]
    if spec["type"] == "boolean":
        return value in ("true", "false")
    if spec["type"] == "integer":
        low, high = int(spec.get("minimum", 0)), int(spec.get("maximum", 2**31))
        return value.isdigit() and low <= int(value) <= high
    return value != ""


def resource_of(method: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of the resource whose parts a method reads or writes."""
    schemas = description()["schemas"]
    schema: dict[str, Any] = schemas[method.get("request", method["response"])["$ref"]]
    items = schema["properties"].get("items", {}).get("items", {})
    return schemas[items["$ref"]] if "request" not in method and "$ref" in items else schema


def body_faults(method: dict[str, Any], asked: Asked) -> Iterator[str]:
    if ("request" in method) != (asked.body is not None):
        yield "a body is missing or too many"
    elif asked.body is not None:
        yield from schema_faults(method["request"], asked.body, "body")
        sent, parts = set(asked.body) - set(BESIDE_PARTS), set(asked.query.get("part", "").split(","))
        if sent != parts:
            yield f"part is {sorted(parts)}, the body has {sorted(sent)}"


def schema_faults(schema: dict[str, Any], value: Any, name: str) -> Iterator[str]:
    """Return where a JSON value differs from its schema."""
    if "$ref" in schema:
        schema = description()["schemas"][schema["$ref"]]
    if not isinstance(value, OF_TYPE[schema["type"]]):
        yield f"{name} is no {schema['type']}"
    elif schema["type"] == "object":
        for field, inner in value.items():
            spec = schema.get("properties", {}).get(field, schema.get("additionalProperties"))
            if spec is None:
                yield f"{name}.{field} is unknown"
            else:
                yield from schema_faults(spec, inner, f"{name}.{field}")
    elif schema["type"] == "array":
        for inner in value:
            yield from schema_faults(schema["items"], inner, f"{name}[]")
    elif "enum" in schema and value not in schema["enum"]:
        yield f"{name} must not be {value!r}"
    elif schema.get("format") == "date-time":
        dt.datetime.fromisoformat(value)
