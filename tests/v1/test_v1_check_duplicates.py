"""POST /api/v1/media/check-duplicates"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tests.given import pictures
from tests.given.isolation_cases import owner
from tests.given.shapes import A_TIME, hyphened

if TYPE_CHECKING:
    import httpx

    from tests.given.tenants import Tenant

PHOTO, OTHER = pictures.jpeg(40, 30, seed=91), pictures.jpeg(50, 30, seed=92)
SHA256 = hashlib.sha256(PHOTO).hexdigest()


def check(tenant: Tenant, *files: object) -> httpx.Response:
    return tenant.studio.post("/api/v1/media/check-duplicates", json={"files": files})


def duplicates(tenant: Tenant, *files: object) -> list[dict[str, Any]]:
    answer = check(tenant, *files)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]["duplicates"]
    return found


def test_the_newest_five_of_each_are_reported_and_only_of_the_team(tenant: Tenant, stranger: Tenant) -> None:
    photo, other = tenant.ready(PHOTO, "hero-banner.jpg"), tenant.ready(OTHER, "hero-banner.jpg")
    size = len(PHOTO)
    stranger.ready(PHOTO, "theirs.jpg")
    link = tenant.studio.get(f"/api/v1/media/{photo}").json()["data"]["url"]

    def existing(match: str) -> dict[str, object]:
        return {"id": hyphened(photo), "url": link, "createdAt": A_TIME, "match": match, "status": "active"}

    named: dict[str, object] = {"filename": "hero-banner.jpg", "fileSize": size}
    by_name = [existing("name_and_size")]
    nothing = [
        {"filename": "hero-banner.jpg", "fileSize": size + 1},
        {"filename": "Hero-banner.jpg", "fileSize": size},
        {"fileSize": size},
        {"filename": "hero-banner.jpg"},
        {"filename": 5, "fileSize": [size]},
        {"filename": "hero-banner.jpg", "fileSize": size + 0.5},
        {},
        {"filename": "hero-banner.jpg", "fileSize": f"{size} bytes"},
        {"filename": "hero-banner.jpg", "fileSize": True},
        {"sha256": "0" * 64},
        {"filename": "hero-banner.jpg", "fileSize": -size},
        {"filename": "hero-banner.jpg", "fileSize": 2**70},
        {"filename": "hero-banner.jpg", "fileSize": "9" * 400},
        {"filename": "hero-banner.jpg", "fileSize": 1e300},
        {"filename": None, "fileSize": None},
        {"filename": "theirs.jpg", "fileSize": size},
        {"filename": "\U0001f600" * 300, "fileSize": size},
    ]
    asked: list[tuple[dict[str, object], list[dict[str, object]]]] = [
        (named, by_name),
        ({"filename": "hero-banner.jpg", "fileSize": f" +0{size} "}, by_name),
        ({**named, "fileSize": float(size)}, by_name),
        ({**named, "sha256": None}, by_name),
        ({**named, "sha256": "0" * 64}, by_name),
        (named, by_name),
        ({**named, "sha256": SHA256.upper()}, [existing("content")]),
        ({"filename": "x.jpg", "fileSize": 5, "sha256": SHA256}, [existing("content")]),
        ({"sha256": SHA256}, [existing("content")]),
    ]

    answer = check(tenant, *nothing, *(each for each, _ in asked))

    assert (answer.status_code, answer.json()) == (
        200,
        {
            "success": True,
            "data": {"duplicates": [{**file, "existing": found} for file, found in asked]},
            "info": {"timestamp": A_TIME},
        },
    )
    assert duplicates(tenant, *nothing) == []

    # Six of one name, size and content: the five newest, by time and then by id, of both ways of being alike
    # together.
    alike = [photo, other, *(tenant.post_file(OTHER, "hero-banner.jpg") for _ in range(4))]
    assert {tenant.finished(each)["state"] for each in alike} == {"ready"}
    with owner() as connection:
        for second, each in enumerate(alike):
            connection.execute(
                """update media
                      set size_bytes = 7, created_at = '2026-01-01'::timestamptz + %s * interval '1 s'
                    where id = %s""",
                [second // 2, UUID(each)],
            )
    order = [
        hyphened(each)
        for each in (
            *sorted(alike[4:], reverse=True),
            *sorted(alike[2:4], reverse=True),
            *sorted(alike[:2], reverse=True),
        )
    ]

    [found] = duplicates(
        tenant, {"filename": "hero-banner.jpg", "fileSize": 7, "sha256": hashlib.sha256(OTHER).hexdigest()}
    )

    assert [each["id"] for each in found["existing"]] == order[:5]
    assert {each["id"]: each["match"] for each in found["existing"]} == {
        each: "name_and_size" if each == hyphened(photo) else "content" for each in order[:5]
    }

    # Deleted files, and files that are not verified yet, are not reported.
    tenant.studio.delete(f"/api/media/{alike[5]}")
    with owner() as connection:
        connection.execute(
            "update media set verified_at = null, processing = 'pending' where id = %s", [UUID(alike[4])]
        )

    [found] = duplicates(tenant, {"filename": "hero-banner.jpg", "fileSize": 7})

    assert [each["id"] for each in found["existing"]] == order[2:]


def test_a_thousand_files_are_checked_at_once_and_malformed_ones_are_reported(tenant: Tenant) -> None:
    file = {"filename": "a.jpg", "fileSize": 1}
    required = "files array is required"
    malformed: list[tuple[object, str]] = [
        ({}, required),
        ({"files": []}, required),
        ({"files": {}}, required),
        ({"files": None}, required),
        ({"files": "x"}, required),
        ([], required),
        ({"files": [file, "x"]}, "files[1] must be an object"),
        ({"files": [None]}, "files[0] must be an object"),
        ({"files": [file] * 1001}, "At most 1,000 files can be checked at once"),
        *(
            (
                {"files": [{**file, "sha256": sha256}]},
                "files[0].sha256 must be the SHA-256 of the content, 64 hexadecimal digits",
            )
            for sha256 in ("", "x" * 64, SHA256[:-1], SHA256 + "0", 5, [SHA256])
        ),
    ]

    answers = [tenant.studio.post("/api/v1/media/check-duplicates", json=body) for body, _ in malformed]

    assert duplicates(tenant, *[file] * 1000) == []
    assert [(answer.status_code, answer.json()) for answer in answers] == [
        (400, {"success": False, "error": answered, "code": "HTTP_400", "info": {"timestamp": A_TIME}})
        for _, answered in malformed
    ]
