"""OpenAPI 3.1 of this API, made of the functions themselves: routes, permissions, types and docstrings.

    python -m docs.openapi            prints it
    python -m docs.openapi --write    puts it into functions/get_openapi/, and the list of routes into functions/unrouted/
"""

from __future__ import annotations

import importlib
import json
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import TypeAdapter

from docs.routes import ROOT, routes

sys.path[:0] = [str(ROOT), str(ROOT / "layers/core")]

from vitrine.dialects import accounts, companion, devices, studio, v1  # noqa: E402 - after its path
from vitrine.dialects.v1.show import Error as V1Error  # noqa: E402
from vitrine.permissions import PERMISSIONS, ROLES  # noqa: E402

if TYPE_CHECKING:
    from vitrine.dialects import Dialect
    from vitrine.endpoint import Spec

DOCUMENT = ROOT / "functions/get_openapi/openapi.json"
ROUTES = ROOT / "functions/unrouted/routes.json"
LEFT_OUT = (   # pages, not the API
    "/api/openapi.json", "/api/docs", "/api/docs/{file}", "/", "/assets/{file}", "/device", "/device/{file}", "$default",
)  # fmt: skip

NAMES: list[tuple[Dialect, str, str, Any]] = [   # dialect, the tag of its operations, the prefix of its schemas, its error
    (studio, "Studio API", "Studio", studio.Error),
    (companion, "Uploads", "Upload", studio.Error),
    (accounts, "People, keys and organizations", "Account", accounts.Error),
    (v1, "v1 API", "V1", V1Error),
    (devices, "Logins at devices", "Device", devices.Error),
]
Described = tuple[tuple[str, str], Literal["validation", "serialization"], TypeAdapter[Any]]   # ((function, what), ...)

SAYS = {
    400: "The input is wrong", 401: "No valid credentials", 403: "Not allowed", 404: "Not there", 409: "The state of things does not allow it",
    410: "Gone for good", 412: "Changed since it was read", 413: "Too large", 415: "A type that is not taken", 422: "The bytes were refused",
    429: "Too many requests: ask again after Retry-After",
    501: "Not served by this deployment", 503: "Busy: ask again after Retry-After",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Operation:
    """One route and what answers it."""

    method: str
    path: str
    function: str
    spec: Spec


def document() -> dict[str, Any]:
    """The whole document."""
    described = operations()
    schemas: dict[str, Any] = {}
    wanted: dict[tuple[str, str, str], Any] = {}   # (function, what, prefix) -> schema
    for dialect, _, prefix, error in NAMES:
        inputs: list[Described] = [(("", "error"), "serialization", TypeAdapter(error))]
        for operation in described:
            if operation.spec.dialect is dialect:
                spec = operation.spec
                for what, taken in (("body", spec.body), ("query", spec.query)):
                    if taken is not None:
                        inputs.append(((operation.function, what), "validation", TypeAdapter(taken)))
                if spec.returns is not None:
                    inputs.append(((operation.function, "returns"), "serialization", TypeAdapter(spec.returns)))
        found, defined = TypeAdapter.json_schemas(inputs, ref_template=f"#/components/schemas/{prefix}{{model}}")
        schemas |= {f"{prefix}{name}": schema for name, schema in defined.get("$defs", {}).items()}
        wanted |= {(function, what, prefix): schema for ((function, what), _), schema in found.items()}

    paths: dict[str, dict[str, Any]] = {}
    for operation in described:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, wanted, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Vitrine",
            "version": "0.1.0",
            "description": "A serverless media library: two published APIs over one library, and uploads straight to the store.",
        },
        "security": [{"apiKey": []}, {"bearer": []}],
        "tags": [{"name": tag} for _, tag, _, _ in NAMES],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
            "schemas": dict(sorted(_used(schemas, paths).items())),
        },
    }


def operations() -> list[Operation]:
    """Every route of the API with the spec of its function, in the template's order."""
    return [
        Operation(route.key.partition(" ")[0], route.path, route.function, importlib.import_module(f"functions.{route.function}.handler").app.spec)
        for route in routes()
        if route.path not in LEFT_OUT
    ]


def _operation(operation: Operation, wanted: dict[tuple[str, str, str], Any], schemas: dict[str, Any]) -> dict[str, Any]:
    spec = operation.spec
    tag, prefix = next((tag, prefix) for dialect, tag, prefix, _ in NAMES if dialect is spec.dialect)
    first, _, rest = spec.docstring.strip().partition("\n")
    says = first.partition(" - ")[2]
    described: dict[str, Any] = {
        "operationId": operation.function,
        "tags": [tag],
        "summary": says[:1].upper() + says[1:].rstrip("."),
        "description": _description(rest, spec),
    }
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in re.findall(r"{(\w+)}", operation.path)
    ] + _query(_inlined(wanted.get((operation.function, "query", prefix)), schemas))
    if parameters:
        described["parameters"] = parameters
    if spec.body is not None:
        types = ["application/json", *(["application/x-www-form-urlencoded"] if spec.forms else [])]
        described["requestBody"] = {"required": True, "content": {each: {"schema": wanted[operation.function, "body", prefix]} for each in types}}
    success: dict[str, Any] = {"description": "Done" if spec.returns else "Redirect"}
    if spec.returns is not None:
        success["content"] = {"application/json": {"schema": wanted[operation.function, "returns", prefix]}}
    error = {"application/json": {"schema": wanted["", "error", prefix]}}
    errors = sorted({int(code) for code in re.findall(r"\b[45]\d\d\b", rest.partition("Errors")[2])})
    described["responses"] = {str(spec.status): success} | {str(code): {"description": SAYS[code], "content": error} for code in errors}
    if spec.operation is None:
        described["security"] = []
    return described


def _description(rest: str, spec: Spec) -> str:
    lines = rest.strip("\n")
    if spec.operation is None:
        return f"```\n{lines}\n```"
    permission = PERMISSIONS[spec.operation]
    roles = ", ".join(role for role in ROLES if role in permission.roles) if permission.roles is not None else "whoever is known, in no organization"
    session = " A signed-in person only, no API key." if permission.session else ""
    scope = f"`{permission.scope}`" if permission.scope else "any"
    return f"```\n{lines}\n```\nScope: {scope}. Roles: {roles}. Rate tier: {permission.tier}.{session}"


def _inlined(schema: dict[str, Any] | None, schemas: dict[str, Any]) -> dict[str, Any] | None:
    """What a schema that is one reference refers to."""
    return schemas[schema["$ref"].rpartition("/")[2]] if schema and "$ref" in schema else schema


def _query(schema: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Each property is a parameter; an object among them is spelled `name[key]=`."""
    if schema is None:
        return []
    found: list[dict[str, Any]] = []
    for name, one in schema["properties"].items():
        parameter: dict[str, Any] = {"name": name, "in": "query", "required": name in schema.get("required", []), "schema": one}
        if name == "metadata":
            parameter |= {"style": "deepObject", "explode": True}
        found.append(parameter)
    return found


def _used(schemas: dict[str, Any], paths: dict[str, Any]) -> dict[str, Any]:
    """Those that something refers to."""
    used: dict[str, Any] = {}
    todo: list[Any] = [paths]
    while todo:
        for name in re.findall(r'"#/components/schemas/(\w+)"', json.dumps(todo.pop())):
            if name not in used:
                used[name] = schemas[name]
                todo.append(schemas[name])
    return used


def spelled(value: Any) -> str:
    """As the files hold it. A model of a handler is called after its function."""
    text = json.dumps(value, indent=1, ensure_ascii=False) + "\n"
    return re.sub(r"functions__(\w+?)__handler__(\w+)", lambda m: "".join(word.capitalize() for word in m[1].split("_")) + m[2], text)


def route_keys() -> list[str]:
    """What `unrouted` must know."""
    return [route.key for route in routes() if route.path != "$default"]


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        ROUTES.write_text(spelled(route_keys()))
        if not DOCUMENT.exists():
            DOCUMENT.write_text("{}\n")   # its own function reads it when it is imported
        DOCUMENT.write_text(spelled(document()))
    else:
        sys.stdout.write(spelled(document()))
