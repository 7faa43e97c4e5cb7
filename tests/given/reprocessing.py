"""Reprocessing to test with: requested over HTTP, or recorded without the message that starts a worker."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tests.given.isolation_cases import owner
from tests.given.items import read_item
from vitrine import storage
from vitrine.db import write
from vitrine.queries import reprocessing
from vitrine.settings import settings

if TYPE_CHECKING:
    from collections.abc import Generator

    import httpx
    import pytest

    from tests.given.tenants import Tenant

TOO_LARGE = "The picture has 0 megapixels; the limit is 0"  # the reason inside `too_large`


def ask(tenant: Tenant, item: str, **headers: str) -> httpx.Response:
    return tenant.studio.post(f"/api/media/{item}/reprocess", headers=headers)


def record_request(tenant: Tenant, version: str) -> str:
    """Record a request to reprocess the version, without a message to the worker. Returns the key that an
    event would name.
    """
    (asked,) = write(tenant.owner, reprocessing.request(tenant.id, [UUID(version)], tenant.owner.user_id))
    return asked.key


def done(tenant: Tenant, item: str) -> dict[str, Any]:
    """The item, once it is not being processed any more."""
    until = time.monotonic() + 60
    while True:
        shown = read_item(tenant, item)
        if (
            shown["processing"]["state"] != "pending" and "reprocessing" not in shown["processing"]
        ) or time.monotonic() > until:
            return shown
        time.sleep(0.1)


@contextmanager
def too_large(environment: pytest.MonkeyPatch) -> Generator[None]:
    """Every picture exceeds the limit of pixels in this process."""
    environment.setenv("MAX_PIXELS", "10")
    settings.cache_clear()
    yield
    environment.undo()
    settings.cache_clear()


def locked(tenant: Tenant) -> set[str]:
    """The keys of replaced objects that are kept for clients that have their URLs."""
    with owner() as connection:
        found = connection.execute(
            """
            select key
              from objects
             where organization_id = %s
               and kind = 'derived'
               and state = 'live'
               and keep_until > now()
            """,
            [tenant.id],
        )
        return {row["key"] for row in found}


def stored(tenant: Tenant) -> tuple[int, int]:
    """Bytes of originals and of derived objects, as the store lists them."""
    originals, derived = (
        sum(each.bytes for each in storage.list_objects(f"{area}/{tenant.id.hex}/"))
        for area in ("originals", "derived")
    )
    return originals, derived
