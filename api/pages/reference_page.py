"""The page of the API's description: every operation with what it takes and answers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One value of a request or an answer."""

    name: str
    kind: str
    about: str
    is_required: bool


@dataclass(frozen=True, slots=True)
class Operation:
    """One address with one method."""

    anchor: str
    method: str
    path: str
    scope: str
    about: str
    parameters: list[Field]
    body: list[Field]
    answer: str  # name of a shape, or empty
    status: str


@dataclass(frozen=True, slots=True)
class Shape:
    """One object of an answer or a request."""

    name: str
    about: str
    fields: list[Field]


@dataclass(frozen=True, slots=True)
class Reference:
    """The whole page: operations by their group, then the objects."""

    title: str
    about: str
    groups: dict[str, list[Operation]]
    shapes: list[Shape]


def reference_page(described: Schema) -> Reference:
    """Return the page of a description in OpenAPI."""
    groups: dict[str, list[Operation]] = {}
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append(read_operation(path, method, operation))
    shapes = [
        Shape(name, schema.get("description", ""), list(fields_of(schema)))
        for name, schema in sorted(described["components"]["schemas"].items())
    ]
    return Reference(described["info"]["title"], described["info"]["description"], groups, shapes)


def read_operation(path: str, method: str, operation: Schema) -> Operation:
    status, answer = next(iter(operation["responses"].items()))
    return Operation(
        operation["operationId"],
        method.upper(),
        path,
        operation["x-scope"],
        operation.get("description", ""),
        [
            Field(one["name"], kind_of(one["schema"]), one.get("description", ""), one["required"])
            for one in operation["parameters"]
        ],
        list(body_of(operation)),
        next((kind_of(content["schema"]) for content in answer.get("content", {}).values()), ""),
        status,
    )


def body_of(operation: Schema) -> Iterator[Field]:
    """Yield the body of a request: the fields of a form, or the name of an object."""
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        schema = content["schema"]
        if "$ref" in schema:
            yield Field("body", kind_of(schema), media, operation["requestBody"]["required"])
        else:
            yield from fields_of(schema)


def fields_of(schema: Schema) -> Iterator[Field]:
    for name, one in schema.get("properties", {}).items():
        yield Field(name, kind_of(one), one.get("description", ""), name in schema.get("required", ()))


def kind_of(schema: Schema) -> str:
    """Return the type of a value in a word or two."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " | ".join(map(kind_of, schema["anyOf"]))
    if schema.get("type") == "array":
        return f"[{kind_of(schema.get('items', {}))}]"
    return str(schema.get("format") or schema.get("type") or "any")
