"""on_upload_stored: the store's events, which come twice, late, early and in any order, and make everything once."""

from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import pytest

from functions.on_upload_stored import handler
from tests import pictures
from tests.protocol import begin
from vitrine import storage
from vitrine.db import Statement, read
from vitrine.models import Consumer

if TYPE_CHECKING:
    from tests.protocol import Multipart
    from tests.tenants import Tenant

EVENTS = Path(__file__).parent.parent / "events"
PHOTOS = [pictures.jpeg(200, 100 + n, seed=n) for n in range(4)]


def deliver(*keys: str) -> list[str]:
    """The messages of these keys, as SQS hands them on; the ids of those that are to come back."""
    message = json.loads((EVENTS / "on_upload_stored.json").read_text())["Records"][0]
    records = []
    for n, key in enumerate(keys):
        notification = json.loads(message["body"])
        notification["Records"][0]["s3"]["object"]["key"] = quote_plus(key, safe="/")
        records.append(message | {"messageId": str(n), "body": json.dumps(notification)})
    context = SimpleNamespace(
        aws_request_id="test", function_name="on_upload_stored", memory_limit_in_mb=2048, invoked_function_arn="arn:aws:lambda:x",
        get_remaining_time_in_millis=lambda: 60_000,
    )
    answer: dict[str, Any] = handler.handler({"Records": records}, context)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


@dataclass(frozen=True)
class Row:
    line: str


def books(tenant: Tenant) -> list[str]:
    """What is in the books of an organization, ids and times aside."""
    statement = Statement(
        """
        select 'media ' || concat_ws(' ', name, type, status, processing, width, height, size_bytes, encode(sha256, 'hex'), row_version) as line
          from media where organization_id = %(organization)s
        union all
        select 'frame ' || concat_ws(' ', ordinal, width, height, thumbnail_width, thumbnail_height)
          from frames where organization_id = %(organization)s
        union all
        select 'ledger ' || concat_ws(' ', delta_bytes, delta_count, kind, state, reason) from storage_ledger where organization_id = %(organization)s
        union all
        select 'counts ' || concat_ws(' ', type, sum(n)) from (
          select type, delta as n from count_ledger where organization_id = %(organization)s and not folded
          union all
          select type, items from counts where organization_id = %(organization)s) as each group by type
        union all
        select 'upload ' || concat_ws(' ', state, reason) from uploads where organization_id = %(organization)s
         order by line
        """,
        {"organization": tenant.id}, Row,
    )
    return [row.line for row in read(Consumer(tenant.id), statement)]


def landed(tenant: Tenant) -> list[Multipart]:
    """Uploads whose parts are put."""
    uploads = [begin(tenant, filename=f"{n}.jpg") for n in range(len(PHOTOS))]
    for upload, photo in zip(uploads, PHOTOS, strict=True):
        upload.put_all(photo)
    return uploads


@pytest.mark.parametrize("seed", range(3))
def test_three_times_shuffled_and_before_completes_commit_is_as_once(tenant: Tenant, stranger: Tenant, seed: int) -> None:
    for upload in landed(stranger):
        assert upload.complete().status_code == 200
        assert stranger.settled(upload.media)["state"] == "ready"
    uploads = landed(tenant)
    keys = [upload.answer["key"] for upload in uploads]

    # The store completes, the call that asked for it dies: its events are the first to tell.
    for upload in uploads[:2]:
        part = upload.parts().json()[0]
        storage.complete(upload.answer["key"], store_id(tenant, upload), [(1, part["ETag"])], size=None, checksum=None)
    deliveries = [*keys[2:], *keys, *keys, *keys]           # the first two: events of objects that are not there yet
    random.Random(seed).shuffle(deliveries)
    with ThreadPoolExecutor(3) as pool:
        returned = list(pool.map(deliver, deliveries))
    for upload in uploads:
        assert upload.complete().status_code == 200
    for upload in uploads:
        assert tenant.settled(upload.media)["state"] == "ready"
    assert deliver(*keys, *keys) == []                       # late

    assert all(not failures or len(failures) == 1 for failures in returned)
    assert books(tenant) == books(stranger)
    assert tenant.trouble() == []


def store_id(tenant: Tenant, upload: Multipart) -> str:
    found = [each.upload_id for each in storage.open_multiparts() if each.key == upload.answer["key"]]
    return found[0]


def test_an_object_of_no_upload_is_left_alone_and_the_queue_moves(tenant: Tenant) -> None:
    upload = begin(tenant)
    upload.complete(upload.put_all(PHOTOS[0]))

    assert deliver("originals/nobody", upload.answer["key"], "incoming/nobody", "strange key+%") == []
    assert tenant.settled(upload.media)["state"] == "ready"


def test_an_event_after_the_item_was_deleted_counts_in_the_trash(tenant: Tenant) -> None:
    upload = begin(tenant)
    upload.put_all(PHOTOS[0])
    upload.complete()
    tenant.settled(upload.media)
    assert tenant.studio.delete(f"/api/media/{upload.media}").status_code == 200

    assert deliver(upload.answer["key"]) == []

    assert tenant.trouble() == []
    usage = tenant.studio.get(f"/api/organization/{tenant.id.hex}/usage").json()
    assert (usage["counts"]["active"], usage["counts"]["trash"]) == (0, 1)
