"""GET /api/v1/media/upload"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from functions.get_openapi.handler import app as get_openapi
from functions.v1_get_upload_limits.handler import handler
from tests.given.loops import call, invoke
from tests.given.shapes import A_TIME
from tools.routes import ROOT
from vitrine import content
from vitrine.settings import MIB, settings

if TYPE_CHECKING:
    import pytest

    from tests.given.tenants import Tenant


def limits(origin: str, **sizes: str) -> dict[str, Any]:
    return {
        "success": True,
        "data": {
            "message": "Media upload endpoint is active",
            "storage": "S3",
            "uploadPath": "originals/",
            "supportedTypes": list(content.declarable_types()),
            **sizes,
            "direct": {"endpoint": f"{origin}/api/upload"},
        },
        "info": {"timestamp": A_TIME},
    }


def test_the_limits_of_a_form_and_the_endpoint_for_larger_files_are_reported(
    tenant: Tenant, another_environment: pytest.MonkeyPatch
) -> None:
    answer = tenant.studio.get("/api/v1/media/upload")
    origin = str(answer.request.url).partition("/api/")[0]
    event = json.loads((ROOT / "events/v1_get_upload_limits.json").read_text())
    event["headers"] |= {"x-api-key": tenant.studio.key, "x-team-id": str(tenant.id)}
    for name, value in (
        ("MAX_SIZE_MB", "2"),
        ("MAX_SIZE_VIDEO_MB", "50"),
        ("ORIGIN", "https://media.example.org"),
    ):
        another_environment.setenv(name, value)
    settings.cache_clear()
    as_lambda = invoke(handler, event)

    assert (answer.status_code, answer.json()) == (
        200,
        limits(origin, maxFileSize="10MB", maxRequestSize="100MB"),
    )
    assert json.loads(as_lambda["body"]) == limits(
        "https://media.example.org", maxFileSize="2MB", maxVideoSize="4MB", maxRequestSize="4MB"
    )


def test_openapi_has_the_limit_of_the_deployment_that_answers(
    another_environment: pytest.MonkeyPatch,
) -> None:
    another_environment.setenv("FORM_MAX_BYTES", str(3 * MIB))
    settings.cache_clear()

    described = call(get_openapi, "GET", "/api/openapi.json").json()["paths"]

    assert {
        described[path]["post"]["requestBody"]["description"]
        for path in ("/api/upload/multipart", "/api/v1/media/upload")
    } == {
        (
            f"The body of a request may hold {3 * MIB} bytes; "
            "larger files go through the upload protocol at /api/upload"
        )
    }
