"""Items to tag, requests on tags, and tags that are inserted past the API."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from tests.given import items
from tests.given.isolation_cases import owner

if TYPE_CHECKING:
    import httpx

    from tests.given.tenants import Tenant


def folder(tenant: Tenant, name: str = "A folder") -> str:
    """The id of a new folder."""
    made: str = items.folder(tenant, name)["id"]
    return made


def photo(tenant: Tenant, seed: int = 1, **metadata: str) -> str:
    """The id of a new picture, ready."""
    return items.photo(tenant, seed=seed, **metadata)


shown = items.read_item_with_etag


def add(tenant: Tenant, item: str, label: object, value: object, **headers: str) -> httpx.Response:
    return tenant.studio.post(
        f"/api/media/{item}/tags", json={"label": label, "value": value}, headers=headers
    )


def given(tenant: Tenant, item: str, tags: dict[str, list[str]]) -> None:
    """Add these tags to the item."""
    for label, values in tags.items():
        for value in values:
            answer = add(tenant, item, label, value)
            assert answer.status_code == 200, answer.text


def remove(tenant: Tenant, item: str, **body: object) -> httpx.Response:
    headers = body.pop("headers", {})
    return tenant.studio.delete(f"/api/media/{item}/tags", json=body, headers=headers)


def rename(tenant: Tenant, item: str, old: object, new: object, **headers: str) -> httpx.Response:
    return tenant.studio.patch(
        f"/api/media/{item}/tags", json={"oldLabel": old, "newLabel": new}, headers=headers
    )


def tags_of(tenant: Tenant, item: str) -> dict[str, list[str]]:
    tags: dict[str, list[str]] = shown(tenant, item)[0]["metadata"]["tags"]
    return tags


def listed(tenant: Tenant, collection: str | None = None) -> httpx.Response:
    return tenant.studio.get(f"/api/dataset/{collection or tenant.collection_id.hex}/tags")


def hide(tenant: Tenant, group: str, name: str, *, hidden: bool = True) -> None:
    with owner() as connection:
        changed = connection.execute(
            'update tags set is_active = %s where organization_id = %s and "group" = %s and name = %s',
            [not hidden, tenant.id, group, name],
        )
        assert changed.rowcount == 1


def put_many(tenant: Tenant, item: str, group: str, number: int) -> None:
    """Add this many tags to the item, past the API."""
    with owner() as connection:
        connection.execute(
            """
            with made as (
              insert into tags (organization_id, id, "group", name)
              select %(organization)s, gen_random_uuid(), %(group)s, 'value ' || lpad(n::text, 5, '0')
                from generate_series(1, %(number)s) as n
              returning id
            )
            insert into media_tags (organization_id, media_id, tag_id)
            select %(organization)s, %(item)s, id from made
            """,
            {"organization": tenant.id, "group": group, "number": number, "item": UUID(item)},
        )


def slugs(tenant: Tenant, group: str = "tags") -> dict[str, str | None]:
    """The slugs of the tags of a group, by name."""
    with owner() as connection:
        found = connection.execute(
            'select name, slug from tags where organization_id = %s and "group" = %s', [tenant.id, group]
        ).fetchall()
        return {row["name"]: row["slug"] for row in found}
