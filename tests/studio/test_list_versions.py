"""GET /api/media/{mediaId}/versions, and how versions come to be."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.given import collections as collecting
from tests.given import pictures
from tests.given import versions as families
from tests.given.answers import outcome
from tests.given.isolation_cases import NOWHERE, owner
from tests.given.items import folder, read_item
from tests.given.protocol import begin
from tests.given.shapes import hyphened

if TYPE_CHECKING:
    from tests.given.tenants import Tenant

FOLDER = (400, {"error": "A folder has no versions", "code": "invalid"})


def followed(link: str) -> bytes:
    first = httpx.get(link)
    assert first.status_code == 302, first.text
    return httpx.get(first.headers["location"]).content


def test_a_version_shows_its_own_bytes_and_its_items_description(tenant: Tenant) -> None:
    home = tenant.collection_id.hex
    trip = folder(tenant, "trip")
    item = tenant.ready(families.picture(1), "one.jpg", path=trip["path"], title="A title")
    tenant.studio.patch(
        f"/api/media/{item}",
        json={"name": "Ours", "metadata": {"title": "A title", "tags": {"color": ["red"]}, "own": 1}},
    )
    before, tag = read_item(tenant, item), tenant.studio.get(f"/api/media/{item}").headers["etag"]

    # One version is uploaded by a form, with fields that only a new item may have; one in parts, as a version
    # of a version. Ids are sent in both formats.
    theirs = {"name": "Theirs", "title": "Theirs", "path": home, "relativePath": "x/two.jpg"}
    second = tenant.ready(families.picture(2), "two.jpg", sourceMediaId=hyphened(item), **theirs)
    parts = begin(tenant, filename="three.jpg", metadata={"sourceMediaId": second, "datasetId": home})
    parts.put_all(families.picture(3))
    completed = parts.complete()
    third = completed.json()["mediaId"]
    status = tenant.finished(third)

    answers = [
        tenant.studio.get(f"/api/media/{each}/versions").json()["versions"]
        for each in (item, second, hyphened(third))
    ]
    # the URLs of frames are signed again each second
    assert len({str([{**one, "frames": 0} for one in answer]) for answer in answers}) == 1
    versions = answers[0]
    ids, now = [item, second, third], read_item(tenant, item)
    assert [
        (
            one["id"],
            one["versionNumber"],
            one["sourceMediaId"],
            one["isActive"],
            one["width"],
            one["filename"],
        )
        for one in versions
    ] == [
        (item, 1, None, False, 41, "one.jpg"),
        (second, 2, item, False, 42, "two.jpg"),
        (third, 3, item, True, 43, "three.jpg"),
    ]
    its = {
        "name": "Ours",
        "datasetId": home,
        "createdById": before["createdById"],
        "metadata": before["metadata"],
        "dataset": before["dataset"],
    }
    assert [{key: one[key] for key in its} for one in versions] == [its] * 3
    assert [one["path"] for one in versions] == [f"{trip['path']}.{each}" for each in ids]
    assert [one["processing"] for one in versions] == [{"state": "ready", "reason": None}] * 3
    assert [(len(one["frames"]), one["frames"][0]["mediaId"]) for one in versions] == [
        (1, each) for each in ids
    ]

    # The item is unchanged, except that it shows its newest version. Other versions are shown by their ids.
    its_own = (
        "id",
        "name",
        "path",
        "createdAt",
        "createdById",
        "metadata",
        "sourceMediaId",
        "isActive",
        "blob",
    )
    assert [now[key] for key in its_own] == [before[key] for key in its_own]
    bytes_of = ("width", "sizeBytes", "sha256", "filename", "placeholder", "processing", "versionNumber")
    assert [now[key] for key in bytes_of] == [versions[2][key] for key in bytes_of]
    assert now["frames"][0]["id"] == versions[2]["frames"][0]["id"]
    assert tenant.studio.get(f"/api/media/{item}").headers["etag"] != tag
    third_shown = read_item(tenant, third)
    assert ({**third_shown, "frames": 0}, {**status["media"], "frames": 0}) == (
        {**versions[2], "frames": 0},
    ) * 2
    assert (status["state"], completed.json()["location"].rsplit("/", 1)[1]) == ("ready", third)

    # An item's link redirects to its active version, a version's link to that version.
    assert [followed(link) for link in (now["blob"], *(one["blob"] for one in versions))] == [
        families.picture(n) for n in (3, 1, 2, 3)
    ]
    assert len({now["blob"], *(one["blob"] for one in versions)}) == 4

    # Every list of either dialect has one item; the store has three originals.
    assert collecting.level(tenant, home, trip["path"]) == [item]
    assert tenant.studio.get(f"/api/dataset/{home}/media").json()["media"][0]["folderItemCount"] == 1
    page = tenant.studio.get("/api/v1/media").json()["data"]
    assert ([one["id"] for one in page["data"]], page["total"], page["data"][0]["fileSize"]) == (
        [hyphened(item)],
        1,
        now["sizeBytes"],
    )
    assert [tenant.studio.get(f"/api/v1/media/{each}").status_code for each in (item, second)] == [200, 404]
    assert families.bytes_and_counts(tenant)[1] == {"active": 3, "trash": 0}
    assert tenant.inconsistencies() == []


def test_uploads_that_cannot_become_a_version_are_rejected(tenant: Tenant, stranger: Tenant) -> None:
    home = tenant.collection_id.hex
    item, second = families.make(tenant, 2)
    assert families.delete(tenant, item, second).status_code == 200
    gone = tenant.ready(pictures.jpeg(40, 30))
    assert tenant.studio.delete(f"/api/media/{gone}").status_code == 200
    theirs, elsewhere = stranger.ready(pictures.jpeg(40, 30)), collecting.make(tenant)["id"]
    not_there = families.NOT_FOUND
    cases: list[tuple[str, str | None, tuple[int, dict[str, str]] | None]] = [
        (folder(tenant, "trip")["id"], None, FOLDER),
        (NOWHERE, None, not_there),
        (second, None, not_there),
        (gone, None, not_there),
        (theirs, None, not_there),
        (home, None, not_there),
        ("nonsense", None, None),
        (
            item,
            elsewhere,
            (
                400,
                {
                    "error": "sourceMediaId is an item of another collection than datasetId says",
                    "code": "invalid",
                },
            ),
        ),
    ]

    wrong = []
    for source, collection, expected in cases:
        named = {"sourceMediaId": source} | ({"datasetId": collection} if collection else {})
        query = {"filename": "a.jpg", "type": "image/jpeg"} | {
            f"metadata[{name}]": value for name, value in named.items()
        }
        for answer in (
            tenant.studio.get("/api/upload/s3/params", params=query),
            tenant.studio.post(
                "/api/upload/s3/multipart",
                json={"filename": "a.jpg", "type": "image/jpeg", "metadata": named},
            ),
        ):
            if (outcome(answer) != expected) if expected else (answer.status_code != 400):
                wrong.append((source, outcome(answer)))

    assert wrong == []
    for path, expected in ((cases[0][0], FOLDER), (gone, not_there), (second, not_there)):
        assert outcome(tenant.studio.get(f"/api/media/{path}/versions")) == expected
        assert outcome(families.select(tenant, path)) == expected
    assert families.listed(tenant, item) == [(item, 1, True)]
    with owner() as connection:
        assert (
            connection.execute(
                "select from uploads where organization_id = %s and state = 'created'", [tenant.id]
            ).fetchall()
            == []
        )
    assert tenant.inconsistencies() == []


@pytest.mark.parametrize("many", [6, pytest.param(20, marks=pytest.mark.soak)])
def test_concurrent_versions_get_distinct_numbers_and_the_newest_is_shown(tenant: Tenant, many: int) -> None:
    item = tenant.ready(families.picture(1))

    with ThreadPoolExecutor(many) as threads:
        sent = list(
            threads.map(
                lambda number: tenant.post_file(families.picture(number), sourceMediaId=item),
                range(2, many + 2),
            )
        )
    states = [tenant.finished(version)["state"] for version in sent]

    assert states == ["ready"] * many
    listed = families.listed(tenant, item)
    assert [number for _, number, _ in listed] == list(range(1, many + 2))
    assert {version for version, _, _ in listed} == {item, *sent}
    assert [version for version, _, is_active in listed if is_active] == [listed[-1][0]]
    # The number of a deleted version is not used again.
    assert families.delete(tenant, item, listed[-1][0]).status_code == 200
    families.add(tenant, item, 1)
    assert families.listed(tenant, item)[-1][1] == many + 2
    assert tenant.inconsistencies() == []


def test_a_version_of_an_item_deleted_meanwhile_is_rejected_with_a_reason(tenant: Tenant) -> None:
    item = tenant.ready(families.picture(1))
    parts = begin(tenant, metadata={"sourceMediaId": item})
    parts.put_all(families.picture(2))
    signed = tenant.studio.get(
        "/api/upload/s3/params",
        params={"filename": "a.jpg", "type": "image/jpeg", "metadata[sourceMediaId]": item},
    ).json()
    before = families.bytes_and_counts(tenant)[0]["total"]
    assert tenant.studio.delete(f"/api/media/{item}").json()["deletedCount"] == 1

    completed = parts.complete()
    httpx.post(
        signed["url"], data=signed["fields"], files={"file": ("a.jpg", families.picture(3), "image/jpeg")}
    )

    assert outcome(completed) == (
        422,
        {"error": f"The file was refused: {families.DELETED}", "code": "upload_rejected"},
    )
    for version in (parts.media, signed["mediaId"]):
        status = tenant.finished(version)
        assert (status["state"], status["reason"]) == ("rejected", families.DELETED)
        assert outcome(tenant.studio.get(f"/api/media/{version}")) == families.NOT_FOUND
    assert families.bytes_and_counts(tenant)[0]["total"] == before
    assert families.restore(tenant, item)[1]["restoredCount"] == 1
    assert families.listed(tenant, item) == [(item, 1, True)]
    assert tenant.inconsistencies() == []


def test_a_version_that_is_rejected_or_fails_leaves_its_item_unchanged(tenant: Tenant) -> None:
    item = tenant.ready(families.picture(1))
    before = read_item(tenant, item)

    rejected = tenant.post_file(b"%PDF-1.7 or so" * 100, sourceMediaId=item)
    broken = tenant.post_file(pictures.truncated(pictures.jpeg(900, 600), share=0.1), sourceMediaId=item)
    states = [tenant.finished(version)["state"] for version in (rejected, broken)]

    assert states == ["rejected", "failed"]
    assert [(number, is_active) for _, number, is_active in families.listed(tenant, item)] in (
        [(1, True), (2, False)],
        [(1, True), (3, False)],
    )
    assert {**read_item(tenant, item), "updatedAt": 0, "frames": 0} == {
        **before,
        "updatedAt": 0,
        "frames": 0,
    }
    assert outcome(families.select(tenant, broken)) == (
        409,
        {"error": "This version cannot be shown: it is failed", "code": "not_ready"},
    )
    assert tenant.inconsistencies() == []
