"""The storage that an organization uses, as the API reports it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.given.tenants import Tenant

NOTHING = {
    "bytes": {"active": 0, "trash": 0, "originals": 0, "derived": 0, "total": 0, "reserved": 0},
    "counts": {"active": 0, "trash": 0},
    "limit": None,
}


def usage(tenant: Tenant) -> dict[str, Any]:
    """Bytes and numbers of originals, active and in the trash."""
    answer = tenant.studio.get(f"/api/organization/{tenant.id.hex}/usage")
    assert answer.status_code == 200, answer.text
    answered: dict[str, Any] = answer.json()
    return answered
