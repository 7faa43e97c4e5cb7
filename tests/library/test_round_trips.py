"""Round trips to the database are the latency. They are counted through a proxy, for requests of a warm
function.
"""

from __future__ import annotations

import importlib
import os
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.given import pictures
from tests.given.loops import call
from tests.given.proxy import Proxy, counted
from vitrine import db
from vitrine.db import Statement, Transaction, read, read_all, transaction, write
from vitrine.library import folders
from vitrine.models.people import Consumer
from vitrine.settings import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.given.tenants import Tenant

ONE = Statement("select 1 as n", dict[str, Any])


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy between this process and the database, whose connections are opened again."""
    url = os.environ["DATABASE_URL"]
    parts = conninfo_to_dict(url)
    with counted(str(parts["host"]), int(str(parts["port"]))) as between:
        monkeypatch.setenv("DATABASE_URL", make_conninfo(url, host="127.0.0.1", port=between.port))
        db.close()
        settings.cache_clear()
        yield between
        db.close()
    monkeypatch.undo()
    settings.cache_clear()


def trips(proxy: Proxy, deed: Callable[[], object]) -> int:
    deed()  # warm: the connection is open
    proxy.trips = 0
    deed()
    return proxy.trips


@pytest.mark.parametrize(
    ("what", "deed", "expected"),
    [
        ("a read", lambda who: read(who, ONE), 1),
        ("three reads at once", lambda who: read_all(who, ONE, ONE, ONE), 1),
        ("a write", lambda who: write(who, ONE), 1),
        (
            "a transaction whose statements wait for nothing",
            lambda who: transaction(who, lambda t: t.queue(ONE)),
            1,
        ),
        ("a transaction that asks once", lambda who: transaction(who, lambda t: t.run(ONE)), 2),
        (
            "a transaction that asks twice",
            lambda who: transaction(who, lambda t: (t.run(ONE), t.run(ONE))),
            3,
        ),
    ],
)
def test_reads_writes_and_transactions_have_their_number_of_round_trips(
    proxy: Proxy, tenant: Tenant, what: str, deed: Callable[[Consumer], object], expected: int
) -> None:
    assert trips(proxy, lambda: deed(Consumer(tenant.id))) == expected


def test_a_new_connection_is_used_without_a_test(proxy: Proxy, tenant: Tenant) -> None:
    with psycopg.connect(settings().database_url, autocommit=True) as plain:
        plain.execute("select 1")
        expected, proxy.trips = proxy.trips, 0

        read(Consumer(tenant.id), ONE)

        assert proxy.trips == expected


def test_a_connection_that_was_long_unused_is_tested_before_its_use(
    proxy: Proxy, tenant: Tenant, another_environment: pytest.MonkeyPatch
) -> None:
    another_environment.setattr(db, "IDLE_CHECK", 0.05)
    # milliseconds
    another_environment.setenv(
        "DATABASE_URL", make_conninfo(os.environ["DATABASE_URL"], options="-c idle_session_timeout=100")
    )
    settings.cache_clear()
    who = Consumer(tenant.id)

    with ThreadPoolExecutor(2) as threads:
        first, second = Locked(), Locked()
        threads.submit(first.lock, who)
        assert first.begun.wait(5)
        proxy.admits.clear()
        threads.submit(second.lock, who)  # asks for a connection, and one is opened for it:
        assert proxy.came.acquire(timeout=5)
        assert proxy.came.acquire(timeout=5)
        first.over.set()  # but this one is free before that
        assert second.begun.wait(5)
        proxy.admits.set()
        assert proxy.dropped.acquire(timeout=5)  # by the server, because it is unused
        second.over.set()

    assert write(who, ONE) == [{"n": 1}]  # the pool gives the one that has lain longest


class Locked:
    """A transaction that keeps its connection until it is `over`."""

    def __init__(self) -> None:
        self.begun, self.over = Event(), Event()

    def lock(self, who: Consumer) -> None:
        def work(opened: Transaction) -> None:
            opened.run(ONE)
            self.begun.set()
            self.over.wait(5)

        transaction(who, work)


def test_a_failed_transaction_leaves_a_connection_that_works(proxy: Proxy, tenant: Tenant) -> None:
    who = Consumer(tenant.id)

    with pytest.raises(Exception, match="division by zero"):
        transaction(who, lambda t: t.run(Statement("select 1 / 0 as n", dict[str, Any])))

    assert read(who, ONE) == [{"n": 1}]


@pytest.mark.parametrize(
    ("function", "path"),
    [
        ("get_me", "/api/me"),
        ("get_media", "/api/media/{media}"),
        ("browse_media", "/api/dataset/{collection}/media?limit=10"),
        ("get_folder", "/api/folder/{folder}"),
        ("list_collections", "/api/organization/{organization}/datasets"),
        ("list_tags", "/api/dataset/{collection}/tags"),
        ("get_usage", "/api/organization/{organization}/usage"),
        ("v1_list_media", "/api/v1/media"),
        ("v1_get_media", "/api/v1/media/{media}"),
        ("v1_list_media_tags", "/api/v1/media/{media}/tags"),
        ("v1_list_tags", "/api/v1/media-tags"),
    ],
)
@pytest.mark.sampled(3)
def test_a_warm_read_is_two_round_trips(proxy: Proxy, tenant: Tenant, function: str, path: str) -> None:
    media = tenant.ready(pictures.jpeg(60, 40, seed=1))
    folder = folders.create(tenant.owner, tenant.collection_id, "x", path=None, reuse=False)
    filled = path.format(
        media=media, folder=folder.id.hex, collection=tenant.collection_id.hex, organization=tenant.id.hex
    )
    app = importlib.import_module(f"functions.{function}.handler").app

    def deed() -> None:
        answer = call(app, path=filled, headers={"x-api-key": tenant.studio.key or ""})
        assert answer.status_code == 200, answer.text

    assert trips(proxy, deed) <= 2


@pytest.mark.parametrize(
    ("what", "metadata", "expected"),
    [
        ("into the default collection", {}, 3),
        ("into a collection", {"datasetId": "{collection}"}, 3),
        ("into a folder", {"datasetId": "{collection}", "path": "{collection}.{folder}"}, 3),
        ("with a size", {"size": "1000"}, 3),
        ("into folders that there are", {"relativePath": "x/y/a.jpg"}, 4),
        ("as a version", {"sourceMediaId": "{media}"}, 4),
    ],
)
@pytest.mark.sampled(3)
def test_a_form_is_signed_in_at_most_four_round_trips(
    proxy: Proxy, tenant: Tenant, what: str, metadata: dict[str, str], expected: int
) -> None:
    """The caller and the rate limit; the folder and the quota, under their locks; the rows, and the commit.
    The item of a new version, or the folders of a path, are one more.
    """
    media = tenant.ready(pictures.jpeg(60, 40, seed=1)) if "sourceMediaId" in metadata else ""
    folder = folders.create(tenant.owner, tenant.collection_id, "x", path=None, reuse=False)
    folders.create(tenant.owner, tenant.collection_id, "y", path=folder.path, reuse=False)
    named = {"media": media, "folder": folder.id.hex, "collection": tenant.collection_id.hex}
    query = {
        "filename": "a.jpg",
        **{f"metadata[{name}]": value.format(**named) for name, value in metadata.items()},
    }
    app = importlib.import_module("functions.sign_post.handler").app

    def deed() -> None:
        answer = call(
            app, path="/api/upload/s3/params", headers={"x-api-key": tenant.studio.key or ""}, params=query
        )
        assert answer.status_code == 200, answer.text

    assert trips(proxy, deed) == expected
