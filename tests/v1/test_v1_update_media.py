"""PATCH /api/v1/media/{id}"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.given.answers import outcome
from tests.given.isolation_cases import NOWHERE, owner
from tests.given.shapes import A_TIME, hyphened
from tests.given.tags import folder, photo, shown
from tests.given.team_tags import NO_MEDIA, done, rejected
from vitrine.library import organizations

if TYPE_CHECKING:
    from tests.given.tenants import Tenant

URL = "/api/v1/media"


def too_long(name: str, most: int) -> dict[str, object]:
    message = f"Too big: expected string to have <={most} characters"
    return {
        "origin": "string",
        "code": "too_big",
        "maximum": most,
        "inclusive": True,
        "path": [name],
        "message": message,
    }


def test_fields_that_are_sent_change_and_the_others_stay_in_both_apis(tenant: Tenant) -> None:
    item = photo(tenant, title="A title", alt="An alt")
    before, etag = tenant.studio.get(f"{URL}/{item}").json()["data"], shown(tenant, item)[1]

    answer = tenant.studio.patch(
        f"{URL}/{item}", json={"alt": None, "caption": "", "filename": "x.jpg", "status": "deleted", "id": 1}
    )

    after = answer.json()["data"]
    assert outcome(answer) == done({**before, "alt": None, "caption": "", "updatedAt": A_TIME})
    assert after["updatedAt"] > before["updatedAt"]
    assert tenant.studio.get(f"{URL}/{item}").json()["data"] == after
    media, changed = shown(tenant, item)
    assert (media["metadata"]["title"], media["metadata"].get("alt"), media["updatedById"]) == (
        "A title",
        None,
        tenant.owner.user_id.hex,
    )
    assert changed != etag

    assert (
        tenant.studio.patch(f"/api/media/{item}", json={"metadata": {"title": "By Studio"}}).status_code
        == 200
    )
    assert tenant.studio.get(f"{URL}/{item}").json()["data"]["title"] == "By Studio"
    # v1 ignores If-Match
    assert (
        outcome(tenant.studio.patch(f"{URL}/{item}", json={"alt": "By v1"}, headers={"if-match": changed}))[0]
        == 200
    )
    assert tenant.inconsistencies() == []


def test_every_write_changes_the_row_version(tenant: Tenant) -> None:
    item = photo(tenant)

    etags = {shown(tenant, item)[1]}
    for _ in range(2):
        assert tenant.studio.patch(f"{URL}/{item}", json={"title": "The same"}).status_code == 200
        etags.add(shown(tenant, item)[1])

    assert len(etags) == 3


def test_limits_count_utf_16_units_and_all_issues_are_reported(tenant: Tenant) -> None:
    item = photo(tenant)
    most = {"title": "\N{CAMERA}" * 127 + "x", "alt": "é" * 500, "caption": "c" * 1000}
    number = {
        "expected": "string",
        "code": "invalid_type",
        "path": ["title"],
        "message": "Invalid input: expected string, received number",
    }
    cases: list[tuple[Any, tuple[int, dict[str, object]]]] = [
        (
            {name: text + "x" for name, text in most.items()},
            rejected(
                400,
                "Validation failed",
                too_long("title", 255),
                too_long("alt", 500),
                too_long("caption", 1000),
            ),
        ),
        ({"title": "\N{CAMERA}" * 128}, rejected(400, "Validation failed", too_long("title", 255))),
        ({"title": 1, "alt": "kept out"}, rejected(400, "Validation failed", number)),
        (
            [],
            rejected(
                400,
                "Validation failed",
                {
                    "expected": "object",
                    "code": "invalid_type",
                    "path": [],
                    "message": "Invalid input: expected object, received array",
                },
            ),
        ),
        ({}, rejected(400, "No fields to update")),
        ({"filename": "x.jpg"}, rejected(400, "No fields to update")),
        ({"title": "a\0b"}, rejected(400, "A text holds a character that cannot be stored")),
    ]

    assert tenant.studio.patch(f"{URL}/{item}", json=most).status_code == 200
    kept = tenant.studio.get(f"{URL}/{item}").json()["data"]
    unlike = [
        (body, outcome(answer))
        for body, expected in cases
        if outcome(answer := tenant.studio.patch(f"{URL}/{item}", json=body)) != expected
    ]

    assert unlike == []
    assert outcome(tenant.studio.patch(f"{URL}/{item}", content=b"{")) == rejected(
        400, "The body is not valid JSON"
    )
    assert {name: kept[name] for name in most} == most
    assert tenant.studio.get(f"{URL}/{item}").json()["data"] == kept


def test_what_is_not_a_file_of_the_team_is_not_found_but_the_body_is_validated_first(
    tenant: Tenant, stranger: Tenant
) -> None:
    deleted, pending, others = photo(tenant, 1), photo(tenant, 2), photo(stranger, 3)
    tenant.studio.delete(f"{URL}/{deleted}")
    with owner() as connection:
        connection.execute(
            "update media set verified_at = null, processing = 'pending' where id = %s", [pending]
        )
    before = stranger.studio.get(f"{URL}/{others}").json()["data"]
    absent = [NOWHERE, "nonsense", "%20", deleted, pending, folder(tenant), others]

    assert [outcome(tenant.studio.patch(f"{URL}/{item}", json={"title": "x"})) for item in absent] == [
        NO_MEDIA
    ] * 7
    assert [outcome(tenant.studio.patch(f"{URL}/{item}", json={})) for item in absent] == [
        rejected(400, "No fields to update")
    ] * 7
    assert stranger.studio.get(f"{URL}/{others}").json()["data"] == before

    organizations.add_member(stranger.id, tenant.owner.user_id, "editor")
    there = {"x-team-id": str(stranger.id)}
    assert outcome(tenant.studio.patch(f"{URL}/{others}", json={"title": "x"})) == NO_MEDIA
    assert outcome(
        tenant.studio.patch(f"{URL}/{hyphened(others)}", json={"title": "x"}, headers=there)
    ) == done(
        {
            **before,
            "title": "x",
            "updatedAt": A_TIME,
        }
    )
