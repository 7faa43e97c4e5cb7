"""GET /api/openapi.json"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from docs.routes import ROOT
from tests.tenants import http

if TYPE_CHECKING:
    from tests.tenants import Tenant


def test_the_document_is_given_to_everybody_as_it_was_packaged() -> None:
    answer = http().get("/api/openapi.json")

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.content == (ROOT / "functions/get_openapi/openapi.json").read_bytes()
    assert answer.json()["openapi"].startswith("3.1")


def test_it_is_the_same_with_a_key(tenant: Tenant) -> None:
    assert tenant.studio.get("/api/openapi.json").content == http().get("/api/openapi.json").content


def test_every_reference_in_it_leads_somewhere() -> None:
    document = http().get("/api/openapi.json").json()

    schemas = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert {text for text in _references(document) if text.startswith("#/components/schemas/")} <= schemas
    assert json.dumps(document).count('"operationId"') == sum(len(item) for item in document["paths"].values())


def _references(node: object) -> set[str]:
    if isinstance(node, dict):
        own = {str(node["$ref"])} if isinstance(node.get("$ref"), str) else set[str]()
        return own.union(*map(_references, node.values()))
    return set[str]().union(*map(_references, node)) if isinstance(node, list) else set()
