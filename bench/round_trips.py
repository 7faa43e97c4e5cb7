"""The number of database round trips of a warm request, counted by a proxy."""

from __future__ import annotations

import importlib
import os
from functools import partial

import anyio
import httpx
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.given import pictures
from tests.given.proxy import counted
from tests.given.stack import running_stack
from tests.given.tenants import Tenant
from vitrine import db
from vitrine.settings import settings


def main() -> None:
    """Print the number for four reads and for signing a POST upload."""
    with running_stack() as stack:
        os.environ.update(stack.environment() | {"API_URL": stack.origin})
        settings.cache_clear()
        tenant = Tenant.create("bench")
        media = tenant.ready(pictures.jpeg(60, 40, seed=1))
        key = tenant.studio.key or ""
        url = os.environ["DATABASE_URL"]
        with counted(str(conninfo_to_dict(url)["host"]), int(str(conninfo_to_dict(url)["port"]))) as proxy:
            os.environ["DATABASE_URL"] = make_conninfo(url, host="127.0.0.1", port=proxy.port)
            db.close()
            settings.cache_clear()
            for function, path in (
                ("get_me", "/api/me"),
                ("get_media", f"/api/media/{media}"),
                ("browse_media", f"/api/dataset/{tenant.collection_id.hex}/media"),
                ("v1_list_media", "/api/v1/media"),
                ("sign_post", "/api/upload/s3/params?filename=a.jpg&type=image/jpeg"),
            ):
                app = importlib.import_module(f"functions.{function}.handler").app
                anyio.run(partial(_ask, app, path, key))
                proxy.trips = 0
                anyio.run(partial(_ask, app, path, key))
                print(f"  {function:16} {proxy.trips}")
            db.close()


async def _ask(app: httpx.ASGITransport, path: str, key: str) -> None:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),  # type: ignore[arg-type]
        base_url="http://bench.test",
    ) as client:
        answer = await client.get(path, headers={"x-api-key": key})
        answer.raise_for_status()
