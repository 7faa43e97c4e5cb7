"""GET /api/dataset/{datasetId}/tags"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.given.answers import outcome
from tests.given.isolation_cases import NOWHERE, owner
from tests.given.items import folder, photo, read_item_with_etag
from tests.given.shapes import hyphened
from tests.given.tags import given, hide, listed, put_many, remove, rename

if TYPE_CHECKING:
    from tests.given.tenants import Tenant


def test_a_collection_without_tags_has_an_empty_list(tenant: Tenant) -> None:
    folder(tenant)["id"]

    assert outcome(listed(tenant)) == (200, {"tags": {}})


def test_each_tag_is_listed_once_sorted_by_code_point(tenant: Tenant) -> None:
    outer, item = folder(tenant)["id"], photo(tenant)
    inner = folder(tenant, path=read_item_with_etag(tenant, outer)[0]["path"])["id"]
    given(tenant, outer, {"season": ["spring"], "color": ["red", "blue"]})
    given(tenant, item, {"color": ["red", "Red"], "Zoo": ["é", "z"]})
    given(tenant, inner, {"color": ["green", "red"]})

    answer = listed(tenant)

    tags = answer.json()["tags"]
    assert outcome(answer) == (
        200,
        {"tags": {"Zoo": ["z", "é"], "color": ["Red", "blue", "green", "red"], "season": ["spring"]}},
    )
    assert list(tags) == ["Zoo", "color", "season"]


def test_only_tags_of_items_in_this_collection_are_listed(tenant: Tenant, stranger: Tenant) -> None:
    other = tenant.studio.post(f"/api/organization/{tenant.id.hex}/datasets", json={"name": "Other"}).json()[
        "id"
    ]
    given(tenant, folder(tenant)["id"], {"color": ["red"]})
    given(tenant, folder(tenant, collection=other)["id"], {"color": ["blue"]})
    given(stranger, folder(stranger)["id"], {"color": ["green"]})

    assert outcome(listed(tenant)) == (200, {"tags": {"color": ["red"]}})
    assert outcome(listed(tenant, hyphened(other))) == (200, {"tags": {"color": ["blue"]}})


def test_the_list_follows_removed_renamed_deleted_and_restored_tags(tenant: Tenant) -> None:
    one, other = folder(tenant)["id"], folder(tenant)["id"]
    given(tenant, one, {"color": ["blue", "red"]})
    given(tenant, other, {"color": ["red"], "season": ["spring"]})

    remove(tenant, one, label="color", value="blue")
    assert outcome(listed(tenant)) == (200, {"tags": {"color": ["red"], "season": ["spring"]}})
    tenant.studio.delete(f"/api/media/{other}")
    assert outcome(listed(tenant)) == (200, {"tags": {"color": ["red"]}})
    rename(tenant, one, "color", "hue")
    assert outcome(listed(tenant)) == (200, {"tags": {"hue": ["red"]}})
    tenant.studio.post(f"/api/media/{other}/restore")
    assert outcome(listed(tenant)) == (
        200,
        {"tags": {"color": ["red"], "hue": ["red"], "season": ["spring"]}},
    )


def test_a_hidden_tag_is_not_listed(tenant: Tenant) -> None:
    given(tenant, folder(tenant)["id"], {"color": ["red", "blue"], "season": ["spring"]})
    hide(tenant, "color", "red")
    hide(tenant, "season", "spring")

    assert outcome(listed(tenant)) == (200, {"tags": {"color": ["blue"]}})


def test_at_most_5000_tags_are_listed(tenant: Tenant) -> None:
    for group in ("a", "b"):
        put_many(tenant, folder(tenant)["id"], group, 2600)

    answer = listed(tenant)

    assert outcome(answer) == (
        200,
        {
            "tags": {
                "a": [f"value {n:05}" for n in range(1, 2601)],
                "b": [f"value {n:05}" for n in range(1, 2401)],
            }
        },
    )


@pytest.mark.parametrize("where", ["nowhere", "malformed", "an item"])
def test_a_missing_collection_is_not_found(tenant: Tenant, where: str) -> None:
    named = {"nowhere": NOWHERE, "malformed": "nonsense", "an item": folder(tenant)["id"]}[where]

    assert outcome(listed(tenant, named)) == (404, {"error": "Collection not found", "code": "not_found"})


def test_a_deleted_collection_is_not_found(tenant: Tenant) -> None:
    values = {"organization": tenant.id, "deletion": uuid4(), "collection": tenant.collection_id}
    with owner() as connection:
        connection.execute(
            """
            insert into deletions (organization_id, id, kind, root_id, actor, item_count)
            values (%(organization)s, %(deletion)s, 'collection', %(collection)s, %(organization)s, 0)
            """,
            values,
        )
        connection.execute(
            """
            update collections
               set is_default = false, status = 'deleted', deletion_id = %(deletion)s
             where id = %(collection)s
            """,
            values,
        )

    assert outcome(listed(tenant)) == (404, {"error": "Collection not found", "code": "not_found"})
