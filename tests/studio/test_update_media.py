"""PATCH /api/media/{mediaId}"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.given import pictures
from tests.given.answers import outcome
from tests.given.isolation_cases import owner
from tests.given.names import COMPOSED, DECOMPOSED, INVALID_BODIES, INVALID_NAMES, VALID_NAMES
from tests.given.shapes import A_TIME, AN_ETAG, hyphened
from vitrine.library import folders

if TYPE_CHECKING:
    import httpx

    from tests.given.tenants import Tenant

PHOTO = pictures.jpeg(60, 40, seed=81)
NOT_FOUND = (404, {"error": "Media not found", "code": "not_found"})
STALE = (412, {"error": "It has changed since it was read; read it again", "code": "stale"})
UNCHECKED: dict[str, Any] = {"status": "unchecked", "categories": [], "moderatedAt": None}


def a_folder(tenant: Tenant, name: str = "A folder") -> str:
    return folders.create(tenant.owner, tenant.collection_id, name, path=None, reuse=False).id.hex


def patch(tenant: Tenant, item: str, body: object, **headers: str) -> httpx.Response:
    return tenant.studio.patch(f"/api/media/{item}", json=body, headers=headers)


def metadata(tenant: Tenant, item: str) -> dict[str, Any]:
    found: dict[str, Any] = tenant.studio.get(f"/api/media/{item}").json()["media"]["metadata"]
    return found


def test_renaming_a_file_changes_nothing_else(tenant: Tenant) -> None:
    photo = tenant.ready(PHOTO, "DSC_1.jpg", title="A title")
    before = tenant.studio.get(f"/api/media/{photo}")

    answer = patch(tenant, photo, {"name": "hero-shot-final.jpg"})

    after = tenant.studio.get(f"/api/media/{photo}")
    frames = answer.json()["media"]["frames"]
    assert outcome(answer) == (
        200,
        {
            "media": {
                **before.json()["media"],
                "name": "hero-shot-final.jpg",
                "updatedAt": A_TIME,
                "updatedById": tenant.owner.user_id.hex,
                "frames": frames,
            }
        },
    )
    assert answer.json()["media"]["filename"] == "DSC_1.jpg"
    assert answer.json()["media"]["updatedAt"] > before.json()["media"]["updatedAt"]
    assert [frame["id"] for frame in frames] == [frame["id"] for frame in before.json()["media"]["frames"]]
    assert answer.headers["etag"] == after.headers["etag"] == AN_ETAG
    assert answer.headers["etag"] != before.headers["etag"]
    assert tenant.inconsistencies() == []


def test_a_folder_is_renamed_like_a_file(tenant: Tenant) -> None:
    folder = a_folder(tenant)

    answer = patch(tenant, hyphened(folder).upper(), {"name": "2026/07"})

    home = tenant.collection_id.hex
    assert outcome(answer) == (
        200,
        {
            "media": {
                "id": folder,
                "name": "2026/07",
                "type": "folder",
                "blob": "folder",
                "path": f"{home}.{folder}",
                "datasetId": home,
                "width": None,
                "height": None,
                "duration": None,
                "sizeBytes": 0,
                "createdAt": A_TIME,
                "updatedAt": A_TIME,
                "createdById": tenant.owner.user_id.hex,
                "updatedById": tenant.owner.user_id.hex,
                "status": "active",
                "sourceMediaId": None,
                "versionNumber": 1,
                "isActive": True,
                "filename": None,
                "mimeType": None,
                "takenAt": None,
                "placeholder": None,
                "colors": [],
                "sha256": None,
                "processing": None,
                "metadata": {"tags": {}, "moderation": UNCHECKED},
                "frames": [],
                "dataset": {"id": home, "name": "Default", "organizationId": tenant.id.hex},
                "folderItemCount": 0,
                "folderPreviews": [],
            }
        },
    )


@pytest.mark.parametrize("name", VALID_NAMES.values(), ids=VALID_NAMES)
def test_a_name_is_stored_as_it_was_sent(tenant: Tenant, name: str) -> None:
    folder = a_folder(tenant)

    assert patch(tenant, folder, {"name": name}).json()["media"]["name"] == name
    assert tenant.studio.get(f"/api/media/{folder}").json()["media"]["name"] == name


def test_a_decomposed_name_is_stored_composed(tenant: Tenant) -> None:
    assert patch(tenant, a_folder(tenant), {"name": DECOMPOSED}).json()["media"]["name"] == COMPOSED


@pytest.mark.parametrize(("name", "rejection"), INVALID_NAMES.values(), ids=INVALID_NAMES)
def test_an_invalid_name_is_rejected(tenant: Tenant, name: object, rejection: dict[str, object]) -> None:
    folder = a_folder(tenant)

    assert outcome(patch(tenant, folder, {"name": name, "metadata": {"x": 1}})) == (400, rejection)
    assert metadata(tenant, folder) == {"tags": {}, "moderation": UNCHECKED}


@pytest.mark.parametrize("body", [{}, {"title": "x"}, {"Name": "x"}, None])
def test_at_least_one_field_is_required(tenant: Tenant, body: object) -> None:
    folder = a_folder(tenant)

    answer = (
        patch(tenant, folder, body)
        if body is not None
        else tenant.studio.patch(f"/api/media/{folder}", headers={"content-type": "application/json"})
    )

    assert outcome(answer) == (400, {"error": "Neither name nor metadata was provided", "code": "invalid"})


@pytest.mark.parametrize("body", [body for body, _ in INVALID_BODIES.values()], ids=INVALID_BODIES)
def test_an_invalid_body_is_rejected(tenant: Tenant, body: bytes) -> None:
    answer = tenant.studio.patch(f"/api/media/{a_folder(tenant)}", content=body)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_metadata_is_replaced_as_a_whole(tenant: Tenant) -> None:
    photo = tenant.ready(PHOTO, title="Old", alt="Old", caption="Old")
    first = {
        "title": "T",
        "alt": "A",
        "caption": "C",
        "tags": {"season": ["summer", "autumn"], "tags": ["Brand"]},
        "prompt": "a red shoe",
        "nested": {"list": [1, 2.5, True, None, "é"], "empty": {}},
    }

    one = patch(tenant, photo, {"metadata": first})
    other = patch(
        tenant, photo, {"metadata": {"alt": "Another", "tags": {"season": ["winter"]}}, "name": "both"}
    )
    none = patch(tenant, photo, {"metadata": {}})

    assert one.json()["media"]["metadata"] == {
        **first,
        "tags": {"season": ["autumn", "summer"], "tags": ["Brand"]},
        "moderation": UNCHECKED,
    }
    assert other.json()["media"]["metadata"] == {
        "alt": "Another",
        "tags": {"season": ["winter"]},
        "moderation": UNCHECKED,
    }
    assert other.json()["media"]["name"] == "both"
    assert (
        none.json()["media"]["metadata"] == {"tags": {}, "moderation": UNCHECKED} == metadata(tenant, photo)
    )
    assert tenant.inconsistencies() == []


def test_metadata_can_be_sent_back_as_it_was_read(tenant: Tenant) -> None:
    photo = tenant.ready(PHOTO, title="T")
    patch(tenant, photo, {"metadata": {"tags": {"a": ["b"]}, "prompt": "x", "title": "T"}})
    read = metadata(tenant, photo)

    answer = patch(tenant, photo, {"metadata": {**read, "added": 1}})

    assert answer.json()["media"]["metadata"] == {**read, "added": 1}


def test_fields_of_the_server_are_ignored(tenant: Tenant) -> None:
    photo = tenant.ready(PHOTO)
    theirs = {
        "moderation": {"status": "approved"},
        "exif": {"Make": "x"},
        "processing": {"state": "failed"},
        "exiF": 1,
    }

    answer = patch(tenant, photo, {"metadata": theirs})

    assert answer.json()["media"]["metadata"] == {"exiF": 1, "tags": {}, "moderation": UNCHECKED}
    assert answer.json()["media"]["processing"] == {"state": "ready", "reason": None}
    with owner() as connection:
        assert connection.execute("select metadata from media where id = %s", [photo]).fetchone() == {
            "metadata": {"exiF": 1}
        }


def test_null_clears_a_field(tenant: Tenant) -> None:
    answer = patch(
        tenant,
        a_folder(tenant),
        {"metadata": {"title": None, "alt": None, "caption": None, "tags": None, "other": None}},
    )

    assert answer.json()["media"]["metadata"] == {"other": None, "tags": {}, "moderation": UNCHECKED}


@pytest.mark.parametrize(
    ("metadata_sent", "path", "message"),
    [
        (None, [], "Must be an object"),
        ([], [], "Must be an object"),
        ("x", [], "Must be an object"),
        ({"title": 1}, ["title"], "Must be a string"),
        ({"title": "x" * 256}, ["title"], "Must have at most 255 characters"),
        ({"alt": "x" * 501}, ["alt"], "Must have at most 500 characters"),
        ({"caption": "x" * 1001}, ["caption"], "Must have at most 1000 characters"),
        ({"caption": ["x"]}, ["caption"], "Must be a string"),
        ({"tags": ["x"]}, ["tags"], "Must be an object"),
        ({"tags": {"a": "x"}}, ["tags", "a"], "Must be an array"),
        ({"tags": {"a": [1]}}, ["tags", "a", 0], "Must be a string"),
        ({"tags": {"a": [None]}}, ["tags", "a", 0], "Must be a string"),
    ],
)
@pytest.mark.sampled(3)
def test_metadata_of_wrong_types_or_lengths_is_rejected(
    tenant: Tenant, metadata_sent: object, path: list[object], message: str
) -> None:
    where = ["metadata", *path]

    assert outcome(patch(tenant, a_folder(tenant), {"metadata": metadata_sent})) == (
        400,
        {
            "error": f"{'.'.join(map(str, where))}: {message}",
            "code": "invalid",
            "details": [{"path": where, "message": message}],
        },
    )


def test_texts_of_the_maximum_length_are_accepted(tenant: Tenant) -> None:
    longest = {"title": "\N{CAMERA}" * 255, "alt": "x" * 500, "caption": "é" * 1000}

    assert patch(tenant, a_folder(tenant), {"metadata": longest}).json()["media"]["metadata"] == {
        **longest,
        "tags": {},
        "moderation": UNCHECKED,
    }


def nested(depth: int) -> object:
    return {"x": nested(depth - 1)} if depth else 1


@pytest.mark.parametrize(
    ("own", "error"),
    [
        ({"x": "y" * 65_536}, "metadata may hold 65536 bytes of JSON"),
        (
            {"tags": {"a": ["日" * 90 + str(number) for number in range(400)]}},
            "metadata may hold 65536 bytes of JSON",
        ),
        (nested(33), "metadata can be nested 32 deep, and its numbers must be finite"),
        ({"x": [[[[[nested(30)]]]]]}, "metadata can be nested 32 deep, and its numbers must be finite"),
        ({"tags": {"": ["x"]}}, "A tag's group must have 1 to 100 characters"),
        ({"tags": {" ": ["x"]}}, "A tag's group must have 1 to 100 characters"),
        ({"tags": {"x" * 101: ["x"]}}, "A tag's group must have 1 to 100 characters"),
        ({"tags": {"a": ["x", ""]}}, "A tag's value must have 1 to 100 characters"),
        ({"tags": {"a": [" \t"]}}, "A tag's value must have 1 to 100 characters"),
        ({"tags": {"a": ["x" * 101]}}, "A tag's value must have 1 to 100 characters"),
        ({"tags": {"a": [str(number) for number in range(501)]}}, "An item can have 500 tags, and no more"),
        ({"x": "a\0b"}, "A text holds a character that cannot be stored"),
        ({"a\0b": 1}, "A text holds a character that cannot be stored"),
    ],
)
@pytest.mark.sampled(3)
def test_metadata_beyond_its_limits_is_rejected(tenant: Tenant, own: object, error: str) -> None:
    folder = a_folder(tenant)

    assert outcome(patch(tenant, folder, {"metadata": own})) == (400, {"error": error, "code": "invalid"})
    assert metadata(tenant, folder) == {"tags": {}, "moderation": UNCHECKED}


def test_metadata_of_the_maximum_size_and_depth_is_accepted(tenant: Tenant) -> None:
    folder = a_folder(tenant)

    assert patch(tenant, folder, {"metadata": nested(32)}).status_code == 200
    assert (
        patch(
            tenant,
            folder,
            {"metadata": {"x": "y" * (65_536 - len(json.dumps({"x": ""}, separators=(",", ":"))))}},
        ).status_code
        == 200
    )
    assert (
        patch(
            tenant, folder, {"metadata": {"tags": {"a": [str(number) for number in range(500)]}}}
        ).status_code
        == 200
    )


@pytest.mark.parametrize(
    ("number", "status"),
    [("1e400", 400), ("-1e400", 400), ("9" * 5000, 400), ("1e300", 200), ("9" * 40, 200), ("-0.5", 200)],
)
def test_a_number_is_stored_exactly_or_rejected(tenant: Tenant, number: str, status: int) -> None:
    answer = tenant.studio.patch(
        f"/api/media/{a_folder(tenant)}", content=f'{{"metadata": {{"x": {number}}}}}'
    )

    assert answer.status_code == status, answer.text
    if status == 200:
        assert float(answer.json()["media"]["metadata"]["x"]) == float(number)


def test_tags_are_trimmed_composed_unique_and_case_sensitive(tenant: Tenant) -> None:
    answer = patch(
        tenant,
        a_folder(tenant),
        {"metadata": {"tags": {" color ": ["red", " red", "Red"], "empty": [], "place": [DECOMPOSED]}}},
    )

    assert answer.json()["media"]["metadata"]["tags"] == {"color": ["Red", "red"], "place": [COMPOSED]}


def test_tags_of_the_v1_group_get_slugs(tenant: Tenant) -> None:
    names = ["Product Photos", "product photos", "Étoile", "日本", "中国", "x", "-", "y" * 100]

    answer = patch(
        tenant, a_folder(tenant), {"metadata": {"tags": {"tags": names, "other": ["Product Photos"]}}}
    )

    assert answer.json()["media"]["metadata"]["tags"]["tags"] == sorted(names)
    with owner() as connection:
        rows = connection.execute(
            """select "group", name, slug from tags where organization_id = %s""", [tenant.id]
        ).fetchall()
    slugs = {row["name"]: row["slug"] for row in rows if row["group"] == "tags"}
    assert len(set(slugs.values())) == len(names)
    assert (slugs["Étoile"], slugs["y" * 100]) == ("toile", "y" * 100)
    assert [row["slug"] for row in rows if row["group"] == "other"] == [None]


def test_tags_are_shared_within_an_organization_only(tenant: Tenant, stranger: Tenant) -> None:
    for each in (tenant, tenant, stranger):
        assert (
            patch(
                each, a_folder(each), {"metadata": {"tags": {"tags": ["Brand"], "color": ["red"]}}}
            ).status_code
            == 200
        )

    with owner() as connection:
        rows = connection.execute(
            """
            select organization_id, count(*) as n
              from tags
             where organization_id = any(%s)
             group by organization_id
            """,
            [[tenant.id, stranger.id]],
        ).fetchall()
    assert {row["organization_id"]: row["n"] for row in rows} == {tenant.id: 2, stranger.id: 2}


def test_a_hidden_tag_stays_on_its_items(tenant: Tenant) -> None:
    folder = a_folder(tenant)
    patch(tenant, folder, {"metadata": {"tags": {"color": ["red", "blue"]}}})
    with owner() as connection:
        connection.execute(
            "update tags set is_active = false where organization_id = %s and name = 'red'", [tenant.id]
        )
    patch(tenant, folder, {"metadata": {"tags": {"color": ["green"]}}})
    hidden = metadata(tenant, folder)["tags"]
    with owner() as connection:
        connection.execute(
            "update tags set is_active = true where organization_id = %s and name = 'red'", [tenant.id]
        )

    assert (hidden, metadata(tenant, folder)["tags"]) == ({"color": ["green"]}, {"color": ["green", "red"]})


def test_of_two_requests_with_the_same_etag_one_succeeds(tenant: Tenant) -> None:
    photo = tenant.ready(PHOTO)
    etag = tenant.studio.get(f"/api/media/{photo}").headers["etag"]

    first = patch(tenant, photo, {"name": "first"}, **{"if-match": etag})
    second = patch(tenant, photo, {"name": "second"}, **{"if-match": etag})
    third = patch(tenant, photo, {"metadata": {"tags": {"a": ["b"]}}}, **{"if-match": first.headers["etag"]})
    fourth = patch(tenant, photo, {"name": "fourth"}, **{"if-match": first.headers["etag"]})

    assert (first.status_code, outcome(second), third.status_code, outcome(fourth)) == (
        200,
        STALE,
        200,
        STALE,
    )
    assert tenant.studio.get(f"/api/media/{photo}").json()["media"]["name"] == "first"


def test_of_ten_concurrent_requests_with_the_same_etag_one_succeeds(tenant: Tenant) -> None:
    folder = a_folder(tenant)
    etag = tenant.studio.get(f"/api/media/{folder}").headers["etag"]

    with ThreadPoolExecutor(10) as threads:
        asked = [
            threads.submit(patch, tenant, folder, {"metadata": {"n": number}}, **{"if-match": etag})
            for number in range(10)
        ]
        answers = [each.result() for each in asked]

    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 9
    assert [answer.json()["media"]["metadata"] for answer in answers if answer.status_code == 200] == [
        metadata(tenant, folder)
    ]


def test_concurrent_requests_for_the_same_tags_share_them(tenant: Tenant) -> None:
    items = [a_folder(tenant) for _ in range(12)]
    tags = {"tags": ["Brand", "brand", "Logo"], "color": ["red", "blue", "green"]}

    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(lambda item: patch(tenant, item, {"metadata": {"tags": tags}}), items))

    shown = {"color": ["blue", "green", "red"], "tags": ["Brand", "Logo", "brand"]}
    assert [answer.json()["media"]["metadata"]["tags"] for answer in answers] == [shown] * 12
    with owner() as connection:
        assert connection.execute(
            "select count(*) as n from tags where organization_id = %s", [tenant.id]
        ).fetchone() == {"n": 6}


def test_an_invalid_field_is_reported_before_a_stale_etag(tenant: Tenant) -> None:
    assert patch(tenant, a_folder(tenant), {"name": ""}, **{"if-match": '"x"'}).status_code == 400


def test_a_deleted_item_is_not_changed(tenant: Tenant) -> None:
    folder = a_folder(tenant)
    tenant.studio.delete(f"/api/media/{folder}")

    assert outcome(patch(tenant, folder, {"name": "x"})) == NOT_FOUND
    assert outcome(patch(tenant, tenant.collection_id.hex, {"name": "x"})) == NOT_FOUND
    assert tenant.inconsistencies() == []
