"""GET /api/v1/media"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.given import pictures
from tests.given.isolation_cases import NOWHERE, owner
from tests.given.shapes import A_TIME, hyphened
from tests.given.tenants import Tenant, http
from vitrine.library import folders, organizations

SMALL, LARGE = pictures.jpeg(40, 30, seed=71), pictures.jpeg(400, 300, seed=72)
SAFE = 9007199254740991

Issue = dict[str, Any]


def listed(tenant: Tenant, query: str = "") -> httpx.Response:
    return tenant.studio.get(f"/api/v1/media{query}")


def names(tenant: Tenant, query: str = "") -> list[str]:
    answer = listed(tenant, query)
    assert answer.status_code == 200, answer.text
    return [each["filename"] for each in answer.json()["data"]["data"]]


def low(name: str, minimum: int) -> Issue:
    return {
        "origin": "number",
        "code": "too_small",
        "minimum": minimum,
        "inclusive": True,
        "path": [name],
        "message": f"Too small: expected number to be >={minimum}",
    }


def high(name: str, maximum: int) -> Issue:
    return {
        "origin": "number",
        "code": "too_big",
        "maximum": maximum,
        "inclusive": True,
        "path": [name],
        "message": f"Too big: expected number to be <={maximum}",
    }


def long(name: str, maximum: int) -> Issue:
    return {
        "origin": "string",
        "code": "too_big",
        "maximum": maximum,
        "inclusive": True,
        "path": [name],
        "message": f"Too big: expected string to have <={maximum} characters",
    }


def not_whole(name: str) -> Issue:
    return {
        "expected": "int",
        "format": "safeint",
        "code": "invalid_type",
        "path": [name],
        "message": "Invalid input: expected int, received number",
    }


def not_a_number(name: str) -> Issue:
    return {
        "expected": "number",
        "code": "invalid_type",
        "received": "NaN",
        "path": [name],
        "message": "Invalid input: expected number, received NaN",
    }


def infinite(name: str) -> Issue:
    return {
        "expected": "number",
        "code": "invalid_type",
        "received": "Infinity",
        "path": [name],
        "message": "Invalid input: expected number, received number",
    }


def unsafe(name: str) -> Issue:
    return {
        "code": "too_big",
        "maximum": SAFE,
        "note": "Integers must be within the safe integer range.",
        "origin": "int",
        "inclusive": True,
        "path": [name],
        "message": f"Too big: expected int to be <={SAFE}",
    }


def none_of(name: str, *values: str) -> Issue:
    return {
        "code": "invalid_value",
        "values": list(values),
        "path": [name],
        "message": "Invalid option: expected one of " + "|".join(f'"{value}"' for value in values),
    }


def test_an_empty_team_has_an_empty_page(tenant: Tenant) -> None:
    answer = listed(tenant)

    assert (answer.status_code, answer.json()) == (
        200,
        {
            "success": True,
            "data": {"data": [], "total": 0, "limit": 20, "offset": 0},
            "info": {"timestamp": A_TIME, "limit": 20, "offset": 0, "total": 0},
        },
    )


def test_a_file_is_shown_in_its_envelope(tenant: Tenant) -> None:
    photo = tenant.ready(
        SMALL, "a b.jpg", name="Another name", title="A title", alt="An alt", caption="A caption"
    )

    answer = listed(tenant)

    shown = {
        "id": hyphened(photo),
        "userId": str(tenant.owner.user_id),
        "teamId": str(tenant.id),
        "url": answer.json()["data"]["data"][0]["url"],
        "filename": "a b.jpg",
        "fileSize": len(SMALL),
        "mimeType": "image/jpeg",
        "width": 40,
        "height": 30,
        "title": "A title",
        "alt": "An alt",
        "caption": "A caption",
        "status": "active",
        "createdAt": A_TIME,
        "updatedAt": A_TIME,
        "processing": {"state": "ready", "reason": None},
    }
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "success": True,
            "data": {"data": [shown], "total": 1, "limit": 20, "offset": 0},
            "info": {"timestamp": A_TIME, "limit": 20, "offset": 0, "total": 1},
        },
    )
    assert http().get(str(shown["url"]), follow_redirects=True).content == SMALL


@pytest.fixture(scope="module")
def gallery() -> Tenant:
    """With files whose order by name, size and time is not the same; one of them in a folder, and one
    deleted.
    """
    tenant = Tenant.create(uuid4().hex)
    folder = folders.create(tenant.owner, tenant.collection_id, "A folder", path=None, reuse=False)
    pictures_by_name = {"b.jpg": SMALL, "a.jpg": LARGE, "Z.jpg": SMALL, "ä.jpg": SMALL, "gone.jpg": SMALL}
    photos = {
        name: tenant.post_file(data, name, **({"path": str(folder.path)} if name == "a.jpg" else {}))
        for name, data in pictures_by_name.items()
    }
    assert [tenant.finished(photo)["state"] for photo in photos.values()] == ["ready"] * 5
    tenant.studio.delete(f"/api/media/{photos['gone.jpg']}")
    with owner() as connection:
        for second, name in enumerate(pictures_by_name):
            connection.execute(
                "update media set created_at = '2026-01-01'::timestamptz + %s * interval '1 s' where id = %s",
                [second, photos[name]],
            )
    return tenant


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["ä.jpg", "Z.jpg", "a.jpg", "b.jpg"]),
        ("?orderDir=asc", ["b.jpg", "a.jpg", "Z.jpg", "ä.jpg"]),
        ("?orderBy=filename&orderDir=asc", ["Z.jpg", "a.jpg", "b.jpg", "ä.jpg"]),  # by code point
        ("?orderBy=filename", ["ä.jpg", "b.jpg", "a.jpg", "Z.jpg"]),
        ("?limit=2", ["ä.jpg", "Z.jpg"]),
        ("?limit=2&offset=3", ["b.jpg"]),
        ("?offset=4", []),
        ("?type=image", ["ä.jpg", "Z.jpg", "a.jpg", "b.jpg"]),
        # unknown parameters are ignored
        ("?type=all&status=deleted&unknown=1", ["ä.jpg", "Z.jpg", "a.jpg", "b.jpg"]),
        ("?type=video", []),
        ("?limit=%205%20&offset=0x1", ["Z.jpg", "a.jpg", "b.jpg"]),  # numbers as JavaScript reads them
        ("?limit=1e1&offset=", ["ä.jpg", "Z.jpg", "a.jpg", "b.jpg"]),
        ("?limit=0b11&limit=1", ["ä.jpg"]),  # the last of a repeated parameter counts
        ("?search=&tagIds=&tagSlugs=,,", ["ä.jpg", "Z.jpg", "a.jpg", "b.jpg"]),
    ],
)
@pytest.mark.sampled(3)
def test_files_of_all_folders_are_listed_in_the_requested_order(
    gallery: Tenant, query: str, expected: list[str]
) -> None:
    assert names(gallery, query) == expected


@pytest.mark.parametrize(
    ("query", "total"),
    [("", 4), ("?limit=1", 4), ("?offset=100", 4), ("?type=video", 0), ("?type=image&limit=1", 4)],
)
def test_the_total_is_over_all_pages(gallery: Tenant, query: str, total: int) -> None:
    answered = listed(gallery, query).json()

    assert (answered["data"]["total"], answered["info"]["total"]) == (total, total)


def test_by_size_the_largest_comes_first_and_ties_go_by_id(gallery: Tenant) -> None:
    down, up = names(gallery, "?orderBy=fileSize"), names(gallery, "?orderBy=fileSize&orderDir=asc")

    assert (down[0], down) == ("a.jpg", up[::-1])


@pytest.mark.parametrize(
    ("query", "issues"),
    [
        ("?limit=0", [low("limit", 1)]),
        ("?limit=", [low("limit", 1)]),
        ("?limit=-1", [low("limit", 1)]),
        ("?limit=101", [high("limit", 100)]),
        ("?limit=NaN", [not_a_number("limit")]),
        ("?limit=ten", [not_a_number("limit")]),
        ("?limit=1.5", [not_whole("limit")]),
        ("?limit=Infinity", [infinite("limit")]),
        ("?limit=9007199254740992", [unsafe("limit"), high("limit", 100)]),
        ("?offset=-1", [low("offset", 0)]),
        ("?offset=9007199254740992", [unsafe("offset")]),
        (f"?search={'x' * 501}", [long("search", 500)]),
        (
            f"?tagSlugs={'x' * 4001}&tagIds={',' * 4001}&search={'x' * 499}%F0%9F%93%B7",
            [
                long("search", 500),
                long("tagIds", 4000),
                long("tagSlugs", 4000),
            ],
        ),
        ("?orderBy=uploadedAt", [none_of("orderBy", "createdAt", "filename", "fileSize")]),
        ("?orderDir=ASC", [none_of("orderDir", "asc", "desc")]),
        ("?type=folder", [none_of("type", "image", "video", "all")]),
        (
            "?type=&orderDir=x&orderBy=&offset=x&limit=0",
            [
                low("limit", 1),
                not_a_number("offset"),
                none_of("orderBy", "createdAt", "filename", "fileSize"),
                none_of("orderDir", "asc", "desc"),
                none_of("type", "image", "video", "all"),
            ],
        ),
    ],
)
def test_wrong_input_has_the_issues_of_zod(tenant: Tenant, query: str, issues: list[Issue]) -> None:
    answer = listed(tenant, query)

    assert (answer.status_code, answer.json()) == (
        400,
        {
            "success": False,
            "error": "Invalid query parameters",
            "code": "HTTP_400",
            "details": {"errors": issues},
            "info": {"timestamp": A_TIME},
        },
    )
    # the keys' order too
    assert [list(issue) for issue in answer.json()["details"]["errors"]] == [list(issue) for issue in issues]


def test_an_issue_is_the_same_byte_for_byte(tenant: Tenant) -> None:
    assert (
        b'{"errors":[{"origin":"number","code":"too_big","maximum":100,"inclusive":true,"path":["limit"],'
        b'"message":"Too big: expected number to be <=100"}]}'
    ) in listed(tenant, "?limit=101").content


def test_a_search_finds_files_and_counts_them_over_all_pages(gallery: Tenant) -> None:
    described = {
        "a.jpg": ("A title", "Zebra crossing"),
        "b.jpg": ("100%", None),
        "Z.jpg": (None, "the zebras"),
    }
    with owner() as connection:
        for name, (title, alt) in described.items():
            connection.execute(
                "update media set title = %s, alt = %s where organization_id = %s and filename = %s",
                [title, alt, gallery.id, name],
            )
    cases = {
        "?search=zebra": (["Z.jpg", "a.jpg"], 2),
        "?search=crossings+zebras": (["a.jpg"], 1),
        "?search=the%20zebra&orderBy=filename": (["a.jpg", "Z.jpg"], 2),
        "?search=zebra&limit=1&offset=1": (["a.jpg"], 2),
        "?search=zebra&offset=2": ([], 2),
        "?search=zebra&type=video": ([], 0),
        "?search=%25": (["b.jpg"], 1),
        "?search=_": ([], 0),
        "?search=.JPG&orderBy=fileSize&limit=1": (["a.jpg"], 4),
        "?search=%C3%84": (["ä.jpg"], 1),
        "?search=gone": ([], 0),
        f"?search={'x' * 500}": ([], 0),
        f"?search={'%F0%9F%93%B7' * 250}": ([], 0),
        f"?tagIds={',' * 4000}": (["ä.jpg", "Z.jpg", "a.jpg", "b.jpg"], 4),
    }

    answered = {query: listed(gallery, query).json()["data"] for query in cases}

    found = {
        query: ([each["filename"] for each in data["data"]], data["total"])
        for query, data in answered.items()
    }
    assert {query: (each, cases[query]) for query, each in found.items() if each != cases[query]} == {}


def test_files_are_filtered_by_id_and_slug_of_tags(gallery: Tenant) -> None:
    photos = {each["filename"]: each["id"] for each in listed(gallery).json()["data"]["data"]}
    for name, value in (
        ("a.jpg", "Summer Days"),
        ("b.jpg", "Summer Days"),
        ("b.jpg", "Beach"),
        ("Z.jpg", "Beach"),
    ):
        assert (
            gallery.studio.post(
                f"/api/media/{photos[name]}/tags", json={"label": "tags", "value": value}
            ).status_code
            == 200
        )
    with owner() as connection:
        ids = {
            row["slug"]: row["id"]
            for row in connection.execute(
                "select slug, id from tags where organization_id = %s", [gallery.id]
            )
        }
    summer, beach = ids["summer-days"], ids["beach"]
    cases = {
        f"tagIds={summer}": ["a.jpg", "b.jpg"],
        f"tagIds={summer.hex},{str(beach).upper()}": ["Z.jpg", "a.jpg", "b.jpg"],
        "tagSlugs=beach": ["Z.jpg", "b.jpg"],
        f"tagIds=,{summer},,&tagSlugs=beach,": ["b.jpg"],
        f"tagIds={summer},%20{beach}": ["a.jpg", "b.jpg"],
        "tagSlugs=%20beach": [],
        "tagSlugs=Beach": [],
        "tagIds=nonsense": [],
        f"tagIds={NOWHERE}": [],
        f"tagIds=nonsense,{beach}": ["Z.jpg", "b.jpg"],
        "tagSlugs=nothing,beach": ["Z.jpg", "b.jpg"],
        f"tagIds={beach}&search=z.jpg": ["Z.jpg"],
        "tagSlugs=beach&tagSlugs=summer-days": ["a.jpg", "b.jpg"],
    }

    found = {query: names(gallery, f"?orderBy=filename&orderDir=asc&{query}") for query in cases}

    assert {
        query: (each, cases[query]) for query, each in found.items() if sorted(each) != sorted(cases[query])
    } == {}
    assert gallery.inconsistencies() == []


def test_files_that_are_not_verified_are_not_listed(tenant: Tenant) -> None:
    photo = tenant.ready(SMALL)
    with owner() as connection:
        connection.execute(
            "update media set verified_at = null, processing = 'pending' where id = %s", [photo]
        )

    assert names(tenant) == []


def test_an_unknown_team_and_a_foreign_team_have_different_errors(tenant: Tenant, stranger: Tenant) -> None:
    unknown, foreign = (
        tenant.studio.get("/api/v1/media", headers={"x-team-id": team})
        for team in (NOWHERE, str(stranger.id))
    )

    assert (unknown.status_code, unknown.json()) == (
        403,
        {"success": False, "error": "Team not found", "code": "TEAM_NOT_FOUND"},
    )
    assert (foreign.status_code, foreign.json()) == (
        403,
        {
            "success": False,
            "error": "Access denied: You are not a member of this team",
            "code": "NOT_A_MEMBER",
        },
    )


def test_a_caller_in_no_team_is_rejected(tenant: Tenant) -> None:
    with owner() as connection:
        connection.execute("delete from memberships where organization_id = %s", [tenant.id])

    answer = listed(tenant)

    assert (answer.status_code, answer.json()) == (
        400,
        {"success": False, "error": "Team context required. Include x-team-id header."},
    )


def test_the_team_is_the_one_named_or_else_the_first(tenant: Tenant, stranger: Tenant) -> None:
    organizations.add_member(stranger.id, tenant.owner.user_id, "viewer")
    stranger.ready(SMALL, "theirs.jpg")

    named = [
        tenant.studio.get("/api/v1/media", headers=header).json()["data"]["total"]
        for header in (
            {},
            {"x-team-id": str(stranger.id)},
            {"x-team-id": stranger.id.hex},
            {"cookie": f"activeTeamId={stranger.id}"},
            {"x-team-id": ""},
        )
    ]

    assert named == [0, 1, 1, 1, 0]


def test_the_bearer_token_counts_before_x_api_key(tenant: Tenant, stranger: Tenant) -> None:
    stranger.ready(SMALL)

    answer = http().get(
        "/api/v1/media",
        headers={"authorization": f"Bearer {stranger.studio.key}", "x-api-key": tenant.studio.key or ""},
    )

    assert answer.json()["data"]["total"] == 1


def test_a_rejected_credential_gets_no_further_information() -> None:
    answer = http().get("/api/v1/media", headers={"authorization": "Bearer nonsense"})

    assert (answer.status_code, answer.json()) == (
        401,
        {"success": False, "error": "Unauthorized", "code": "HTTP_401", "info": {"timestamp": A_TIME}},
    )
    assert "www-authenticate" not in answer.headers
