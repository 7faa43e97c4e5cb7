"""GET /api/openapi.json"""

from __future__ import annotations

import importlib
import inspect
import json
import re

import pytest

from docs import openapi
from tests.tenants import Client
from vitrine.endpoint import Spec

PLACEHOLDER = re.compile(r"Request(?:\[(?P<given>[^\]]+)\])?")


def test_the_document_is_the_one_that_the_functions_make() -> None:
    """Otherwise: python -m docs.openapi --write"""
    assert openapi.DOCUMENT.read_text() == openapi.spelled(openapi.document())
    assert openapi.ROUTES.read_text() == openapi.spelled(openapi.route_keys())


def test_it_is_served_to_anybody() -> None:
    answer = Client(None).get("/api/openapi.json")

    assert (answer.status_code, answer.json()["openapi"]) == (200, "3.1.0")
    assert answer.json() == json.loads(openapi.DOCUMENT.read_text())
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("operation", openapi.operations(), ids=lambda operation: operation.function)
def test_a_handler_is_annotated_with_what_it_is_given(operation: openapi.Operation) -> None:
    handler = importlib.import_module(f"functions.{operation.function}.handler")
    source = inspect.getsource(handler)
    spec: Spec = operation.spec

    found = PLACEHOLDER.search(source[source.index("def app"):])

    assert found
    given = [part.strip().rpartition(".")[2] for part in (found["given"] or "None").split(",")]
    named = [kind.__name__ if kind else "None" for kind in (spec.body, spec.query)]
    assert given + ["None"] * (2 - len(given)) == named


@pytest.mark.parametrize("operation", openapi.operations(), ids=lambda operation: operation.function)
def test_a_handler_says_the_route_that_leads_to_it(operation: openapi.Operation) -> None:
    assert (operation.method, operation.path) in operation.spec.routes
