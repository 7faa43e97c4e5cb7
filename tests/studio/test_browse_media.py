"""GET /api/dataset/{datasetId}/media"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.given import pictures
from tests.given.answers import outcome
from tests.given.isolation_cases import NOWHERE, owner
from tests.given.protocol import begin
from vitrine.library import folders
from vitrine.models.places import FolderPath

if TYPE_CHECKING:
    import httpx

    from tests.given.tenants import Tenant

PHOTO = pictures.jpeg(60, 40, seed=31)


def browse(tenant: Tenant, **query: object) -> httpx.Response:
    return tenant.studio.get(
        f"/api/dataset/{tenant.collection_id.hex}/media",
        params={name: str(value) for name, value in query.items()},
    )


def page(tenant: Tenant, **query: object) -> tuple[list[str], dict[str, Any]]:
    """The names on a page, and its pagination."""
    answer = browse(tenant, **query)
    assert answer.status_code == 200, answer.text
    return [each["name"] for each in answer.json()["media"]], answer.json()["pagination"]


@pytest.fixture
def dozen(tenant: Tenant) -> Tenant:
    """An organization with twelve folders at the root. Two pairs of them have equal creation times."""
    for number in range(12):
        folders.create(
            tenant.owner,
            tenant.collection_id,
            f"{number:02}",
            path=FolderPath(tenant.collection_id),
            reuse=False,
        )
    with owner() as connection:
        connection.execute(
            """
            update media
               set created_at = '2026-01-01'::timestamptz
                                + least(name::int, 8 + (name::int - 8) / 2) * interval '1 s'
             where organization_id = %s
            """,
            [tenant.id],
        )
    return tenant


NAMES = [f"{number:02}" for number in range(11, -1, -1)]  # newest first; of equal times the larger id first


def test_an_item_is_shown_as_get_media_shows_it(tenant: Tenant) -> None:
    photo = tenant.ready(PHOTO)

    answer = browse(tenant)

    alone = tenant.studio.get(f"/api/media/{photo}").json()["media"]
    shown = answer.json()["media"][0]
    assert outcome(answer) == (
        200,
        {
            "media": [alone | {"frames": shown["frames"]}],  # their URLs are signed again for each response
            "pagination": {"total": 1, "limit": 10, "offset": 0, "hasMore": False, "nextCursor": None},
        },
    )
    assert [{**frame, "blob": "", "thumbnailBlob": ""} for frame in shown["frames"]] == [
        {**frame, "blob": "", "thumbnailBlob": ""} for frame in alone["frames"]
    ]


def test_newest_items_come_first_ten_on_a_page(dozen: Tenant) -> None:
    names, pagination = page(dozen)

    assert names == NAMES[:10]
    assert pagination == {
        "total": 12,
        "limit": 10,
        "offset": 0,
        "hasMore": True,
        "nextCursor": pagination["nextCursor"],
    }
    assert isinstance(pagination["nextCursor"], str)


@pytest.mark.parametrize("limit", [1, 2, 5, 11, 12, 13])
def test_following_cursors_returns_every_item_once(dozen: Tenant, limit: int) -> None:
    found, pagination = page(dozen, limit=limit)
    while pagination["hasMore"]:
        names, pagination = page(dozen, limit=limit, cursor=pagination["nextCursor"])
        found += names

    assert found == NAMES
    assert pagination["nextCursor"] is None


@pytest.mark.parametrize(
    ("limit", "offset"), [(5, 0), (5, 5), (5, 10), (5, 12), (5, 9007199254740991), (1000, 3), (12, 0)]
)
def test_an_offset_skips_items(dozen: Tenant, limit: int, offset: int) -> None:
    names, pagination = page(dozen, limit=limit, offset=offset)

    more = offset + limit < 12
    assert names == NAMES[offset : offset + limit]
    assert pagination == {
        "total": 12,
        "limit": limit,
        "offset": offset,
        "hasMore": more,
        "nextCursor": pagination["nextCursor"] if more else None,
    }


def test_items_added_between_two_pages_shift_no_item(dozen: Tenant) -> None:
    first, pagination = page(dozen, limit=6)
    folders.create(dozen.owner, dozen.collection_id, "new", path=None, reuse=False)

    second, _ = page(dozen, limit=6, cursor=pagination["nextCursor"])

    assert first + second == NAMES


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("limit", "0", "Must be 1 or more"),
        ("limit", "-1", "Must be 1 or more"),
        ("limit", "1001", "Must be 1000 or less"),
        ("limit", "NaN", "Must be a whole number"),
        ("limit", "1.5", "Must be a whole number"),
        ("limit", "ten", "Must be a whole number"),
        ("limit", "9" * 5000, "Must be a smaller number"),
        ("offset", "-1", "Must be 0 or more"),
        ("offset", "9007199254740992", "Must be 9007199254740991 or less"),
        ("offset", "NaN", "Must be a whole number"),
        ("type", "audio", "Must be one of image, video, folder, all"),
        ("sortDirection", "up", "Must be one of asc, desc"),
    ],
)
def test_a_parameter_out_of_bounds_is_rejected(tenant: Tenant, name: str, value: str, message: str) -> None:
    assert outcome(browse(tenant, **{name: value})) == (
        400,
        {"error": f"{name}: {message}", "code": "invalid", "details": [{"path": [name], "message": message}]},
    )


@pytest.mark.parametrize("value", ["x", "*", "0", "a" * 43, "%F0", NOWHERE])
def test_an_unknown_cursor_is_rejected(tenant: Tenant, value: str) -> None:
    answer = browse(tenant, cursor=value)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_an_empty_parameter_counts_as_absent(dozen: Tenant) -> None:
    assert page(dozen, limit="", offset="", type="", path="", cursor="", q="") == page(dozen)


def test_a_type_filters_the_items(tenant: Tenant) -> None:
    folders.create(tenant.owner, tenant.collection_id, "A folder", path=None, reuse=False)
    tenant.ready(PHOTO, "a.jpg")

    listed = {
        kind: (names, pagination["total"])
        for kind in ("all", "folder", "image", "video")
        for names, pagination in [page(tenant, type=kind)]
    }

    assert listed == {
        "all": (["a.jpg", "A folder"], 2),
        "folder": (["A folder"], 1),
        "image": (["a.jpg"], 1),
        "video": ([], 0),
    }


def test_only_items_directly_in_the_folder_are_listed(tenant: Tenant) -> None:
    outer = folders.create(tenant.owner, tenant.collection_id, "outer", path=None, reuse=False)
    inner = folders.create(tenant.owner, tenant.collection_id, "inner", path=outer.path, reuse=False)
    photo = tenant.ready(PHOTO, "a.jpg", path=str(inner.path))

    levels = [
        page(tenant)[0],
        page(tenant, path=str(outer.path))[0],
        page(tenant, path=inner.id)[0],
        page(tenant, path=tenant.collection_id)[0],
    ]

    assert levels == [["outer"], ["inner"], ["a.jpg"], ["outer"]]
    assert browse(tenant, path=inner.id.hex).json()["media"][0]["path"] == f"{inner.path!s}.{photo}"


def test_an_unverified_item_is_listed_without_content(tenant: Tenant) -> None:
    begin(tenant)
    with owner() as connection:  # the state between insertion and verification
        connection.execute(
            "update media set verified_at = null, processing = 'pending' where id = %s", [tenant.ready(PHOTO)]
        )

    shown = browse(tenant).json()["media"]

    assert [(each["blob"], each["frames"], each["processing"]) for each in shown] == [
        (None, [], {"state": "pending", "reason": None})
    ]


def test_the_path_of_a_file_is_rejected(tenant: Tenant) -> None:
    photo = tenant.ready(PHOTO)

    assert outcome(browse(tenant, path=photo)) == (
        400,
        {"error": "path is a file, not a folder", "code": "invalid"},
    )


@pytest.mark.parametrize("path", ["nonsense", "a/b", "..", "*", "%"])
def test_an_invalid_path_is_rejected(tenant: Tenant, path: str) -> None:
    assert outcome(browse(tenant, path=path)) == (
        400,
        {
            "error": "path is not a path: ids joined by dots, from the collection down to a folder",
            "code": "invalid",
        },
    )


def test_a_missing_folder_is_not_found(tenant: Tenant, stranger: Tenant) -> None:
    theirs = folders.create(stranger.owner, stranger.collection_id, "theirs", path=None, reuse=False)

    for path in (NOWHERE, theirs.id.hex, str(theirs.path), stranger.collection_id.hex):
        assert outcome(browse(tenant, path=path)) == (404, {"error": "Folder not found", "code": "not_found"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("q", "x"),
        ("tags", "x"),
        ("tagFilters", "{}"),
        ("similarToObjectId", NOWHERE),
        ("similarToObjectModel", "faces"),
        ("clusterId", NOWHERE),
        ("mediaId", NOWHERE),
        ("recursive", "true"),
        ("dateFrom", "2026-01-01"),
        ("dateTo", "2026-01-01"),
        ("minScore", "0.5"),
    ],
)
def test_an_unsupported_filter_is_reported_and_not_ignored(tenant: Tenant, name: str, value: str) -> None:
    assert outcome(browse(tenant, **{name: value})) == (
        501,
        {"error": f"The parameter {name} is not served by this deployment yet", "code": "not_served"},
    )


@pytest.mark.parametrize(
    ("query", "name"), [({"sortBy": "name"}, "sortBy"), ({"sortDirection": "asc"}, "sortDirection")]
)
def test_an_unsupported_order_is_reported(tenant: Tenant, query: dict[str, str], name: str) -> None:
    assert outcome(browse(tenant, **query)) == (
        501,
        {
            "error": f"The parameter {name} is not served by this deployment yet, "
            "but for createdAt in descending order",
            "code": "not_served",
        },
    )


def test_the_supported_order_may_be_named(dozen: Tenant) -> None:
    assert page(dozen, sortBy="createdAt", sortDirection="desc", recursive="false") == page(dozen)
