"""The API's document: complete, guarded, and in words."""

from ninja import Schema

from config.api import api


def operations() -> list[tuple[str, str, dict[str, object]]]:
    return [
        (method, path, operation)
        for path, methods in api.get_openapi_schema()["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_operation_is_explained() -> None:
    silent = [f"{method} {path}" for method, path, operation in operations() if not operation.get("summary")]
    assert operations()
    assert not silent


def test_every_operation_declares_its_refusals() -> None:
    """Whatever is guarded may answer 401 and 403; whatever takes input may answer 422."""
    wrong = []
    for method, path, operation in operations():
        responses = operation["responses"]
        assert isinstance(responses, dict)
        declared = {str(status) for status in responses}
        if operation.get("security") and "401" not in declared:
            wrong.append(f"{method} {path}: 401")
        if (operation.get("parameters") or operation.get("requestBody")) and "422" not in declared:
            wrong.append(f"{method} {path}: 422")
    assert not wrong, "\n".join(wrong)


def test_addresses_name_their_room() -> None:
    wrong = [path for _, path, _ in operations() if not path.startswith("/api/v1/")]
    assert not wrong


def test_no_two_schemas_share_a_name() -> None:
    """The document has one place for a name: of two, the later would be described for both."""
    homes: dict[str, set[str]] = {}
    waiting = Schema.__subclasses__()
    while waiting:
        schema = waiting.pop()
        waiting += schema.__subclasses__()
        if schema.__module__.startswith("qunli."):
            homes.setdefault(schema.__name__, set()).add(schema.__module__)
    assert "ActivityOut" in homes
    assert not {name: found for name, found in homes.items() if len(found) > 1}
