"""Having frames made anew, as the tests of it do: over HTTP, or written down alone, so that no worker
hears of it.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tests.given import versions as families
from tests.given.isolation_cases import owner
from vitrine import storage
from vitrine.db import write
from vitrine.queries import reprocessing
from vitrine.settings import settings

if TYPE_CHECKING:
    from collections.abc import Generator

    import httpx
    import pytest

    from tests.given.tenants import Tenant

TOO_LARGE = "The picture has 0 megapixels; the limit is 0"  # of `too_large`


def ask(tenant: Tenant, item: str, **headers: str) -> httpx.Response:
    return tenant.studio.post(f"/api/media/{item}/reprocess", headers=headers)


def ask_silently(tenant: Tenant, version: str) -> str:
    """The version is asked for again, and no message says so: at which key an event of it would have
    landed.
    """
    (asked,) = write(tenant.owner, reprocessing.ask(tenant.id, [UUID(version)], tenant.owner.user_id))
    return asked.key


def done(tenant: Tenant, item: str) -> dict[str, Any]:
    """The item, once it is not being processed any more."""
    until = time.monotonic() + 60
    while True:
        shown = families.shown(tenant, item)
        if (
            shown["processing"]["state"] != "pending" and "reprocessing" not in shown["processing"]
        ) or time.monotonic() > until:
            return shown
        time.sleep(0.1)


@contextmanager
def too_large(environment: pytest.MonkeyPatch) -> Generator[None]:
    """To this process every picture is."""
    environment.setenv("MAX_PIXELS", "10")
    settings.cache_clear()
    yield
    environment.undo()
    settings.cache_clear()


def locked(tenant: Tenant) -> set[str]:
    """The keys of what was replaced and stays for who has a URL of it."""
    with owner() as connection:
        found = connection.execute(
            "select key from objects where organization_id = %s and kind = 'derived' and state = 'live' and keep_until > now()",
            [tenant.id],
        )
        return {row["key"] for row in found}


def stored(tenant: Tenant) -> tuple[int, int]:
    """Bytes of originals and of what was derived, as the store itself lists them."""
    originals, derived = (
        sum(each.bytes for each in storage.listed(f"{area}/{tenant.id.hex}/"))
        for area in ("originals", "derived")
    )
    return originals, derived
