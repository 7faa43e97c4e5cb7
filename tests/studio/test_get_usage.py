"""GET /api/organization/{orgId}/usage"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.given import jobs, pictures, reprocessing
from tests.given import versions as families
from tests.given.isolation_cases import owner
from tests.given.usage import usage

if TYPE_CHECKING:
    from tests.given.tenants import Tenant

PHOTO = pictures.jpeg(80, 60, seed=21)
OTHER = pictures.jpeg(90, 60, seed=22)


def stored(tenant: Tenant) -> int:
    with owner() as connection:
        found = connection.execute(
            """
            select sum(bytes)::bigint as n
              from objects
             where organization_id = %s
               and state = 'live'
               and kind <> 'incoming'
            """,
            [tenant.id],
        ).fetchone()
    assert found is not None
    number: int = found["n"]
    return number


def test_a_new_organization_stores_nothing(tenant: Tenant) -> None:
    assert usage(tenant) == {
        "bytes": {"active": 0, "trash": 0, "originals": 0, "derived": 0, "total": 0, "reserved": 0},
        "counts": {"active": 0, "trash": 0},
        "limit": None,
    }


def test_usage_equals_the_bytes_in_the_store(tenant: Tenant) -> None:
    tenant.ready(PHOTO)
    tenant.ready(OTHER)

    whole, originals = stored(tenant), len(PHOTO) + len(OTHER)
    assert usage(tenant) == {
        "bytes": {
            "active": whole,
            "trash": 0,
            "originals": originals,
            "derived": whole - originals,
            "total": whole,
            "reserved": 0,
        },
        "counts": {"active": 2, "trash": 0},
        "limit": None,
    }


def test_deleted_bytes_count_as_trash_and_stay_in_the_total(tenant: Tenant) -> None:
    tenant.ready(PHOTO)
    one = usage(tenant)["bytes"]
    gone = tenant.ready(OTHER)
    both = usage(tenant)["bytes"]
    assert isinstance(one, dict)
    assert isinstance(both, dict)

    tenant.studio.delete(f"/api/media/{gone}")

    assert usage(tenant) == {
        "bytes": both | {"active": one["active"], "trash": both["active"] - one["active"]},
        "counts": {"active": 1, "trash": 1},
        "limit": None,
    }
    assert tenant.inconsistencies() == []


@pytest.mark.soak
def test_usage_equals_the_store_after_any_mix_of_changes(tenant: Tenant) -> None:
    item = tenant.ready(PHOTO)
    reported = [_reported_and_listed(tenant)]
    broken = tenant.post_file(OTHER[: len(OTHER) // 2])
    assert tenant.finished(broken)["state"] == "failed"
    second = tenant.ready(OTHER, sourceMediaId=item)
    reported.append(_reported_and_listed(tenant))
    for _ in range(2):
        for each in (item, broken):
            assert reprocessing.ask(tenant, each).status_code == 202
            reprocessing.done(tenant, each)
        reported.append(_reported_and_listed(tenant))
    families.delete(tenant, item, second)
    reported.append(_reported_and_listed(tenant))
    for path in (item, second, broken):
        tenant.studio.delete(f"/api/media/{path}")
    reported.append(_reported_and_listed(tenant))
    assert reprocessing.ask(tenant, item).status_code == 404
    families.restore(tenant, item)
    reported.append(_reported_and_listed(tenant))
    with owner() as connection:
        connection.execute("update deletions set purge_at = now() where organization_id = %s", [tenant.id])
    jobs.run("purge_deleted")
    reported.append(_reported_and_listed(tenant))

    half = len(OTHER) // 2
    first = reported[0][1]  # the first version with its frames
    # of the second version, which the item shows; they are derived again by two requests
    frames = reported[1][1] - first - len(OTHER) - half
    all_of_second, originals = len(OTHER) + 3 * frames, len(PHOTO) + len(OTHER) + half
    assert reported == [
        (len(PHOTO), first, 0),
        *[(originals, first + len(OTHER) + n * frames + half, 0) for n in (1, 2, 3)],
        (originals, first + half, all_of_second),
        (originals, 0, first + half + all_of_second),
        (originals, first, half + all_of_second),
        (len(PHOTO), first, 0),
    ]
    assert reprocessing.locked(tenant) == set()  # older generations are purged with their version
    assert tenant.inconsistencies(finished=True) == []


def _reported_and_listed(tenant: Tenant) -> tuple[int, int, int]:
    """Bytes of originals, active and trash, as reported. Asserts that the store lists as many bytes."""
    reported = families.bytes_and_counts(tenant)[0]
    assert (reported["originals"], reported["derived"]) == reprocessing.stored(tenant)
    assert (
        reported["active"] + reported["trash"]
        == reported["total"]
        == reported["originals"] + reported["derived"]
    )
    return reported["originals"], reported["active"], reported["trash"]


def test_the_quota_is_reported(tenant: Tenant) -> None:
    with owner() as connection:
        connection.execute("update organizations set quota_bytes = 5000000000 where id = %s", [tenant.id])

    assert usage(tenant)["limit"] == 5_000_000_000
