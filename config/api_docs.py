"""The OpenAPI document turned into what its page shows. Pure."""

from typing import Any, NamedTuple


class Input(NamedTuple):
    name: str
    where: str
    kind: str
    required: bool
    about: str


class Operation(NamedTuple):
    method: str
    path: str
    summary: str
    about: str
    scope: str
    inputs: list[Input]
    answers: list[tuple[str, str]]


class Section(NamedTuple):
    name: str
    operations: list[Operation]


def sections(schema: dict[str, Any]) -> list[Section]:
    """Operations by their first tag, in the order of the document."""
    found: dict[str, list[Operation]] = {}
    for path, methods in schema["paths"].items():
        for method, raw in methods.items():
            name = (raw.get("tags") or [path.split("/")[3]])[0]
            found.setdefault(name, []).append(_operation(schema, method, path, raw))
    return [Section(name, operations) for name, operations in found.items()]


def _operation(schema: dict[str, Any], method: str, path: str, raw: dict[str, Any]) -> Operation:
    inputs = [
        Input(p["name"], p["in"], _kind(schema, p.get("schema", {})), bool(p.get("required")), p.get("description", ""))
        for p in raw.get("parameters", [])
    ]
    for content in raw.get("requestBody", {}).get("content", {}).values():
        body = _resolve(schema, content.get("schema", {}))
        required = set(body.get("required", ()))
        inputs += [
            Input(name, "body", _kind(schema, field), name in required, field.get("description", ""))
            for name, field in body.get("properties", {}).items()
        ]
    scopes = [scope for entry in raw.get("security", []) for scope in entry if ":" in scope]
    answers = [(str(status), answer.get("description", "")) for status, answer in raw.get("responses", {}).items()]
    return Operation(method.upper(), path, raw.get("summary", ""), raw.get("description", ""), ", ".join(scopes), inputs, answers)


def _resolve(schema: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    reference = part.get("$ref", "")
    if reference:
        found: dict[str, Any] = schema
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        return found
    return part


def _kind(schema: dict[str, Any], part: dict[str, Any]) -> str:
    part = _resolve(schema, part)
    if "anyOf" in part:
        return " | ".join(_kind(schema, option) for option in part["anyOf"])
    if "enum" in part:
        return " | ".join(str(value) for value in part["enum"])
    if part.get("type") == "array":
        return f"[{_kind(schema, part.get('items', {}))}]"
    return str(part.get("format") or part.get("title" if "properties" in part else "type") or "any")
