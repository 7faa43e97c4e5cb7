"""The whole API against its OpenAPI document: generated requests by an owner, a viewer and without
credentials.

No internal error may happen, and no status, content type, header or body but those of the document. New
operations of the document are tested without a change here. Most requests contain the values of
`tests/given/isolation_cases.py`, so that they reach the function behind the endpoint. `make soak` sends many
more.
"""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import NotAServerErrorConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.given.isolation_cases import FILL, ROUTES, PopulatedTenant, Targets, spec_of
from tests.given.tenants import Client, http
from tools.openapi import DOCUMENT
from tools.routes import Route
from vitrine.permissions import PERMISSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schemathesis import Case
    from schemathesis.schemas import APIOperation, BaseSchema

    from tests.given.isolation_cases import RequestParts
    from vitrine.permissions import Permission

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]
CREDENTIALS = {"authorization", "x-api-key", "cookie"}
# read by the server before it makes a request of them
FRAMING = {"host", "connection", "content-length", "transfer-encoding", "expect", "upgrade"}
UNTROUBLED = (
    HealthCheck.too_slow,
    HealthCheck.filter_too_much,
    HealthCheck.data_too_large,
    HealthCheck.large_base_example,
)
PEOPLE = ("an owner", "a viewer", "nobody")
REQUESTS = 300  # in the default suite, about, for any number of operations
SHARES = {"an owner": 5, "a viewer": 2, "nobody": 1}  # of these requests
MANY = 4  # times as many with `make soak`


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation that the document describes."""

    method: str
    path: str

    @property
    def key(self) -> str:
        return f"{self.method.upper()} {self.path}"

    @property
    def route(self) -> Route:
        return next(route for route in ROUTES if route.key == self.key)

    @property
    def permission(self) -> Permission | None:
        """None: it is public."""
        named = spec_of(self.route).operation
        return None if named is None else PERMISSIONS[named]


def described(document: Mapping[str, Any]) -> list[Operation]:
    return [
        Operation(method, path)
        for path, item in document["paths"].items()
        for method in item
        if method in METHODS
    ]


OPERATIONS = described(json.loads(DOCUMENT.read_text()))
# In the default suite an owner tries every operation, and the others, who are mostly denied, try some. `make
# soak` tries every operation by all three.
TRIED = [
    (person, operation)
    for start, person in enumerate(PEOPLE)
    for operation in (OPERATIONS[start::5] if start else OPERATIONS)
]
each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.key)


@pytest.fixture(scope="module")
def served() -> dict[str, Any]:
    document: dict[str, Any] = http().get("/api/openapi.json").json()
    return document


@pytest.fixture(scope="module")
def schema(served: dict[str, Any]) -> BaseSchema:
    """The served document with its objects closed: an answer may have no field that the document does not
    name.
    """
    schema = schemathesis.openapi.from_dict(closed(served))
    schema.config.checks.not_a_server_error = NotAServerErrorConfig(
        expected_statuses=["2xx", "3xx", "4xx", "501", "503"]
    )
    return schema


def closed(node: Any) -> Any:
    if isinstance(node, list):
        return [closed(each) for each in node]
    if not isinstance(node, dict):
        return node
    own = {name: closed(value) for name, value in node.items()}
    return (
        {"additionalProperties": False, **own}
        if node.get("type") == "object" and isinstance(node.get("properties"), dict)
        else own
    )


@pytest.fixture
def targets(_stages: Iterator[Targets]) -> Targets:
    """A tenant with items, and a new one where the last request has deleted its person, its session or its
    items.
    """
    return next(_stages)


@pytest.fixture(scope="module")
def _stages() -> Iterator[Targets]:
    def stages() -> Iterator[Targets]:
        targets = Targets(PopulatedTenant.make())
        while True:
            asked = [
                client.get(f"/api/media/{targets.populated.photo}")
                for client in (targets.client(), targets.client("viewer"))
            ]
            if any(answer.status_code != 200 for answer in asked):
                targets = Targets(PopulatedTenant.make())
            yield targets

    return stages()


def test_every_operation_of_the_document_is_tried(served: dict[str, Any]) -> None:
    assert described(served) == OPERATIONS
    assert {operation.key for operation in OPERATIONS} <= {route.key for route in ROUTES}
    assert len(OPERATIONS) >= 20


@pytest.mark.parametrize(
    ("person", "operation"), TRIED, ids=lambda each: each if isinstance(each, str) else each.key
)
@pytest.mark.sampled(3)
def test_an_operation_answers_as_described(
    operation: Operation, person: str, targets: Targets, schema: BaseSchema
) -> None:
    tried = fuzz(operation, person, targets, schema, examples=share(person), number=1)

    assert tried > 0


@pytest.mark.soak
@pytest.mark.timeout(1800)
@each_operation
@pytest.mark.parametrize("person", PEOPLE)
def test_an_operation_answers_as_described_many_times(
    operation: Operation, person: str, targets: Targets, schema: BaseSchema
) -> None:
    tried = fuzz(
        operation,
        person,
        targets,
        schema,
        examples=share(person) * MANY,
        number=random.SystemRandom().randrange(2**32),
    )

    assert tried > 0


WITH_JSON = [
    each for each in OPERATIONS if spec_of(each.route).body is not None and not spec_of(each.route).max_files
]


@pytest.mark.parametrize("operation", WITH_JSON, ids=lambda each: each.key)
@pytest.mark.sampled(4)
def test_a_body_over_the_limit_is_rejected_as_described(
    operation: Operation, targets: Targets, schema: BaseSchema
) -> None:
    sent = FILL[operation.route.function](targets, None)

    answer = targets.client().request(
        operation.method.upper(), operation.path.format(**sent.path), json={"much": "x" * 4 * 1024 * 1024}
    )

    assert answer.status_code == 413
    declared = schema[operation.path][operation.method.upper()]
    assert "413" in declared.definition.raw["responses"]
    declared.validate_response(answer)


@pytest.mark.parametrize("path", sorted({operation.path for operation in OPERATIONS}))
def test_a_path_has_the_described_methods_and_no_other(path: str) -> None:
    own = {operation.method.upper() for operation in OPERATIONS if operation.path == path}
    filled = re.sub(r"{\w+}", "0" * 32, path)
    allowed = {
        operation.method.upper()
        for operation in OPERATIONS
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", operation.path), filled)
    }

    answers = {
        method: Client(None).request(method, filled)
        for method in {"GET", "PUT", "POST", "DELETE", "PATCH"} - allowed
    }

    assert {method: answer.status_code for method, answer in answers.items()} == dict.fromkeys(answers, 405)
    assert {frozenset(answer.headers["allow"].split(", ")) for answer in answers.values()} == {
        frozenset({*own, "OPTIONS"})
    }


def share(person: str) -> int:
    """Return the number of requests of this person to each operation."""
    return max(2, REQUESTS * SHARES[person] // sum(SHARES.values()) // len(OPERATIONS))


def fuzz(
    operation: Operation, person: str, targets: Targets, schema: BaseSchema, *, examples: int, number: int
) -> int:
    """Send generated requests, check every answer against the document, and return how many were sent."""
    client = client_of(operation, person, targets)
    sent = FILL[operation.route.function](targets, client if person == "an owner" else None)
    tried = 0

    with requests.Session() as session:

        @seed(number)
        @settings(
            max_examples=examples,
            database=None,
            deadline=None,
            derandomize=False,
            suppress_health_check=UNTROUBLED,
            phases=[Phase.generate, Phase.shrink],
        )
        @given(case=cases(schema[operation.path][operation.method.upper()]), changed=changes(sent))
        def try_one(case: Case[Any], changed: frozenset[str]) -> None:
            nonlocal tried
            fill(case, sent, changed)
            removed = FRAMING | CREDENTIALS if client.credentials else FRAMING
            case.headers = CaseInsensitiveDict(
                {name: value for name, value in case.headers.items() if name.lower() not in removed}
            )
            if client.credentials:
                case.cookies = {}
            answer = case.call(
                base_url=str(http().base_url),
                session=session,
                headers=client.credentials,
                allow_redirects=False,
                timeout=60,
            )
            session.cookies.clear()
            if answer.status_code == 431:  # by the gateway: headers and query are too long
                return
            tried += 1
            case.validate_response(answer, checks=CHECKS)
            if operation.permission and person == "nobody":
                assert answer.status_code == 401
            if (
                operation.permission
                and person == "a viewer"
                and "viewer" not in (operation.permission.roles or ("viewer",))
            ):
                assert answer.status_code >= 400

        try_one()
    return tried


def client_of(operation: Operation, person: str, targets: Targets) -> Client:
    if person == "nobody":
        return Client(None)
    session = operation.permission is not None and operation.permission.session
    return targets.client("owner" if person == "an owner" else "viewer", session=session)


def cases(operation: APIOperation[Any, Any, Any, Any]) -> st.SearchStrategy[Case[Any]]:
    """Generate requests that follow the document, and where a request has input, some that do not."""
    right = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    if not (operation.body or operation.query or operation.headers):
        return right
    return st.one_of(right, operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))


def changes(sent: RequestParts) -> st.SearchStrategy[frozenset[str]]:
    """Generate sets of names whose values are not replaced by those of the route: none, one, or any."""
    names = sorted({*sent.path, *sent.query, *(sent.body or {})})
    if not names:
        return st.just(frozenset[str]())
    return st.one_of(
        st.just(frozenset[str]()),
        st.frozensets(st.sampled_from(names), max_size=1),
        st.frozensets(st.sampled_from(names)),
    )


def fill(case: Case[Any], sent: RequestParts, changed: frozenset[str]) -> None:
    """Put the values of the route into the request, except under these names."""
    case.path_parameters = {
        **case.path_parameters,
        **{name: quote(value, safe="") for name, value in sent.path.items() if name not in changed},
    }
    case.query = {**case.query, **{name: value for name, value in sent.query.items() if name not in changed}}
    if isinstance(case.body, dict):
        case.body = {
            **case.body,
            **{name: value for name, value in (sent.body or {}).items() if name not in changed},
        }
