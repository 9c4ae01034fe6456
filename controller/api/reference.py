"""docs/api.md out of the OpenAPI document that is served: `python -m controller.api.reference >docs/api.md`."""

from __future__ import annotations

from typing import Any, Final

from controller.api.openapi import DOCUMENT

_HEAD: Final = """# API

Made from `/openapi.json`, which every running service gives (`controller/api/openapi.py`); `make check` fails where
they differ. It listens on `api.host` and `api.port`, `http://127.0.0.1:8090` unless you say otherwise. Who may ask
what: [security.md](security.md). A request with a body takes `Content-Type: application/json`; what goes wrong is
`{"error": "a sentence"}`.

"""


def markdown() -> str:
    """The whole page."""
    paths: dict[str, dict[str, Any]] = DOCUMENT["paths"]
    routes = [(method.upper(), path, one) for path, methods in paths.items() for method, one in methods.items()]
    table = "".join(f"| `{method} {path}` | {_scope(one)} | {one['summary']} |\n" for method, path, one in routes)
    parts = [_HEAD, "| route | scope | what it does |\n|---|---|---|\n", table]
    parts += [_described(method, path, one) for method, path, one in routes if "requestBody" in one or _queries(one)]
    return "".join(parts)


def _scope(operation: dict[str, Any]) -> str:
    return "".join(f"`{one}`" for one in operation.get("description", "").split("`")[1:2])


def _queries(operation: dict[str, Any]) -> list[str]:
    return [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]


def _described(method: str, path: str, operation: dict[str, Any]) -> str:
    rows = [f"| `{name}` | text | in the query; optional |" for name in _queries(operation)]
    if body := operation.get("requestBody"):
        schema = body["content"]["application/json"]["schema"]
        rows += [
            f"| `{name}` | {_kind(field)} | {'needed' if name in schema['required'] else 'optional'} |"
            for name, field in schema["properties"].items()
        ]
    fields = "".join(f"{row}\n" for row in rows)
    codes = "".join(f"- {code}: {one['description']}\n" for code, one in operation["responses"].items())
    table = f"| field | what | |\n|---|---|---|\n{fields}\n" if fields else "Its body is `{}`.\n\n"
    return f"\n## {method} {path}\n\n{operation['summary']}\n\n{table}{codes}"


def _kind(schema: dict[str, Any]) -> str:
    """A field's schema in a few words."""
    if "enum" in schema:
        return "one of " + ", ".join(f"`{one}`" for one in schema["enum"])
    if schema.get("contentMediaType"):
        return f"`{schema['contentMediaType']}`, in base64"
    match schema["type"]:
        case "string":
            return "text"
        case "boolean":
            return "true or false"
        case "array":
            count = f"{schema['minItems']} to {schema['maxItems']} of " if "minItems" in schema else "a list of "
            return count + _kind(schema["items"])
        case "object":
            return "an object of " + ", ".join(f"`{name}`" for name in schema["properties"])
        case kind:
            bounds = f" from {schema['minimum']} to {schema['maximum']}" if "minimum" in schema else ""
            return f"{kind}{bounds}"


if __name__ == "__main__":
    print(markdown(), end="")
