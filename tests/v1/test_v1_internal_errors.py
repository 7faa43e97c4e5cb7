"""The answer of each v1 operation to an internal error: a database that lacks the tables of the operation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.given import pictures
from tests.given.isolation_cases import ROUTES, owner, spec_of
from tests.given.shapes import A_TIME
from vitrine.dialects.v1 import V1
from vitrine.dialects.v1.messages import MESSAGES

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.stack import Stack
    from tests.given.tenants import Tenant

NOWHERE = "01900000-0000-7000-8000-000000000000"
AWAY = ("media", "tags")  # tables that are renamed for a moment
FILE = {"files": ("a.jpg", pictures.jpeg(8, 6, seed=1), "image/jpeg")}
SENT: dict[str, dict[str, Any]] = {  # what a request needs to reach the database
    "POST /api/v1/media": {
        "json": {"url": "https://1.1.1.1/a.jpg", "filename": "a.jpg", "fileSize": 1, "mimeType": "image/jpeg"}
    },
    "POST /api/v1/media/upload": {"files": FILE},
    "POST /api/v1/media/check-duplicates": {"json": {"files": [{"filename": "a.jpg", "fileSize": 1}]}},
    "PATCH /api/v1/media/{id}": {"json": {"title": "A"}},
    "POST /api/v1/media/{id}/tags": {"json": {"tagId": NOWHERE}},
    "PUT /api/v1/media/{id}/tags": {"json": {"tagIds": [NOWHERE]}},
    "DELETE /api/v1/media/{id}/tags": {"params": {"tagId": NOWHERE}},
    "POST /api/v1/media-tags": {"json": {"name": "A tag"}},
    "PATCH /api/v1/media-tags/{id}": {"json": {"name": "A tag"}},
}
UNFAILING = {"GET /api/v1/media/upload"}  # reads its settings only


def test_each_operation_has_its_own_sentence_for_an_internal_error(
    separate_stack: Stack, new_tenant: Callable[[], Tenant]
) -> None:
    tenant = new_tenant()
    session = tenant.signed_in()
    routes = [
        route
        for route in ROUTES
        if spec_of(route).dialect is V1 and "/media" in route.path and route.key not in UNFAILING
    ]
    with owner() as connection:
        for table in AWAY:
            connection.execute(f"alter table {table} rename to {table}_away".encode())
        connection.commit()
        try:
            answered = {}
            for route in routes:
                method, path = route.key.split(" ")
                answer = session.request(
                    method, path.format(id=NOWHERE, tagId=NOWHERE), **SENT.get(route.key, {})
                )
                answered[route.key] = answer.status_code, answer.json()
        finally:
            for table in AWAY:
                connection.execute(f"alter table {table}_away rename to {table}".encode())
            connection.commit()

    assert len(routes) >= 14
    assert answered == {
        route.key: (
            500,
            {
                "success": False,
                "error": MESSAGES[spec_of(route).operation or ""].internal_error,
                "code": "HTTP_500",
                "info": {"timestamp": A_TIME},
            },
        )
        for route in routes
    }
