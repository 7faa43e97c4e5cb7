"""The serialization of the Studio API, compared as whole values."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from vitrine.delivery import Links
from vitrine.dialects import Dialect
from vitrine.dialects.formats import parse_cursor, show_cursor
from vitrine.dialects.studio import STUDIO
from vitrine.dialects.studio.browse import BrowseQuery, show_listing
from vitrine.dialects.studio.media import media_etag, show_media
from vitrine.dialects.uploads import UPLOADS
from vitrine.dialects.v1.media import show_media as show_in_v1
from vitrine.errors import (
    ApiError,
    Invalid,
    NotAMember,
    NotFound,
    NotImplementedYet,
    OtherOrganization,
    Unauthorized,
)
from vitrine.models.media import Caption, Detection, Frame, Media, ShownVersion
from vitrine.models.pages import Cursor, Page
from vitrine.models.places import FolderPath


class Keys(Links):
    """Links without signatures, which would differ from call to call."""

    def object(self, key: str) -> str:
        return f"signed:{key}"


LINKS = Keys("https://api.test")
WHEN = datetime(2026, 3, 10, 14, 22, 0, 123456, tzinfo=UTC)
IDS = [UUID(int=(0x0199A4C2D1E07000 << 64) + 0x8000000000000000 + number) for number in range(10)]
MEDIA, ORGANIZATION, COLLECTION, FOLDER, USER, VERSION, FRAME, CAPTION, DETECTION, OTHER = IDS

PHOTO = Media(
    id=MEDIA,
    organization_id=ORGANIZATION,
    collection_id=COLLECTION,
    collection_name="Product Photos",
    path=FolderPath(COLLECTION, (FOLDER, MEDIA)),
    type="image",
    status="active",
    row_version=3,
    name="hero",
    title="Hero",
    alt=None,
    caption="",
    metadata={"client": 1, "tags": "not ours", "exif": "not ours"},
    tags={"color": ["red"]},
    link_token="t" * 22,
    created_at=WHEN,
    created_by=USER,
    updated_at=WHEN,
    updated_by=None,
    version=ShownVersion(
        id=MEDIA,
        number=1,
        filename="hero-shot.jpg",
        mime_type="image/jpeg",
        size_bytes=184320,
        width=2400,
        height=1600,
        duration=None,
        sha256=b"\xab" * 32,
        placeholder=b"\x01\x02",
        taken_at=WHEN,
        taken_zone="+02:00",
        processing="ready",
        processing_reason=None,
        moderation=None,
        verified_at=WHEN,
        frames=(
            Frame(
                id=FRAME,
                at_seconds=0.0,
                end_seconds=None,
                page_number=None,
                key="derived/frame",
                width=2400,
                height=1600,
                thumbnail_key="derived/thumbnail",
                text=None,
                created_at=WHEN,
                captions=(Caption(CAPTION, "A red shoe.", WHEN),),
                detections=(Detection(DETECTION, "object", "shoe", ((1.0, 2.0), (3.5, 4.0)), 0.75, None),),
            ),
        ),
        colors=("#dc1e1e", "#ffffff"),
        exif={"make": "Canon"},
    ),
)
A_FOLDER = replace(
    PHOTO,
    type="folder",
    title=None,
    caption=None,
    metadata={},
    tags={},
    version=ShownVersion(
        id=None,
        number=1,
        filename=None,
        mime_type=None,
        size_bytes=0,
        width=None,
        height=None,
        duration=None,
        sha256=None,
        placeholder=None,
        taken_at=None,
        taken_zone=None,
        processing=None,
        processing_reason=None,
        moderation=None,
        verified_at=WHEN,
        frames=(),
    ),
)


def photo_with(**changes: Any) -> Media:
    """PHOTO with changes in fields of its version."""
    return replace(PHOTO, version=replace(PHOTO.version, **changes))


SHOWN: dict[str, Any] = {
    "id": MEDIA.hex,
    "name": "hero",
    "type": "image",
    "blob": f"https://api.test/f/{MEDIA.hex}/{'t' * 22}",
    "path": f"{COLLECTION.hex}.{FOLDER.hex}.{MEDIA.hex}",
    "datasetId": COLLECTION.hex,
    "width": 2400,
    "height": 1600,
    "duration": None,
    "sizeBytes": 184320,
    "createdAt": "2026-03-10T14:22:00.123Z",
    "updatedAt": "2026-03-10T14:22:00.123Z",
    "createdById": USER.hex,
    "updatedById": None,
    "status": "active",
    "sourceMediaId": None,
    "versionNumber": 1,
    "isActive": True,
    "filename": "hero-shot.jpg",
    "mimeType": "image/jpeg",
    "takenAt": "2026-03-10T16:22:00.123+02:00",
    "placeholder": "AQI=",
    "colors": ["#dc1e1e", "#ffffff"],
    "sha256": "ab" * 32,
    "processing": {"state": "ready", "reason": None},
    "metadata": {
        "client": 1,
        "title": "Hero",
        "caption": "",
        "tags": {"color": ["red"]},
        "moderation": {"status": "unchecked", "categories": [], "moderatedAt": None},
        "exif": {"make": "Canon"},
    },
    "frames": [
        {
            "id": FRAME.hex,
            "timestamp": "0",
            "blob": "signed:derived/frame",
            "thumbnailBlob": "signed:derived/thumbnail",
            "width": 2400,
            "height": 1600,
            "status": "active",
            "createdAt": "2026-03-10T14:22:00.123Z",
            "mediaId": MEDIA.hex,
            "captions": [
                {
                    "id": CAPTION.hex,
                    "text": "A red shoe.",
                    "frameId": FRAME.hex,
                    "createdAt": "2026-03-10T14:22:00.123Z",
                    "status": "active",
                },
            ],
            "objects": [
                {
                    "id": DETECTION.hex,
                    "type": "object",
                    "label": "shoe",
                    "blob": "",
                    "status": "active",
                    "polygon": [{"x": 1.0, "y": 2.0}, {"x": 3.5, "y": 4.0}],
                    "confidence": 0.75,
                },
            ],
        },
    ],
    "dataset": {"id": COLLECTION.hex, "name": "Product Photos", "organizationId": ORGANIZATION.hex},
}


def test_an_item_is_shown_whole() -> None:
    assert show_media(PHOTO, LINKS) == SHOWN


def test_an_item_not_yet_verified_shows_no_bytes() -> None:
    pending = photo_with(verified_at=None, processing="pending")

    assert show_media(pending, LINKS) == SHOWN | {
        "blob": None,
        "frames": [],
        "processing": {"state": "pending", "reason": None},
    }


def test_a_folder_is_a_folder() -> None:
    nothing = dict.fromkeys(
        ("width", "height", "filename", "mimeType", "takenAt", "placeholder", "sha256", "processing")
    )
    moderation = SHOWN["metadata"]["moderation"]

    assert show_media(A_FOLDER, LINKS) == SHOWN | nothing | {
        "type": "folder",
        "blob": "folder",
        "sizeBytes": 0,
        "colors": [],
        "frames": [],
        "metadata": {"tags": {}, "moderation": moderation},
    }


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.0, "0"), (12.5, "12.5"), (100.0, "100"), (0.0004, "0"), (3.14159, "3.142")]
)
def test_a_frames_time_is_a_text(seconds: float, shown: str) -> None:
    media = photo_with(
        frames=(
            replace(
                PHOTO.version.frames[0], at_seconds=seconds, end_seconds=seconds, page_number=2, text="words"
            ),
        ),
    )

    frame = show_media(media, LINKS)["frames"][0]

    assert (frame["timestamp"], frame.get("endTimestamp"), frame.get("pageNumber"), frame.get("text")) == (
        shown,
        shown,
        2,
        "words",
    )


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        (None, "2026-03-10T14:22:00.123"),
        ("Z", "2026-03-10T14:22:00.123Z"),
        ("-05:30", "2026-03-10T08:52:00.123-05:30"),
    ],
)
def test_a_picture_was_taken_by_its_cameras_clock(zone: str | None, shown: str) -> None:
    assert show_media(photo_with(taken_zone=zone), LINKS)["takenAt"] == shown


def test_an_etag_changes_with_the_items_own_state_and_with_nothing_else() -> None:
    frame = PHOTO.version.frames[0]
    own = [
        PHOTO,
        replace(PHOTO, row_version=4),
        photo_with(processing="failed"),
        replace(PHOTO, tags={}),
        photo_with(frames=()),
        photo_with(frames=(replace(frame, captions=()),)),
        photo_with(frames=(replace(frame, key="derived/another"),)),
    ]
    unrelated = [
        replace(PHOTO, collection_name="Renamed"),
        replace(PHOTO, path=FolderPath(COLLECTION, (OTHER, MEDIA))),
    ]

    assert len({media_etag(media) for media in own}) == len(own)
    assert {media_etag(media) for media in unrelated} == {media_etag(PHOTO)}


# Pages.


def test_a_page_has_a_cursor_to_the_next() -> None:
    page = Page((PHOTO,), 7, Cursor(WHEN.isoformat(), MEDIA))

    shown = show_listing(page, LINKS, limit=1, offset=2)

    assert shown == {
        "media": [SHOWN],
        "pagination": {
            "total": 7,
            "limit": 1,
            "offset": 2,
            "hasMore": True,
            "nextCursor": show_cursor(Cursor(WHEN.isoformat(), MEDIA)),
        },
    }


def test_a_page_is_cut_before_it_is_too_large_to_answer() -> None:
    large = replace(PHOTO, metadata={"text": "x" * 2_000_000})
    page = Page((large, replace(large, id=OTHER), replace(large, id=USER)), 3, None)

    shown = show_listing(page, LINKS, limit=10, offset=0)

    assert [media["id"] for media in shown["media"]] == [MEDIA.hex, OTHER.hex]
    assert shown["pagination"] == {
        "total": 3,
        "limit": 10,
        "offset": 0,
        "hasMore": True,
        "nextCursor": show_cursor(Cursor(WHEN.isoformat(), OTHER)),
    }


def test_a_cursor_is_read_as_it_was_written() -> None:
    cursor = Cursor("naïve|key.", MEDIA)

    assert parse_cursor(show_cursor(cursor)) == cursor


@pytest.mark.parametrize(
    "text", ["", "x", "!!!!", "AAAA", "====", "é", show_cursor(Cursor("k\n", MEDIA)), "A" * 43]
)
def test_a_text_that_is_not_a_cursor_is_rejected(text: str) -> None:
    with pytest.raises(Invalid):
        parse_cursor(text)


@pytest.mark.parametrize(
    ("query", "issue"),
    [
        ({"limit": "0"}, "limit: Must be 1 or more"),
        ({"limit": "1001"}, "limit: Must be 1000 or less"),
        ({"limit": "NaN"}, "limit: Must be a whole number"),
        ({"offset": "-1"}, "offset: Must be 0 or more"),
        ({"offset": "9" * 30}, "offset: Must be 9007199254740991 or less"),
        ({"type": "audio"}, "type: Must be one of image, video, folder, all"),
        ({"sortDirection": "up"}, "sortDirection: Must be one of asc, desc"),
    ],
)
def test_a_parameter_that_is_wrong_is_named(query: dict[str, str], issue: str) -> None:
    with pytest.raises(Invalid) as rejected:
        STUDIO.read_query(BrowseQuery, query)

    assert rejected.value.sentence == issue


@pytest.mark.parametrize("name", [*BrowseQuery.UNSERVED])
def test_a_parameter_that_is_not_served_is_an_error(name: str) -> None:
    with pytest.raises(NotImplementedYet, match=name):
        STUDIO.read_query(BrowseQuery, {name: "true"})


@pytest.mark.parametrize("query", [{"sortBy": "name"}, {"sortDirection": "asc"}])
def test_an_order_that_is_not_served_is_an_error(query: dict[str, str]) -> None:
    asked = STUDIO.read_query(BrowseQuery, query)

    with pytest.raises(NotImplementedYet, match=next(iter(query))):
        asked.after()


def test_empty_parameters_are_absent_ones() -> None:
    given = dict.fromkeys([*BrowseQuery.model_fields, *BrowseQuery.UNSERVED], "") | {"recursive": "false"}

    assert STUDIO.read_query(BrowseQuery, given) == BrowseQuery.model_validate({})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (MEDIA.hex, MEDIA),
        (str(MEDIA), MEDIA),
        (str(MEDIA).upper(), MEDIA),
        ("", None),
        (f"{{{MEDIA}}}", None),
        (f"urn:uuid:{MEDIA}", None),
        (MEDIA.hex[:-1], None),
        (f"{MEDIA.hex}\n", None),
        ("0" * 31 + "٠", None),
        (f"{MEDIA.hex[:16]}-{MEDIA.hex[16:]}", None),
    ],
)
def test_an_id_is_read_with_hyphens_or_without(text: str, expected: UUID | None) -> None:
    assert STUDIO.parse_id(text) == expected


@pytest.mark.parametrize(
    ("dialect", "rejected", "status", "body"),
    [
        (STUDIO, Unauthorized(), 401, {"error": "Missing or invalid authentication", "code": "unauthorized"}),
        (STUDIO, NotFound("Media not found"), 404, {"error": "Media not found", "code": "not_found"}),
        (
            STUDIO,
            OtherOrganization("Media not found"),
            403,
            {"error": "No access to this item's organization", "code": "other_organization"},
        ),
        (
            STUDIO,
            NotAMember("You are not in it"),
            403,
            {"error": "You are not in it", "code": "not_a_member"},
        ),
        (
            UPLOADS,
            OtherOrganization("Upload not found"),
            404,
            {"error": "Upload not found", "code": "not_found"},
        ),
        (
            UPLOADS,
            NotAMember("You are not in it"),
            404,
            {"error": "Organization not found", "code": "not_found"},
        ),
        (UPLOADS, NotImplementedYet("Not yet"), 501, {"error": "Not yet", "code": "not_served"}),
    ],
)
def test_an_error_is_a_sentence_and_a_code(
    dialect: Dialect, rejected: ApiError, status: int, body: dict[str, Any]
) -> None:
    answer = dialect.error_answer(rejected, None)

    assert (answer.status, answer.body) == (status, body)


def test_v1_shows_the_same_item_in_its_own_format() -> None:
    assert show_in_v1(PHOTO, LINKS) == {
        "id": str(MEDIA),
        "userId": str(USER),
        "teamId": str(ORGANIZATION),
        "url": f"https://api.test/f/{MEDIA.hex}/{'t' * 22}",
        "filename": "hero-shot.jpg",
        "fileSize": 184320,
        "mimeType": "image/jpeg",
        "width": 2400,
        "height": 1600,
        "title": "Hero",
        "alt": None,
        "caption": "",
        "status": "active",
        "createdAt": "2026-03-10T14:22:00.123Z",
        "updatedAt": "2026-03-10T14:22:00.123Z",
        "processing": {"state": "ready", "reason": None},
    }
