"""OpenAPI 3.1 of this API, generated from the functions: routes, permissions, types and docstrings.

python -m tools.openapi            prints it
python -m tools.openapi --write    writes it to functions/get_openapi/, and the routes to functions/unrouted/
"""

from __future__ import annotations

import importlib
import json
import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pydantic import TypeAdapter

from tools.routes import ROOT, routes

sys.path[:0] = [str(ROOT), str(ROOT / "layers/core")]

from vitrine import accounts, errors
from vitrine.accounts import devices
from vitrine.auth import session_cookie_name
from vitrine.dialects import studio
from vitrine.dialects.uploads import UPLOADS
from vitrine.dialects.v1 import V1
from vitrine.dialects.v1 import errors as v1_errors
from vitrine.http.admission import SAFE
from vitrine.http.bodies import body_limit_sentence
from vitrine.permissions import PERMISSIONS, ROLES
from vitrine.settings import Settings

if TYPE_CHECKING:
    from vitrine.dialects import Dialect
    from vitrine.http.endpoint import Spec

DOCUMENT = ROOT / "functions/get_openapi/openapi.json"
ROUTES = ROOT / "functions/unrouted/routes.json"
# pages, not the API
LEFT_OUT = (
    "/api/openapi.json",
    "/api/docs",
    "/api/docs/{file}",
    "/",
    "/assets/{file}",
    "/favicon.ico",
    "$default",
)

# dialect, the tag of its operations, the prefix of its schemas, its error
NAMES: list[tuple[Dialect, str, str, Any]] = [
    (studio.STUDIO, "Studio API", "Studio", studio.Error),
    (UPLOADS, "Uploads", "Upload", studio.Error),
    (accounts.ACCOUNTS, "People, keys and organizations", "Account", accounts.Error),
    (devices.DEVICES, "Logins at devices", "Device", devices.Error),
    (V1, "v1 API", "V1", v1_errors.Error),
]
# ((function, what), ...)
Described = tuple[tuple[str, str], Literal["validation", "serialization"], TypeAdapter[Any]]

DESCRIPTIONS = {
    400: "The input is wrong",
    401: "No valid credentials",
    403: "Not allowed",
    404: "Missing",
    409: "The present state does not allow it",
    410: "Gone for good",
    412: "Changed since it was read",
    413: "Too large",
    415: "A type that is not accepted",
    422: "Understood, and rejected for its content",
    429: "Too many requests: ask again after Retry-After",
    500: "An internal error: x-request-id identifies it in our logs",
    501: "Not served by this deployment",
    503: "Busy: ask again after Retry-After",
}


class Header(NamedTuple):
    """A header that an answer may have."""

    component: str
    name: str
    description: str
    schema: dict[str, Any]


COUNT = {"type": "integer", "minimum": 0}
RATE = (
    Header("RateLimitLimit", "x-ratelimit-limit", "Requests per window", COUNT),
    Header("RateLimitRemaining", "x-ratelimit-remaining", "Requests left in this window", COUNT),
    Header(
        "RateLimitReset",
        "x-ratelimit-reset",
        "When the next window begins, in milliseconds since 1970",
        COUNT,
    ),
    Header(
        "RateLimitPolicy",
        "ratelimit-policy",
        "As in the IETF's draft: requests, and seconds of a window",
        {"type": "string"},
    ),
    Header("RateLimit", "ratelimit", "Requests left, and seconds until the next window", {"type": "string"}),
)
REQUEST_ID = Header("RequestId", "x-request-id", "Of this request, in our logs", {"type": "string"})
RETRY_AFTER = Header("RetryAfter", "retry-after", "Seconds", {"type": "integer", "minimum": 1})
LOCATION = Header("Location", "location", "Where it is", {"type": "string", "format": "uri-reference"})

IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "The same key with the same request within 24 hours gets the same answer, "
    "and nothing is done again",
}
CREDENTIALS: dict[str, dict[str, str]] = {
    "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "A key, `sk_live_...`"},
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key, or the token of a session"},
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": session_cookie_name(secure=True),
        "description": "The session of a browser. Requests that change anything must come from a page of "
        "this origin or of an allowed one. Over plain http the name has no `__Secure-`.",
    },
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One route, and the spec of the function that answers it."""

    method: str
    path: str
    function: str
    spec: Spec


def document() -> dict[str, Any]:
    """Return the whole document."""
    described = operations()
    schemas: dict[str, Any] = {}
    wanted: dict[tuple[str, str, str], Any] = {}  # (function, what, prefix) -> schema
    for dialect, _, prefix, error in NAMES:
        inputs: list[Described] = [(("", "error"), "serialization", TypeAdapter(error))]
        for operation in described:
            if operation.spec.dialect is dialect:
                spec = operation.spec
                for what, model in (("body", spec.body), ("query", spec.query)):
                    if model is not None:
                        inputs.append(((operation.function, what), "validation", TypeAdapter(model)))
                if spec.returns is not None:
                    inputs.append(
                        ((operation.function, "returns"), "serialization", TypeAdapter(spec.returns))
                    )
        references, defined = TypeAdapter.json_schemas(
            inputs, ref_template=f"#/components/schemas/{prefix}{{model}}"
        )
        schemas |= {f"{prefix}{name}": schema for name, schema in defined.get("$defs", {}).items()}
        wanted |= {(function, what, prefix): schema for ((function, what), _), schema in references.items()}

    paths: dict[str, dict[str, Any]] = {}
    for operation in described:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(
            operation, wanted, schemas
        )
    answers = {
        f"{prefix}{status}": _rejection(status, wanted["", "error", prefix])
        for _, _, prefix, _ in NAMES
        for status in DESCRIPTIONS
    }
    answers = {
        name: answer
        for name, answer in answers.items()
        if f'"#/components/responses/{name}"' in json.dumps(paths)
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Vitrine",
            "version": "0.1.0",
            "description": "A serverless media library: two published APIs over one library, "
            "and uploads straight to the store.",
        },
        "security": [{name: []} for name in CREDENTIALS],
        "tags": [
            {"name": tag}
            for dialect, tag, _, _ in NAMES
            if any(operation.spec.dialect is dialect for operation in described)
        ],
        "paths": paths,
        "components": {
            "securitySchemes": CREDENTIALS,
            "parameters": {"IdempotencyKey": IDEMPOTENCY_KEY},
            "headers": {
                each.component: {"description": each.description, "schema": each.schema}
                for each in (*RATE, REQUEST_ID, RETRY_AFTER, LOCATION)
            },
            "responses": answers,
            "schemas": dict(sorted(_used(schemas, [paths, answers]).items())),
        },
    }


def operations() -> list[Operation]:
    """Return every route of the API with the spec of its function, in the template's order."""
    return [
        Operation(
            route.key.partition(" ")[0],
            route.path,
            route.function,
            importlib.import_module(f"functions.{route.function}.handler").app.spec,
        )
        for route in routes()
        if route.path not in LEFT_OUT
    ]


def _operation(
    operation: Operation, wanted: dict[tuple[str, str, str], Any], schemas: dict[str, Any]
) -> dict[str, Any]:
    spec = operation.spec
    tag, prefix = next((tag, prefix) for dialect, tag, prefix, _ in NAMES if dialect is spec.dialect)
    first, _, rest = spec.docstring.strip().partition("\n\n")
    summary = " ".join(first.split()).partition(" - ")[2]
    described: dict[str, Any] = {
        "operationId": operation.function if operation.method != "HEAD" else f"{operation.function}_head",
        "tags": [tag],
        "summary": summary[:1].upper() + summary[1:].rstrip("."),
        "description": _description(rest, spec),
    }
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", operation.path)
    ] + _query(_inlined(wanted.get((operation.function, "query", prefix)), schemas))
    if spec.accepts_idempotency_key(operation.method):
        parameters.append({"$ref": "#/components/parameters/IdempotencyKey"})
    if parameters:
        described["parameters"] = parameters
    if spec.body is not None:
        types = (
            ["multipart/form-data"]
            if spec.max_files
            else ["application/json", *(["application/x-www-form-urlencoded"] if spec.form_encoded else [])]
        )
        # `get_openapi` replaces this sentence by one with the limit of its deployment.
        limit = {"description": body_limit_sentence(Settings().form_max_bytes)} if spec.max_files else {}
        content = {each: {"schema": wanted[operation.function, "body", prefix]} for each in types}
        described["requestBody"] = {**limit, "required": True, "content": content}
    described["responses"] = {
        str(spec.status): _success(spec, wanted.get((operation.function, "returns", prefix)))
    } | {
        str(status): {"$ref": f"#/components/responses/{prefix}{status}"}
        for status in _rejected(operation, rest)
    }
    if spec.operation is None:
        described["security"] = []
    elif PERMISSIONS[spec.operation].session:
        described["security"] = [{"bearer": []}, {"cookie": []}]
    return described


def _success(spec: Spec, schema: dict[str, Any] | None) -> dict[str, Any]:
    redirects = 300 <= spec.status < 400
    answer: dict[str, Any] = {
        "description": "Done" if schema is not None else "Redirect" if redirects else "Done, without a body",
        "headers": _headers(
            *([] if spec.operation is None and spec.tier is None else RATE),
            REQUEST_ID,
            *([LOCATION] if redirects else []),
        ),
    }
    if schema is not None:
        answer["content"] = {"application/json": {"schema": schema}}
    return answer


def _rejection(status: int, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "description": DESCRIPTIONS[status],
        "headers": _headers(*RATE, REQUEST_ID, *([RETRY_AFTER] if status in (429, 503) else [])),
        "content": {"application/json": {"schema": schema}},
    }


def _headers(*headers: Header) -> dict[str, Any]:
    return {header.name: {"$ref": f"#/components/headers/{header.component}"} for header in headers}


def _rejected(operation: Operation, rest: str) -> list[int]:
    """Return the error statuses of an operation: those in its docstring, and those of `endpoint` in its
    dialect.
    """
    documented = {int(code) for code in re.findall(r"\b[45]\d\d\b", rest.partition("Errors")[2])}
    return sorted(
        documented
        | {
            operation.spec.dialect.error_answer(rejection, operation.spec.operation).status or 500
            for rejection in _endpoint_errors(operation)
        }
        | {500}
    )


def _endpoint_errors(operation: Operation) -> list[errors.ApiError]:
    """Return an error of each type that `endpoint`, `auth` and the database may raise for any function."""
    spec = operation.spec
    raised: list[errors.ApiError] = [
        errors.Invalid("A text that cannot be stored"),
        errors.ServiceUnavailable("The database is not answering"),
    ]
    if spec.body is not None:
        raised.append(errors.TooLarge("The body"))
    if spec.accepts_idempotency_key(operation.method):
        raised += [
            errors.IdempotencyKeyReused("For another request"),
            errors.RequestInProgress("By another process"),
        ]
    if spec.item is not None or "{" in operation.path:
        raised.append(errors.NotFound("Nothing has this name"))
    if spec.operation is not None or spec.tier is not None:
        raised.append(errors.TooManyRequests(allowed=0, resets_at=datetime.now(UTC), retry_after=1))
    if spec.operation is None:
        return raised
    permission = PERMISSIONS[spec.operation]
    raised.append(errors.Unauthorized())
    if spec.own_pages_only or operation.method not in SAFE:
        raised.append(errors.WrongOrigin("A page that is not ours"))
    if permission.session:
        raised.append(errors.SessionRequired("A key"))
    if permission.scope is not None:
        raised.append(errors.MissingScope(permission.scope))
    if spec.item is not None:
        raised.append(errors.OtherOrganization("Elsewhere"))
    if permission.roles is not None:
        raised += [
            errors.NoOrganization("None"),
            errors.UnknownOrganization("Unknown"),
            errors.NotAMember("A stranger"),
            errors.Forbidden("The role"),
        ]
    return raised


def _description(rest: str, spec: Spec) -> str:
    lines = rest.strip("\n")
    if spec.operation is None:
        return f"```\n{lines}\n```"
    permission = PERMISSIONS[spec.operation]
    scope = (
        "only a signed-in person"
        if permission.session
        else " or ".join(f"`{each}`" for each in permission.scopes) or "any"
    )
    named = [role for role in ROLES if permission.roles is not None and role in permission.roles]
    roles = ", ".join(named) if named else "any authenticated caller, in any organization or none"
    return f"```\n{lines}\n```\nScope: {scope}. Roles: {roles}. Rate tier: {permission.tier}."


def _inlined(schema: dict[str, Any] | None, schemas: dict[str, Any]) -> dict[str, Any] | None:
    """Return the schema that a reference refers to, or the schema itself."""
    return schemas[schema["$ref"].rpartition("/")[2]] if schema and "$ref" in schema else schema


def _query(schema: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Return a parameter for each property. The object `metadata` is sent as `metadata[name]=`."""
    if schema is None:
        return []
    parameters: list[dict[str, Any]] = []
    for name, one in schema["properties"].items():
        parameter: dict[str, Any] = {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", []),
            "schema": one,
        }
        if name == "metadata":
            parameter |= {"style": "deepObject", "explode": True}
        parameters.append(parameter)
    return parameters


def _used(schemas: dict[str, Any], roots: list[Any]) -> dict[str, Any]:
    """Return the schemas that the roots refer to, directly or through other schemas."""
    used: dict[str, Any] = {}
    todo = list(roots)
    while todo:
        for name in re.findall(r'"#/components/schemas/(\w+)"', json.dumps(todo.pop())):
            if name not in used:
                used[name] = schemas[name]
                todo.append(schemas[name])
    return used


def to_text(value: Any) -> str:
    """Return the JSON text of a file. A model of a handler is named after its function."""
    text = json.dumps(value, indent=1, ensure_ascii=False) + "\n"
    return re.sub(
        r"functions__(\w+?)__handler__(\w+)",
        lambda m: "".join(word.capitalize() for word in m[1].split("_")) + m[2],
        text,
    )


def route_keys() -> list[str]:
    """Return the routes that `unrouted` must know."""
    return [route.key for route in routes() if route.path != "$default"]


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        ROUTES.write_text(to_text(route_keys()))
        if not DOCUMENT.exists():
            DOCUMENT.write_text("{}\n")  # its function reads the file when it is imported
        DOCUMENT.write_text(to_text(document()))
    else:
        sys.stdout.write(to_text(document()))
