"""An item as it is shown, whole; and the list of files of v1."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import UUID, uuid4

import pytest
from psycopg.types.json import Jsonb

from tests.given.library import NOON, Organization
from vitrine.db import write
from vitrine.errors import NotFound
from vitrine.library import folders, links, media
from vitrine.models.media import Caption, Detection, Frame, Media, ShownVersion
from vitrine.models.pages import Page
from vitrine.models.people import Worker
from vitrine.models.places import FolderPath
from vitrine.queries import counts
from vitrine.queries.files import Order

pytest_plugins = ["tests.given.library_fixtures"]


def test_an_item_is_shown_with_all_its_dependents(organization: Organization) -> None:
    folder = folders.create(organization.caller, organization.collection_id, "trip", path=None, reuse=False)
    item = organization.file(folder, name="é.jpg", stored=1234)
    frames, captions, detections = (
        [uuid4() for _ in range(2)],
        sorted(uuid4() for _ in range(2)),
        [uuid4() for _ in range(2)],
    )
    with organization.sql() as sql:
        sql.execute(
            """
            update media
              set title = 'T', alt = 'A', caption = 'C', metadata = %s, width = 3, height = 2, sha256 = %s,
                  placeholder = %s,
                   taken_at = %s, taken_zone = '+02:00', moderation = %s, row_version = 7 where id = %s
            """,
            [Jsonb({"prompt": "x"}), b"s" * 32, b"p", NOON, Jsonb({"status": "approved"}), item],
        )
        for group, name, active in (
            ("color", "red", True),
            ("color", "Blue", True),
            ("season", "spring", True),
            ("season", "fall", False),
            ("x", "y", False),
        ):
            tag = uuid4()
            sql.execute(
                'insert into tags (organization_id, id, "group", name, is_active) '
                "values (%s, %s, %s, %s, %s)",
                [organization.id, tag, group, name, active],
            )
            sql.execute(
                "insert into media_tags (organization_id, media_id, tag_id) values (%s, %s, %s)",
                [organization.id, item, tag],
            )
        for ordinal in (1, 0):
            sql.execute(
                """
                insert into frames (organization_id, id, version_id, ordinal, generation, key, mime_type,
                                    width, height,
                                    thumbnail_key, thumbnail_width, thumbnail_height, at_seconds, created_at)
                values (%s, %s, %s, %s, 1, %s, 'image/jpeg', 30, 20, %s, 3, 2, %s, %s)
                """,
                [
                    organization.id,
                    frames[ordinal],
                    item,
                    ordinal,
                    f"f{ordinal}",
                    f"t{ordinal}",
                    ordinal * 2.5,
                    NOON,
                ],
            )
        for caption, text in zip(captions, ("one", "two"), strict=True):
            sql.execute(
                "insert into captions (organization_id, id, frame_id, text, created_at) "
                "values (%s, %s, %s, %s, %s)",
                [organization.id, caption, frames[0], text, NOON],
            )
        for order, (detection, crop) in enumerate(zip(detections, (None, "c"), strict=True)):
            sql.execute(
                """
                insert into detections (organization_id, id, frame_id, type, label, polygon, score, crop_key,
                                        created_at)
                values (%s, %s, %s, 'object', 'dog', %s, 0.5, %s, %s)
                """,
                [
                    organization.id,
                    detection,
                    frames[0],
                    Jsonb([{"x": 1, "y": 2.5}, {"x": 3, "y": 4}]),
                    crop,
                    NOON + timedelta(seconds=order),
                ],
            )

    shown = media.get(organization.caller, item)

    polygon = ((1, 2.5), (3, 4))
    assert shown == Media(
        id=item,
        organization_id=organization.id,
        collection_id=organization.collection_id,
        collection_name="Default",
        path=FolderPath(organization.collection_id, (folder.id, item)),
        type="image",
        status="active",
        row_version=7,
        name="é.jpg",
        title="T",
        alt="A",
        caption="C",
        metadata={"prompt": "x"},
        tags={"color": ["Blue", "red"], "season": ["spring"]},
        link_token=shown.link_token,
        created_at=NOON + timedelta(seconds=1),
        created_by=organization.caller.user_id,
        updated_at=NOON + timedelta(seconds=1),
        updated_by=None,
        version=ShownVersion(
            id=item,
            number=1,
            filename="é.jpg",
            mime_type="image/jpeg",
            size_bytes=1234,
            width=3,
            height=2,
            duration=None,
            sha256=b"s" * 32,
            placeholder=b"p",
            taken_at=NOON,
            taken_zone="+02:00",
            processing="ready",
            processing_reason=None,
            moderation={"status": "approved"},
            verified_at=NOON + timedelta(seconds=1),
            frames=(
                Frame(
                    frames[0],
                    0.0,
                    None,
                    None,
                    "f0",
                    30,
                    20,
                    "t0",
                    None,
                    NOON,
                    tuple(
                        Caption(caption, text, NOON)
                        for caption, text in zip(captions, ("one", "two"), strict=True)
                    ),
                    (
                        Detection(detections[0], "object", "dog", polygon, 0.5, None),
                        Detection(detections[1], "object", "dog", polygon, 0.5, "c"),
                    ),
                ),
                Frame(frames[1], 2.5, None, None, "f1", 30, 20, "t1", None, NOON, (), ()),
            ),
        ),
    )
    assert media.browse(organization.caller, organization.collection_id, path=str(folder.path)).items == (
        shown,
    )
    assert media.list_files(organization.caller).items == (shown,)
    assert media.get_file(organization.caller, item) == shown


def test_v1_lists_verified_files_of_every_place_and_no_folders(
    organization: Organization, neighbour: Organization
) -> None:
    assert media.list_files(organization.caller) == Page((), 0, None)
    folder = folders.create(organization.caller, organization.collection_id, "trip", path=None, reuse=False)
    at_root, inside = organization.file(), organization.file(folder)
    pending = organization.file(verified=False)
    gone = organization.file()
    media.delete(organization.caller, gone)
    neighbour.file()

    listed = media.list_files(organization.caller)

    assert ([item.id for item in listed.items], listed.total) == ([inside, at_root], 2)
    for item in (folder.id, pending, gone, uuid4()):
        with pytest.raises(NotFound):
            media.get_file(organization.caller, item)
    assert media.get(organization.caller, pending).version.processing == "pending"


@pytest.mark.parametrize("order_by", get_args(Order))
@pytest.mark.parametrize("descending", [False, True])
def test_v1_orders_by_one_column_then_by_id_over_all_pages(
    organization: Organization, order_by: Order, descending: bool
) -> None:
    made = [
        (
            NOON + timedelta(days=index % 3),
            "ßaZ"[index % 3],
            100 + index % 3,
            organization.file(
                name="ßaZ"[index % 3], stored=100 + index % 3, at=NOON + timedelta(days=index % 3), derived=()
            ),
        )
        for index in range(8)
    ]
    column = get_args(Order).index(order_by)
    expected = [row[3] for row in sorted(made, key=lambda row: (row[column], row[3]), reverse=descending)]

    pages = [
        media.list_files(
            organization.caller, order_by=order_by, descending=descending, limit=3, offset=offset
        )
        for offset in (0, 3, 6, 9)
    ]

    assert [item.id for page in pages for item in page.items] == expected
    assert {page.total for page in pages} == {8}


def test_v1_counts_by_type_before_and_after_counts_are_folded(organization: Organization) -> None:
    folder = folders.create(organization.caller, organization.collection_id, "trip", path=None, reuse=False)
    films = [organization.file(folder, type="video"), organization.file(type="video")]
    organization.file()

    def totals() -> list[int]:
        return [
            media.list_files(organization.caller, type="all").total,
            media.list_files(organization.caller, type="image").total,
            media.list_files(organization.caller, type="video").total,
        ]

    before = totals()
    while write(Worker(), counts.fold(1000))[0].n:
        pass

    assert before == [3, 1, 2]
    assert totals() == before
    assert [item.id for item in media.list_files(organization.caller, type="video").items] == films[::-1]


def test_another_tenants_item_is_not_found(organization: Organization, neighbour: Organization) -> None:
    theirs = neighbour.file()

    for deletion in (media.get, media.get_file, media.delete):
        with pytest.raises(NotFound):
            deletion(organization.caller, theirs)
    assert media.get(neighbour.caller, theirs).status == "active"


def test_a_permanent_link_leads_to_its_item_until_the_item_is_deleted(organization: Organization) -> None:
    item, pending = organization.file(), organization.file(verified=False)
    token = media.get(organization.caller, item).link_token

    link = links.target(item, token)

    assert (link.organization_id, link.name, link.mime_type, link.key) == (
        organization.id,
        "a.jpg",
        "image/jpeg",
        f"originals/{item}",
    )
    assert (link.external_url, link.frame_key, link.thumbnail_key) == (None, None, None)
    for media_id, guess in (
        (item, token[:-1] + "!"),
        (uuid4(), token),
        (pending, media.get(organization.caller, pending).link_token),
    ):
        with pytest.raises(NotFound):
            links.target(media_id, guess)
    media.delete(organization.caller, item)
    with pytest.raises(NotFound):
        links.target(item, token)


def test_times_are_aware_and_in_utc(organization: Organization) -> None:
    item: UUID = organization.file()

    assert media.get(organization.caller, item).created_at.astimezone(UTC) == datetime(
        2026, 1, 1, 12, 0, 1, tzinfo=UTC
    )
