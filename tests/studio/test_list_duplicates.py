"""GET /api/dataset/{datasetId}/duplicates"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import TYPE_CHECKING, Any
from uuid import UUID

from PIL import Image

from tests.given import pictures
from tests.given.isolation_cases import owner
from vitrine.credentials import mint_id
from vitrine.db import transaction
from vitrine.library import duplicates
from vitrine.models.people import Consumer

if TYPE_CHECKING:
    from tests.given.tenants import Tenant


def listed(tenant: Tenant, **query: object) -> dict[str, Any]:
    answer = tenant.studio.get(f"/api/dataset/{tenant.collection_id.hex}/duplicates", params=query)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def groups(tenant: Tenant, **query: object) -> list[tuple[str, list[str]]]:
    return [
        (group["match"], [each["media"]["id"] for each in group["items"]])
        for group in listed(tenant, **query)["duplicates"]
    ]


def copied(picture: bytes) -> bytes:
    """One picture, encoded into other bytes."""
    opened = Image.open(BytesIO(picture))
    file = BytesIO()
    opened.resize((opened.width // 2, opened.height // 2)).save(file, "JPEG", quality=60)
    return file.getvalue()


def test_exact_copies_come_before_similar_pictures(tenant: Tenant) -> None:
    photo = pictures.jpeg(96, 64, seed=1)
    first, copy, small = (
        tenant.ready(each, f"{n}.jpg") for n, each in enumerate((photo, photo, copied(photo)))
    )
    dot, same_dot = (looking(tenant, None, seed=50) for _ in range(2))
    looking(tenant, 0, seed=51)  # similar to no other picture

    answer = listed(tenant)

    assert sorted(groups(tenant)) == sorted(
        [("exact", [first, copy]), ("exact", [dot, same_dot]), ("near", [first, small])]
    )
    assert [group["match"] for group in answer["duplicates"]] == ["exact", "exact", "near"]
    assert answer["pagination"] == {"limit": 10, "hasMore": False, "nextCursor": None}
    near = answer["duplicates"][2]
    assert (near["count"], near["items"][0]["distance"]) == (2, 0)
    assert 0 <= near["items"][1]["distance"] <= 8
    whole = tenant.studio.get(f"/api/media/{small}").json()["media"]
    assert near["items"][1]["media"] | {"frames": []} == whole | {"frames": []}
    assert [frame["id"] for frame in near["items"][1]["media"]["frames"]] == [
        frame["id"] for frame in whole["frames"]
    ]

    # Deleted items are not in a group; the next item becomes the group's first.
    tenant.studio.delete(f"/api/media/{first}")
    assert groups(tenant) == [("exact", [dot, same_dot]), ("near", [copy, small])]
    tenant.studio.post(f"/api/media/{first}/restore")
    assert len(groups(tenant)) == 3

    # Versions that are not active are not in a group: `small` shows another picture from here on.
    version = tenant.ready(pictures.jpeg(96, 64, seed=3), sourceMediaId=small)
    assert [match for match, _ in groups(tenant)] == ["exact"] * 2
    tenant.studio.delete(f"/api/media/{small}/versions", params={"versionId": version})
    assert len(groups(tenant)) == 3


def test_each_item_is_in_one_group_at_most(tenant: Tenant) -> None:
    hashes = {
        "a": 0,
        "b": 0b1111,
        "c": 0b1111_1111_1111,
        "d": 0b1111_1111_1111_1111,
        "far": (1 << 64) - 1,
        "far too": (1 << 64) - 2,
    }
    named = {name: looking(tenant, bits, seed) for seed, (name, bits) in enumerate(hashes.items())}
    names = {item: name for name, item in named.items()}

    found = {
        distance: [[names[each] for each in items] for _, items in groups(tenant, distance=distance)]
        for distance in (0, 1, 4, 8, 12, 16)
    }

    assert found == {
        0: [],
        1: [["far", "far too"]],
        4: [["a", "b"], ["c", "d"], ["far", "far too"]],
        8: [["a", "b"], ["far", "far too"]],  # c is near to b only, and b is in a group already
        12: [["a", "b", "c"], ["far", "far too"]],
        16: [["a", "b", "c", "d"], ["far", "far too"]],
    }
    assert [each["distance"] for each in listed(tenant, distance=16)["duplicates"][0]["items"]] == [
        0,
        4,
        12,
        16,
    ]


def test_pages_continue_after_one_another(tenant: Tenant) -> None:
    for seed in range(2):
        for _ in range(2):
            looking(tenant, (1 << 64) - 1 >> 20 * seed, seed=seed)  # equal bytes
    for n in range(3):
        for seed in (10, 11):
            looking(tenant, 0xFFFF << 20 * n, seed=seed + 2 * n)

    whole, pages = groups(tenant), []
    cursor: dict[str, str] = {}
    while True:
        page = listed(tenant, limit=2, **cursor)
        pages += [
            (group["match"], [each["media"]["id"] for each in group["items"]]) for group in page["duplicates"]
        ]
        if not page["pagination"]["hasMore"]:
            break
        cursor = {"cursor": page["pagination"]["nextCursor"]}

    assert [match for match, _ in whole] == ["exact"] * 2 + ["near"] * 3
    assert pages == whole


def test_concurrent_recordings_see_each_other_and_recording_again_replaces(
    tenant: Tenant,
) -> None:
    items = [looking(tenant, 1 << n, seed=n, record=False) for n in range(8)]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda item: recorded(tenant, item), items))

    assert groups(tenant) == [("near", items)]
    with owner() as connection:
        connection.execute("update versions set phash = (-1)::bigint::bit(64) where id = %s", [items[0]])
    assert [line for line in tenant.inconsistencies() if "perceptual hash" in line] == [
        (
            "a version's perceptual hash is compared as it is, in its collection: "
            f"{UUID(items[0])}: hash -1, compared 1"
        )
    ]
    recorded(tenant, items[0])
    assert groups(tenant) == [("near", items[1:])]
    with owner() as connection:
        connection.execute(
            "update likenesses set distance = 3 where version_id = %s and earlier_id = %s",
            [items[2], items[1]],
        )
    assert [line for line in tenant.inconsistencies() if "hash" in line] == [
        (
            "a likeness has the distance of its versions' hashes, and names the earlier version as such: "
            f"{UUID(items[2])}: 3 bits from {UUID(items[1])}"
        )
    ]


def test_invalid_parameters_are_rejected(tenant: Tenant) -> None:
    path = f"/api/dataset/{tenant.collection_id.hex}/duplicates"
    number, none = "Must be a whole number", "Not a cursor of this listing"
    cases: list[tuple[dict[str, str], dict[str, object]]] = [
        (
            {"distance": "17"},
            {
                "error": "distance: Must be 16 or less",
                "details": [{"path": ["distance"], "message": "Must be 16 or less"}],
            },
        ),
        (
            {"distance": "-1"},
            {
                "error": "distance: Must be 0 or more",
                "details": [{"path": ["distance"], "message": "Must be 0 or more"}],
            },
        ),
        (
            {"distance": "1.5"},
            {"error": f"distance: {number}", "details": [{"path": ["distance"], "message": number}]},
        ),
        (
            {"limit": "0"},
            {
                "error": "limit: Must be 1 or more",
                "details": [{"path": ["limit"], "message": "Must be 1 or more"}],
            },
        ),
        (
            {"limit": "51"},
            {
                "error": "limit: Must be 50 or less",
                "details": [{"path": ["limit"], "message": "Must be 50 or less"}],
            },
        ),
        (
            {"cursor": "x"},
            {
                "error": "The cursor is not one of this listing",
                "details": [{"path": ["cursor"], "message": none}],
            },
        ),
        (
            {"cursor": "A" * 80},
            {
                "error": "The cursor is not one of this listing",
                "details": [{"path": ["cursor"], "message": none}],
            },
        ),
    ]

    wrong = [
        (query, answer.text)
        for query, body in cases
        if (answer := tenant.studio.get(path, params=query)).status_code != 400
        or answer.json() != body | {"code": "invalid"}
    ]

    assert wrong == []
    listing = tenant.studio.get(f"/api/dataset/{tenant.collection_id.hex}/media", params={"limit": 1})
    assert listing.status_code == 200


def looking(tenant: Tenant, bits: int | None, seed: int, *, record: bool = True) -> str:
    """The id of a verified item with this perceptual hash: its rows, without its objects. Items of one seed
    have equal bytes.
    """
    item = mint_id()
    values = {
        "bits": bits - (1 << 64) if bits and bits >> 63 else bits,
        "seed": seed,
        "organization": tenant.id,
        "collection": tenant.collection_id,
        "person": tenant.owner.user_id,
        "id": item,
    }
    with owner() as connection:
        connection.execute(
            """
            insert into media (organization_id, id, collection_id, type, name, link_token, active_version_id,
                               filename, mime_type, size_bytes, sha256, processing, verified_at, created_by)
            values (%(organization)s, %(id)s, %(collection)s, 'image', 'p', repeat('t', 22), %(id)s, 'p',
                    'image/jpeg', 1, sha256(%(seed)s::text::bytea), 'ready', now(), %(person)s)
            """,
            values,
        )
        connection.execute(
            """
            insert into versions (organization_id, id, media_id, number, external_url, filename, mime_type,
                                  size_bytes, stored_bytes, sha256, phash, processing, verified_at,
                                  created_by)
            values (%(organization)s, %(id)s, %(id)s, 1, 'https://example.org', 'p', 'image/jpeg',
                    1, 0, sha256(%(seed)s::text::bytea), %(bits)s::bigint::bit(64), 'ready', now(),
                    %(person)s)
            """,
            values,
        )
    if record:
        recorded(tenant, item.hex)
    return item.hex


def recorded(tenant: Tenant, item: str) -> None:
    transaction(
        Consumer(tenant.id), lambda db: duplicates.record(db, tenant.id, tenant.collection_id, UUID(item))
    )
