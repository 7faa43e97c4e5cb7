"""GET /api/organization/{orgId}/usage"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests import pictures
from tests.wall_cases import owner

if TYPE_CHECKING:
    from tests.tenants import Tenant

PHOTO = pictures.jpeg(80, 60, seed=21)
OTHER = pictures.jpeg(90, 60, seed=22)


def usage(tenant: Tenant) -> dict[str, object]:
    answer = tenant.studio.get(f"/api/organization/{tenant.id}/usage")
    assert answer.status_code == 200, answer.text
    said: dict[str, object] = answer.json()
    return said


def stored(tenant: Tenant) -> int:
    with owner() as connection:
        found = connection.execute(
            "select sum(bytes)::bigint as n from objects where organization_id = %s and state = 'live' and kind <> 'incoming'", [tenant.id]
        ).fetchone()
    assert found is not None
    number: int = found["n"]
    return number


def test_a_new_organization_stores_nothing(tenant: Tenant) -> None:
    assert usage(tenant) == {
        "bytes": {"active": 0, "trash": 0, "originals": 0, "derived": 0, "total": 0}, "counts": {"active": 0, "trash": 0}, "limit": None,
    }  # fmt: skip


def test_it_counts_what_the_store_holds(tenant: Tenant) -> None:
    tenant.ready(PHOTO)
    tenant.ready(OTHER)

    whole, originals = stored(tenant), len(PHOTO) + len(OTHER)
    assert usage(tenant) == {
        "bytes": {"active": whole, "trash": 0, "originals": originals, "derived": whole - originals, "total": whole},
        "counts": {"active": 2, "trash": 0}, "limit": None,
    }  # fmt: skip


def test_what_is_deleted_goes_over_to_the_trash_and_stays_in_the_total(tenant: Tenant) -> None:
    tenant.ready(PHOTO)
    one = usage(tenant)["bytes"]
    gone = tenant.ready(OTHER)
    both = usage(tenant)["bytes"]
    assert isinstance(one, dict)
    assert isinstance(both, dict)

    tenant.studio.delete(f"/api/media/{gone}")

    assert usage(tenant) == {
        "bytes": both | {"active": one["active"], "trash": both["active"] - one["active"]}, "counts": {"active": 1, "trash": 1}, "limit": None,
    }  # fmt: skip
    assert tenant.trouble() == []


def test_it_says_the_limit(tenant: Tenant) -> None:
    with owner() as connection:
        connection.execute("update organizations set quota_bytes = 5000000000 where id = %s", [tenant.id])

    assert usage(tenant)["limit"] == 5_000_000_000
