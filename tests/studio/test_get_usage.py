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
            "select sum(bytes)::bigint as n from objects where organization_id = %s and state = 'live' and kind <> 'incoming'",
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


def test_it_counts_what_the_store_holds(tenant: Tenant) -> None:
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


def test_what_is_deleted_goes_over_to_the_trash_and_stays_in_the_total(tenant: Tenant) -> None:
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
def test_after_whatever_mix_it_tells_what_the_store_lists(tenant: Tenant) -> None:
    item = tenant.ready(PHOTO)
    told = [_reported_and_listed(tenant)]
    broken = tenant.post_file(OTHER[: len(OTHER) // 2])
    assert tenant.finished(broken)["state"] == "failed"
    second = tenant.ready(OTHER, sourceMediaId=item)
    told.append(_reported_and_listed(tenant))
    for _ in range(2):
        for each in (item, broken):
            assert reprocessing.ask(tenant, each).status_code == 202
            reprocessing.done(tenant, each)
        told.append(_reported_and_listed(tenant))
    families.delete(tenant, item, second)
    told.append(_reported_and_listed(tenant))
    for path in (item, second, broken):
        tenant.studio.delete(f"/api/media/{path}")
    told.append(_reported_and_listed(tenant))
    assert reprocessing.ask(tenant, item).status_code == 404
    families.restore(tenant, item)
    told.append(_reported_and_listed(tenant))
    with owner() as connection:
        connection.execute("update deletions set purge_at = now() where organization_id = %s", [tenant.id])
    jobs.run("purge_deleted")
    told.append(_reported_and_listed(tenant))

    half = len(OTHER) // 2
    first = told[0][1]  # the first version with its frames
    # of the second one, which the item shows: its are made anew, twice
    frames = told[1][1] - first - len(OTHER) - half
    all_of_second, originals = len(OTHER) + 3 * frames, len(PHOTO) + len(OTHER) + half
    assert told == [
        (len(PHOTO), first, 0),
        *[(originals, first + len(OTHER) + n * frames + half, 0) for n in (1, 2, 3)],
        (originals, first + half, all_of_second),
        (originals, 0, first + half + all_of_second),
        (originals, first, half + all_of_second),
        (len(PHOTO), first, 0),
    ]
    assert reprocessing.locked(tenant) == set()  # what was purged took its older generations along
    assert tenant.inconsistencies(finished=True) == []


def _reported_and_listed(tenant: Tenant) -> tuple[int, int, int]:
    """Originals, active and trash, in bytes: told so, and just what the store lists."""
    told = families.bytes_and_counts(tenant)[0]
    assert (told["originals"], told["derived"]) == reprocessing.stored(tenant)
    assert told["active"] + told["trash"] == told["total"] == told["originals"] + told["derived"]
    return told["originals"], told["active"], told["trash"]


def test_it_says_the_limit(tenant: Tenant) -> None:
    with owner() as connection:
        connection.execute("update organizations set quota_bytes = 5000000000 where id = %s", [tenant.id])

    assert usage(tenant)["limit"] == 5_000_000_000
