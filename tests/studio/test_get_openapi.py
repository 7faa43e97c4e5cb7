"""GET /api/openapi.json"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import TypeAdapter

from tests.given.tenants import http
from tools.openapi import NAMES, operations
from tools.routes import ROOT
from vitrine import errors
from vitrine.permissions import PERMISSIONS

if TYPE_CHECKING:
    from tests.given.tenants import Tenant
    from vitrine.dialects import Dialect
    from vitrine.http.endpoint import Spec


def test_the_document_is_public_and_is_the_packaged_one() -> None:
    answer = http().get("/api/openapi.json")

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.content == (ROOT / "functions/get_openapi/openapi.json").read_bytes()
    assert answer.json()["openapi"].startswith("3.1")


def test_it_is_the_same_with_a_key(tenant: Tenant) -> None:
    assert tenant.studio.get("/api/openapi.json").content == http().get("/api/openapi.json").content


def test_every_reference_in_it_resolves() -> None:
    document = http().get("/api/openapi.json").json()

    schemas = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert {text for text in _references(document) if text.startswith("#/components/schemas/")} <= schemas
    assert json.dumps(document).count('"operationId"') == sum(
        len(item) for item in document["paths"].values()
    )


def test_the_errors_of_a_link_are_described() -> None:
    document = http().get("/api/openapi.json").json()

    assert set(document["paths"]["/f/{mediaId}/{token}"]["get"]["responses"]) == {
        "302",
        "400",
        "404",
        "500",
        "503",
    }


def test_the_errors_of_the_endpoint_are_described_with_each_operation() -> None:
    document = http().get("/api/openapi.json").json()

    wrong = {
        key: missing
        for key, spec, described in _described(document)
        if (missing := set(_endpoint_statuses(spec)) - set(described["responses"]))
    }

    assert wrong == {}


def _endpoint_statuses(spec: Spec) -> list[str]:
    """Return the statuses that such an operation may answer before its function runs."""
    permission = PERMISSIONS[spec.operation] if spec.operation else None
    guarded = (
        []
        if permission is None
        else ["401", "403"]
        if permission.roles or permission.scope or permission.session
        else ["401"]
    )
    return [
        "400",
        "500",
        "503",
        *guarded,
        *(["429"] if spec.operation or spec.tier else []),
        *(["413"] if spec.body else []),
    ]


def test_all_ways_to_send_credentials_are_described() -> None:
    document = http().get("/api/openapi.json").json()

    ways = {
        name: (each["type"], each.get("in"), each.get("name"))
        for name, each in document["components"]["securitySchemes"].items()
    }
    assert ways == {
        "apiKey": ("apiKey", "header", "x-api-key"),
        "bearer": ("http", None, None),
        "cookie": ("apiKey", "cookie", "__Secure-better-auth.session_token"),
    }
    assert document["security"] == [{"apiKey": []}, {"bearer": []}, {"cookie": []}]
    for key, spec, described in _described(document):
        session = spec.operation is not None and PERMISSIONS[spec.operation].session
        needed: dict[str, object] = (
            {"security": [{"bearer": []}, {"cookie": []}]}
            if session
            else {}
            if spec.operation
            else {"security": []}
        )
        assert {name: value for name, value in described.items() if name == "security"} == needed, key


def test_a_post_that_mints_no_secret_takes_an_idempotency_key() -> None:
    document = http().get("/api/openapi.json").json()

    parameter = {"$ref": "#/components/parameters/IdempotencyKey"}

    taking = {
        key: described["responses"]
        for key, _, described in _described(document)
        if parameter in described.get("parameters", [])
    }

    keyed = {
        key
        for key, spec, _ in _described(document)
        if key.startswith("POST ") and not spec.mints_secret and (spec.files_field or not spec.max_files)
    }
    assert taking.keys() == keyed
    assert taking
    assert [key for key, answers in taking.items() if not {"409", "422"} <= answers.keys()] == []


def test_the_headers_of_the_rate_limit_are_described_with_every_counted_answer() -> None:
    document = http().get("/api/openapi.json").json()
    names = {
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
        "ratelimit-policy",
        "ratelimit",
    }

    for key, spec, described in _described(document):
        counted = spec.operation is not None or spec.tier is not None
        assert set(described["responses"][str(spec.status)]["headers"]) >= (names if counted else set()), key
    assert {
        frozenset(answer["headers"])
        for name, answer in document["components"]["responses"].items()
        if name.endswith("429")
    } == {frozenset({*names, "x-request-id", "retry-after"})}


@pytest.mark.parametrize(
    ("dialect", "shape"),
    [(dialect, error) for dialect, _, _, error in NAMES],
    ids=[tag for _, tag, _, _ in NAMES],
)
@pytest.mark.parametrize(
    "rejected",
    [
        errors.Invalid("No", issues=(errors.Issue(("a", 1), "Wrong"),)),
        errors.Unauthorized(),
        errors.MissingScope("media:read"),
        errors.NoOrganization("No"),
        errors.UnknownOrganization("No"),
        errors.NotAMember("No"),
        errors.ServiceUnavailable("No"),
        errors.TooManyRequests(allowed=5, resets_at=datetime(2026, 1, 1, tzinfo=UTC), retry_after=7),
    ],
    ids=lambda rejected: type(rejected).__name__,
)
def test_an_error_has_the_described_shape(rejected: errors.ApiError, dialect: Dialect, shape: Any) -> None:
    bodies = [dialect.error_answer(rejected, None).body, dialect.internal_error("a request", None).body]

    # validation would drop fields that the shape does not name
    assert [TypeAdapter(shape).validate_python(body) for body in bodies] == bodies


def _described(document: dict[str, Any]) -> list[tuple[str, Spec, dict[str, Any]]]:
    for operation in operations():
        if operation.method.lower() not in document["paths"].get(operation.path, {}):
            pytest.fail(f"openapi.json has no {operation.method} {operation.path}: run `make docs`")
    return [
        (
            f"{operation.method} {operation.path}",
            operation.spec,
            document["paths"][operation.path][operation.method.lower()],
        )
        for operation in operations()
    ]


def _references(node: object) -> set[str]:
    if isinstance(node, dict):
        own = {str(node["$ref"])} if isinstance(node.get("$ref"), str) else set[str]()
        return own.union(*map(_references, node.values()))
    return set[str]().union(*map(_references, node)) if isinstance(node, list) else set()
