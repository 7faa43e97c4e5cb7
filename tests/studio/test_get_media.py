"""GET /api/media/{mediaId}"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from tests.given import pictures
from tests.given.answers import unsigned
from tests.given.isolation_cases import owner
from tests.given.shapes import A_SIGNED_URL, A_TIME, AN_ETAG, AN_ID, SOME_BASE64, hyphened
from tests.given.tenants import http
from vitrine.credentials import mint_id
from vitrine.library import folders

if TYPE_CHECKING:
    from tests.given.tenants import Tenant

PHOTO = pictures.jpeg(320, 240, seed=41)
NOT_FOUND = (404, {"error": "Media not found", "code": "not_found"})


def test_a_photo_is_shown_with_its_frame(tenant: Tenant) -> None:
    photo = tenant.ready(
        PHOTO, "Grüße.jpg", name="Greetings", title="A title", alt="An alt", caption="A caption"
    )

    answer = tenant.studio.get(f"/api/media/{photo}")

    shown = answer.json()["media"]
    home = tenant.collection_id.hex
    assert answer.status_code == 200
    assert answer.headers["etag"] == AN_ETAG
    assert answer.json() == {
        "media": {
            "id": photo,
            "name": "Greetings",
            "type": "image",
            "blob": shown["blob"],
            "path": f"{home}.{photo}",
            "datasetId": home,
            "width": 320,
            "height": 240,
            "duration": None,
            "sizeBytes": len(PHOTO),
            "createdAt": A_TIME,
            "updatedAt": A_TIME,
            "createdById": tenant.owner.user_id.hex,
            "updatedById": None,
            "status": "active",
            "sourceMediaId": None,
            "versionNumber": 1,
            "isActive": True,
            "filename": "Grüße.jpg",
            "mimeType": "image/jpeg",
            "takenAt": None,
            "placeholder": SOME_BASE64,
            "colors": shown["colors"],
            "sha256": hashlib.sha256(PHOTO).hexdigest(),
            "processing": {"state": "ready", "reason": None},
            "metadata": {
                "title": "A title",
                "alt": "An alt",
                "caption": "A caption",
                "tags": {},
                "moderation": {"status": "unchecked", "categories": [], "moderatedAt": None},
            },
            "frames": [
                {
                    "id": AN_ID,
                    "timestamp": "0",
                    "blob": shown["frames"][0]["blob"],
                    "thumbnailBlob": shown["frames"][0]["thumbnailBlob"],
                    "width": 320,
                    "height": 240,
                    "status": "active",
                    "createdAt": A_TIME,
                    "mediaId": photo,
                    "captions": [],
                    "objects": [],
                }
            ],
            "dataset": {"id": home, "name": "Default", "organizationId": tenant.id.hex},
        }
    }
    assert http().get(shown["blob"], follow_redirects=True).content == PHOTO
    for name in ("blob", "thumbnailBlob"):
        assert shown["frames"][0][name] == A_SIGNED_URL
        assert http().get(shown["frames"][0][name]).status_code == 200


def test_a_folder_is_shown_with_the_same_fields(tenant: Tenant) -> None:
    outer = folders.create(tenant.owner, tenant.collection_id, "outer", path=None, reuse=False)
    inner = folders.create(tenant.owner, tenant.collection_id, "inner", path=outer.path, reuse=False)

    answer = tenant.studio.get(f"/api/media/{inner.id}")

    home = tenant.collection_id.hex
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "media": {
                "id": inner.id.hex,
                "name": "inner",
                "type": "folder",
                "blob": "folder",
                "path": f"{home}.{outer.id.hex}.{inner.id.hex}",
                "datasetId": home,
                "width": None,
                "height": None,
                "duration": None,
                "sizeBytes": 0,
                "createdAt": A_TIME,
                "updatedAt": A_TIME,
                "createdById": tenant.owner.user_id.hex,
                "updatedById": None,
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
                "metadata": {
                    "tags": {},
                    "moderation": {"status": "unchecked", "categories": [], "moderatedAt": None},
                },
                "frames": [],
                "dataset": {"id": home, "name": "Default", "organizationId": tenant.id.hex},
                "folderItemCount": 0,
                "folderPreviews": [],
            }
        },
    )


def test_a_folder_counts_its_pictures_at_any_depth_and_previews_the_newest(tenant: Tenant) -> None:
    outer = folders.create(tenant.owner, tenant.collection_id, "outer", path=None, reuse=False)
    inner = folders.create(tenant.owner, tenant.collection_id, "inner", path=outer.path, reuse=False)
    beside = folders.create(tenant.owner, tenant.collection_id, "beside", path=None, reuse=False)
    places = (outer, inner, inner, outer, inner)
    photos = [
        tenant.ready(pictures.jpeg(40, 30, seed=seed), path=str(place.path))
        for seed, place in enumerate(places)
    ]
    tenant.ready(PHOTO, path=str(beside.path))
    deleted = tenant.ready(PHOTO, path=str(inner.path))
    before = tenant.studio.get(f"/api/media/{outer.id}").headers["etag"]
    tenant.studio.delete(f"/api/media/{deleted}")

    reported = {}
    for folder in (outer, inner, beside):
        shown = tenant.studio.get(f"/api/media/{folder.id}").json()["media"]
        reported[folder.name] = (shown["folderItemCount"], [unsigned(url) for url in shown["folderPreviews"]])

    newest = [
        unsigned(tenant.studio.get(f"/api/media/{photo}").json()["media"]["frames"][0]["thumbnailBlob"])
        for photo in reversed(photos)
    ]
    assert reported["outer"] == (5, newest[:4])
    assert reported["inner"] == (3, [newest[0], newest[2], newest[3]])
    assert reported["beside"][0] == 1
    assert tenant.studio.get(f"/api/media/{outer.id}").headers["etag"] == before
    listed = tenant.studio.get(f"/api/dataset/{tenant.collection_id.hex}/media").json()["media"]
    assert {
        each["name"]: (each["folderItemCount"], [unsigned(url) for url in each["folderPreviews"]])
        for each in listed
    } == {name: reported[name] for name in ("outer", "beside")}
    assert http().get(listed[-1]["folderPreviews"][0]).headers["content-type"] == "image/webp"


def test_captions_objects_and_tags_are_shown(tenant: Tenant) -> None:
    photo = tenant.ready(PHOTO)
    frame = tenant.studio.get(f"/api/media/{photo}").json()["media"]["frames"][0]["id"]
    caption, detection, tag, hidden = (mint_id() for _ in range(4))
    values = {
        "organization": tenant.id,
        "frame": frame,
        "media": photo,
        "caption": caption,
        "detection": detection,
        "tag": tag,
        "hidden": hidden,
    }
    with owner() as connection:
        for statement in (
            """insert into captions (organization_id, id, frame_id, text)
               values (%(organization)s, %(caption)s, %(frame)s, 'Two trees')""",
            """insert into detections (organization_id, id, frame_id, type, label, score, polygon)
               values (%(organization)s, %(detection)s, %(frame)s, 'object', 'tree', 0.5,
                       '[{"x": 1, "y": 2.5}, {"x": 3, "y": 4}]')""",
            """insert into tags (organization_id, id, "group", name, is_active)
               values (%(organization)s, %(tag)s, 'season', 'summer', true),
                      (%(organization)s, %(hidden)s, 'season', 'autumn', false)""",
            """insert into media_tags (organization_id, media_id, tag_id)
               values (%(organization)s, %(media)s, %(tag)s), (%(organization)s, %(media)s, %(hidden)s)""",
        ):
            connection.execute(statement, values)

    shown = tenant.studio.get(f"/api/media/{photo}").json()["media"]

    assert shown["metadata"]["tags"] == {"season": ["summer"]}
    assert shown["frames"][0]["captions"] == [
        {"id": caption.hex, "text": "Two trees", "frameId": frame, "createdAt": A_TIME, "status": "active"}
    ]
    assert shown["frames"][0]["objects"] == [
        {
            "id": detection.hex,
            "type": "object",
            "label": "tree",
            "blob": "",
            "status": "active",
            "polygon": [{"x": 1, "y": 2.5}, {"x": 3, "y": 4}],
            "confidence": 0.5,
        }
    ]


def test_both_formats_of_an_id_are_accepted(tenant: Tenant) -> None:
    photo = tenant.ready(PHOTO)

    shown = [
        tenant.studio.get(f"/api/media/{name}")
        for name in (photo, photo.upper(), hyphened(photo), hyphened(photo).upper())
    ]

    assert [(answer.status_code, answer.json()["media"]["id"]) for answer in shown] == [(200, photo)] * 4


@pytest.mark.parametrize(
    "path",
    ["{id}0", "{half}", "{id}-", "{{{id}}}", "urn:uuid:{id}", "0x{id}", "{id} ", "+{id}", "{odd}", "null"],
)
def test_an_invalid_id_is_not_found(tenant: Tenant, path: str) -> None:
    folder = folders.create(tenant.owner, tenant.collection_id, "x", path=None, reuse=False).id
    odd = f"{folder.hex[:4]}-{folder.hex[4:]}"

    answer = tenant.studio.get(f"/api/media/{path.format(id=folder.hex, half=folder.hex[:31], odd=odd)}")

    assert (answer.status_code, answer.json()) == NOT_FOUND


def test_the_etag_changes_only_with_the_item(tenant: Tenant) -> None:
    folder = folders.create(tenant.owner, tenant.collection_id, "x", path=None, reuse=False)
    photo = tenant.ready(PHOTO, path=str(folder.path))

    def etag() -> str:
        return tenant.studio.get(f"/api/media/{photo}").headers["etag"]

    first = etag()
    with owner() as connection:
        connection.execute(
            "update collections set name = 'Another', row_version = row_version + 1 where id = %s",
            [tenant.collection_id],
        )
        connection.execute(
            "update media set name = 'Another', row_version = row_version + 1 where id = %s", [folder.id]
        )
    after_ancestors = etag()
    with owner() as connection:
        connection.execute("update media set name = 'Another' where id = %s", [photo])
    after_own = etag()

    assert first == after_ancestors != after_own


def test_an_item_that_is_being_processed_is_pending(tenant: Tenant) -> None:
    photo = tenant.ready(PHOTO)
    with owner() as connection:
        connection.execute(
            "update media set verified_at = null, processing = 'pending' where id = %s", [photo]
        )

    shown = tenant.studio.get(f"/api/media/{photo}").json()["media"]

    assert (shown["blob"], shown["frames"], shown["processing"]) == (
        None,
        [],
        {"state": "pending", "reason": None},
    )


def test_a_deleted_item_is_not_found_nor_is_one_in_a_deleted_folder(tenant: Tenant) -> None:
    folder = folders.create(tenant.owner, tenant.collection_id, "x", path=None, reuse=False)
    inner = folders.create(tenant.owner, tenant.collection_id, "y", path=folder.path, reuse=False)

    tenant.studio.delete(f"/api/media/{folder.id}")

    for item in (folder.id, inner.id):
        answer = tenant.studio.get(f"/api/media/{item}")
        assert (answer.status_code, answer.json()) == NOT_FOUND
