"""What open uploads reserve of the quota: the bytes that may still land, for as long as the upload can be
used, as the usage reports it.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.given import pictures
from tests.given.isolation_cases import owner
from tests.given.protocol import MIB, begin
from tests.given.tenants import http

if TYPE_CHECKING:
    from tests.given.tenants import Tenant

PHOTO = pictures.jpeg(96, 64, seed=72)


def limit(tenant: Tenant, size: int | None) -> None:
    with owner() as connection:
        connection.execute("update organizations set quota_bytes = %s where id = %s", [size, tenant.id])


def move_times_back(tenant: Tenant, seconds: int) -> None:
    """Move the expiry and lease times of the tenant's uploads back by so many seconds. No job runs."""
    with owner() as connection:
        connection.execute(
            "update uploads set expires_at = expires_at - make_interval(secs => %(s)s), "
            "lease_until = lease_until - make_interval(secs => %(s)s) "
            "where organization_id = %(organization)s",
            {"s": seconds, "organization": tenant.id},
        )


def reserved(tenant: Tenant) -> int:
    answer = tenant.studio.get(f"/api/organization/{tenant.id}/usage").json()
    number: int = answer["bytes"]["reserved"]
    return number


def sign(tenant: Tenant, **metadata: str) -> dict[str, Any]:
    answer = tenant.studio.get(
        "/api/upload/s3/params",
        params={"filename": "a.jpg", **{f"metadata[{k}]": v for k, v in metadata.items()}},
    )
    answered: dict[str, Any] = answer.json() | {"status": answer.status_code}
    return answered


def largest(signed: dict[str, Any]) -> int:
    """Return the most bytes that the form's policy allows."""
    for condition in json.loads(base64.b64decode(signed["fields"]["policy"]))["conditions"]:
        if isinstance(condition, list) and condition[0] == "content-length-range":
            return int(condition[2])
    raise AssertionError("the policy allows any size")


def test_a_form_without_a_size_reserves_its_limit_but_no_more_than_is_left(tenant: Tenant) -> None:
    whole = sign(tenant)
    assert (largest(whole), reserved(tenant)) == (100 * MIB, 100 * MIB)
    limit(tenant, 150 * MIB)

    rest = sign(tenant)

    assert (rest["status"], largest(rest), reserved(tenant)) == (200, 50 * MIB, 150 * MIB)
    more = sign(tenant)
    assert more == {
        "status": 413,
        "code": "quota_exceeded",
        "error": f"The organization's storage is full: 0 of {150 * MIB} bytes are used, "
        f"{150 * MIB} are reserved by other uploads, "
        "and nothing is left",
    }
    assert sign(tenant, size="1") == more | {
        "error": more["error"].replace("nothing is left", "this file has 1")
    }
    assert tenant.inconsistencies() == []


def test_a_form_with_a_smaller_limit_accepts_what_fits(tenant: Tenant) -> None:
    limit(tenant, 10 * len(PHOTO))
    signed = sign(tenant)
    assert largest(signed) == 10 * len(PHOTO)

    over = http().post(
        signed["url"], data=signed["fields"], files={"file": ("a.jpg", PHOTO * 11, "image/jpeg")}
    )
    within = http().post(signed["url"], data=signed["fields"], files={"file": ("a.jpg", PHOTO, "image/jpeg")})

    assert (over.status_code, within.status_code) == (400, 201)
    assert tenant.finished(signed["mediaId"])["state"] == "ready"
    assert (reserved(tenant), tenant.inconsistencies()) == (0, [])


def test_a_form_reserves_until_it_cannot_be_posted_and_its_bytes_have_had_time_to_land(
    tenant: Tenant,
) -> None:
    limit(tenant, 100 * MIB)
    signed = sign(tenant)

    move_times_back(tenant, signed["expires"] + 14 * 60)
    assert (reserved(tenant), sign(tenant)["status"]) == (100 * MIB, 413)
    move_times_back(tenant, 2 * 60)

    assert (reserved(tenant), sign(tenant)["status"]) == (0, 200)  # no job has run
    assert tenant.inconsistencies() == []


@pytest.mark.parametrize("state", ["created", "uploading", "completing"])
def test_a_session_reserves_its_declared_size_until_it_expires(tenant: Tenant, state: str) -> None:
    limit(tenant, 100)
    upload = begin(tenant, size=80)
    with owner() as connection:
        connection.execute(
            "update uploads set state = %s,"
            " lease_until = case when %s = 'completing' then now() + interval '26 hours' end"
            " where version_id = %s",
            [state, state, upload.media],
        )

    move_times_back(tenant, 24 * 3600 + 60)
    while_leased = reserved(tenant)
    move_times_back(tenant, 2 * 3600)

    assert (while_leased, reserved(tenant)) == (80 if state == "completing" else 0, 0)
    assert sign(tenant, size="100")["status"] == 200


def test_an_ended_upload_reserves_nothing(tenant: Tenant) -> None:
    aborted, rejected = begin(tenant, size=len(PHOTO)), sign(tenant, size="100")
    assert reserved(tenant) == len(PHOTO) + 100

    aborted.abort()
    http().post(rejected["url"], data=rejected["fields"], files={"file": ("a.jpg", b"x" * 100, "image/jpeg")})

    assert tenant.finished(rejected["mediaId"])["state"] == "rejected"
    assert (reserved(tenant), tenant.inconsistencies()) == (0, [])


def test_an_upload_without_a_declared_size_cannot_use_the_reservations_of_others(tenant: Tenant) -> None:
    limit(tenant, 4 * len(PHOTO))
    upload = begin(tenant)
    upload.put(1, PHOTO)
    begin(tenant, size=4 * len(PHOTO) - 100)

    answer = upload.complete()

    assert (answer.status_code, answer.json()) == (
        422,
        {
            "error": "The file was refused: The organization's storage is full: "
            f"0 of {4 * len(PHOTO)} bytes are used, "
            f"{4 * len(PHOTO) - 100} are reserved by other uploads, and this file has {len(PHOTO)}",
            "code": "upload_rejected",
        },
    )
    assert tenant.inconsistencies() == []
