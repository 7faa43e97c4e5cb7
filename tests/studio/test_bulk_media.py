"""POST /api/media/bulk"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tests.given import collections as collecting
from tests.given import pictures
from tests.given import tags as tagging
from tests.given.isolation_cases import NOWHERE, owner
from tests.given.items import folder, path_of
from tests.given.shapes import AN_ID, hyphened
from tests.given.tenants import Client
from tests.given.usage import usage
from vitrine.errors import Conflict
from vitrine.library import bulk, deletions
from vitrine.models.bulk import Delete
from vitrine.models.places import MAX_FOLDER_DEPTH

if TYPE_CHECKING:
    import httpx
    import pytest

    from tests.given.tenants import Tenant

MISSING: dict[str, Any] = {"status": 404, "changed": False, "error": "Media not found", "code": "not_found"}


def post_bulk(who: Tenant | Client, action: str, ids: list[str], **more: Any) -> httpx.Response:
    client = who if isinstance(who, Client) else who.studio
    return client.post("/api/media/bulk", json={"action": action, "ids": ids, **more})


def carry_out(tenant: Tenant, action: str, ids: list[str], **more: Any) -> dict[str, Any]:
    """Post the action, assert that the status is 200, and return the body."""
    answer = post_bulk(tenant, action, ids, **more)
    assert answer.status_code == 200, answer.text
    answered: dict[str, Any] = answer.json()
    return answered


def carry_out_after_dry_run(tenant: Tenant, action: str, ids: list[str], **more: Any) -> dict[str, Any]:
    """Carry the action out after a dry run. Asserts that the dry run had the same outcomes and changed no
    row.
    """
    before = rows(tenant)
    dry = carry_out(tenant, action, ids, dryRun=True, **more)
    assert rows(tenant) == before
    answered = carry_out(tenant, action, ids, **more)

    def outcome_of(each: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in each.items() if name != "deletionId" or action != "delete"}

    assert dry == {**answered, "dryRun": True, "results": dry["results"]}
    assert [outcome_of(each) for each in dry["results"]] == [outcome_of(each) for each in answered["results"]]
    assert {each.get("deletionId") for each in dry["results"]} <= {None} or action != "delete"
    return answered


def rows(tenant: Tenant) -> list[object]:
    """All rows about a tenant's items, except those that count requests and store responses."""
    tables = (
        "collections",
        "media",
        "versions",
        "deletions",
        "deletion_roots",
        "tags",
        "media_tags",
        "objects",
        "storage_ledger",
        "count_ledger",
        "uploads",
    )
    with owner() as connection:
        return [
            sorted(
                str(row["kept"])
                for row in connection.execute(
                    f"select to_jsonb({table}) as kept from {table} where organization_id = %s".encode(),
                    [tenant.id],
                )
            )
            for table in tables
        ]


def photos(tenant: Tenant, *paths: str | None) -> list[str]:
    """The id of a picture at each of these paths, ready."""
    made = [
        tenant.post_file(pictures.jpeg(40, 30, seed=seed), **({"path": path} if path else {}))
        for seed, path in enumerate(paths)
    ]
    assert [tenant.finished(each)["state"] for each in made] == ["ready"] * len(made)
    return made


def changed_result(item: str, **more: Any) -> dict[str, Any]:
    return {"id": item, "status": 200, "changed": True, **more}


def error_result(item: str, status: int, sentence: str, code: str) -> dict[str, Any]:
    return {"id": item, "status": status, "changed": False, "error": sentence, "code": code}


def test_each_item_is_checked_and_moved_separately(tenant: Tenant, stranger: Tenant) -> None:
    target = folder(tenant)
    inside, outer = folder(tenant, path=target["path"]), folder(tenant)
    inner = folder(tenant, path=outer["path"])
    (loose, deep), there = photos(tenant, None, inner["path"]), folder(tenant, path=target["path"])["id"]
    other = collecting.make(tenant)["id"]
    elsewhere = folder(tenant, collection=other)["id"]
    gone, foreign = folder(tenant)["id"], folder(stranger)["id"]
    tenant.studio.delete(f"/api/media/{gone}")
    ids = [
        loose,
        hyphened(loose),
        outer["id"],
        inner["id"],
        target["id"],
        inside["id"],
        elsewhere,
        gone,
        foreign,
        NOWHERE,
        there,
    ]

    answered = carry_out_after_dry_run(tenant, "move", ids, destinationPath=target["path"])

    within = "A folder cannot be moved into itself or into a folder below it"
    assert answered == {
        "action": "move",
        "dryRun": False,
        "succeeded": 5,
        "failed": 5,
        "results": [
            changed_result(loose, newPath=f"{target['path']}.{loose}"),
            changed_result(outer["id"], newPath=f"{target['path']}.{outer['id']}"),
            changed_result(inner["id"], newPath=f"{target['path']}.{inner['id']}"),
            error_result(target["id"], 400, within, "invalid"),
            changed_result(inside["id"], newPath=inside["path"]) | {"changed": False},
            error_result(
                elsewhere,
                400,
                "destinationPath is in another collection; items move within their own",
                "invalid",
            ),
            *({"id": UUID(each).hex, **MISSING} for each in (gone, foreign, NOWHERE)),
            changed_result(there, newPath=f"{target['path']}.{there}") | {"changed": False},
        ],
    }
    assert path_of(tenant, deep) == f"{target['path']}.{inner['id']}.{deep}"
    assert path_of(tenant, outer["id"]) == f"{target['path']}.{outer['id']}"
    assert path_of(tenant, elsewhere) == f"{other}.{elsewhere}"
    back = carry_out(
        tenant, "move", [inner["id"], target["id"], deep], destinationPath=tenant.collection_id.hex
    )
    assert [each["changed"] for each in back["results"]] == [True, False, True]
    assert path_of(tenant, deep) == f"{tenant.collection_id.hex}.{deep}"
    assert tenant.inconsistencies() == []


def test_an_invalid_destination_moves_nothing_and_folders_may_reach_the_depth_limit(
    tenant: Tenant,
) -> None:
    path, deepest = None, folder(tenant)
    for _ in range(MAX_FOLDER_DEPTH - 1):
        path, deepest = deepest["path"], folder(tenant, path=deepest["path"])
    flat, pair, photo = folder(tenant), folder(tenant), photos(tenant, None)[0]
    below = folder(tenant, path=pair["path"])["id"]

    answered = carry_out(tenant, "move", [flat["id"], pair["id"], photo], destinationPath=path)
    assert answered["results"] == [
        changed_result(flat["id"], newPath=f"{path}.{flat['id']}"),
        error_result(
            pair["id"],
            400,
            f"Folders can be nested {MAX_FOLDER_DEPTH} deep, and no deeper; "
            f"this would make {MAX_FOLDER_DEPTH + 1}",
            "invalid",
        ),
        changed_result(photo, newPath=f"{path}.{photo}"),
    ]
    differences = [
        (destination, answer.status_code, answer.json())
        for destination, status, sentence in (
            (photo, 400, "destinationPath is a file, not a folder"),
            (NOWHERE, 404, "Folder not found"),
            (
                "nonsense",
                400,
                "destinationPath is not a path: ids joined by dots, from the collection down to a folder",
            ),
        )
        if (answer := post_bulk(tenant, "move", [below], destinationPath=destination)).status_code != status
        or answer.json()["error"] != sentence
    ]
    assert differences == []
    assert path_of(tenant, below) == f"{pair['path']}.{below}"
    assert tenant.inconsistencies() == []


def test_items_deleted_together_are_one_deletion_and_one_restore_reverses_it(
    tenant: Tenant, stranger: Tenant
) -> None:
    outer = folder(tenant)
    inner = folder(tenant, path=outer["path"])
    loose, deep, earlier = photos(tenant, None, inner["path"], inner["path"])
    tenant.studio.delete(f"/api/media/{earlier}")
    foreign = folder(stranger)["id"]
    before = usage(tenant)

    answered = carry_out_after_dry_run(
        tenant, "delete", [deep, hyphened(outer["id"]), loose, outer["id"], inner["id"], foreign, earlier]
    )

    assert answered == {
        "action": "delete",
        "dryRun": False,
        "succeeded": 4,
        "failed": 2,
        "deletedCount": 2,
        "results": [
            *(changed_result(each, deletionId=AN_ID) for each in (deep, outer["id"], loose, inner["id"])),
            *({"id": each, **MISSING} for each in (foreign, earlier)),
        ],
    }
    (deletion,) = {each["deletionId"] for each in answered["results"] if each["status"] == 200}
    assert usage(tenant)["counts"] == {"active": 0, "trash": 3}
    newest = tenant.studio.get(f"/api/organization/{tenant.id.hex}/trash").json()["trash"][0]
    assert (newest["deletionId"], newest["kind"], newest["deletedCount"]) == (deletion, "selection", 2)
    assert newest["id"] in (outer["id"], loose)
    assert tenant.inconsistencies() == []

    answer = tenant.studio.post(f"/api/media/{loose}/restore")  # the deletion is listed under either root
    assert (answer.status_code, answer.json()) == (
        200,
        {"id": loose, "restoredCount": 2, "deletionId": deletion},
    )
    assert usage(tenant) == before
    assert [path_of(tenant, each) for each in (deep, loose, earlier)] == [
        f"{inner['path']}.{deep}",
        f"{tenant.collection_id.hex}.{loose}",
        None,
    ]
    # Only one root is left, so this is a deletion of one item.
    assert carry_out(tenant, "delete", [inner["id"], deep])["deletedCount"] == 1
    newest = tenant.studio.get(f"/api/organization/{tenant.id.hex}/trash").json()["trash"][0]
    assert (newest["kind"], newest["id"]) == ("folder", inner["id"])
    assert tenant.inconsistencies() == []


def test_each_of_several_collections_has_a_deletion_of_its_own(tenant: Tenant) -> None:
    other = collecting.make(tenant)["id"]
    here, there = folder(tenant)["id"], folder(tenant, collection=other)["id"]
    beside = folder(tenant, collection=other)["id"]

    answered = carry_out(tenant, "delete", [here, there, beside])
    assert len({each["deletionId"] for each in answered["results"]}) == 2
    collecting.delete(tenant, other)

    back = carry_out_after_dry_run(tenant, "restore", [here, there, beside])
    conflict = "The collection of this item is deleted; restore the collection first"
    assert back["results"] == [
        changed_result(here, deletionId=answered["results"][0]["deletionId"]),
        *(error_result(each, 409, conflict, "conflict") for each in (there, beside)),
    ]
    collecting.restore(tenant, other)
    assert [each["changed"] for each in carry_out(tenant, "restore", [beside])["results"]] == [True]
    assert path_of(tenant, there) == f"{other}.{there}"
    assert tenant.inconsistencies() == []


def test_items_deleted_one_by_one_are_restored_together(tenant: Tenant, stranger: Tenant) -> None:
    outer = folder(tenant)
    middle = folder(tenant, path=outer["path"])
    inner = folder(tenant, path=middle["path"])
    photo, alive = photos(tenant, inner["path"], None)
    for each in (photo, inner["id"], middle["id"], outer["id"]):
        assert tenant.studio.delete(f"/api/media/{each}").status_code == 200
    foreign = folder(stranger)["id"]
    stranger.studio.delete(f"/api/media/{foreign}")

    answered = carry_out_after_dry_run(
        tenant, "restore", [photo, inner["id"], outer["id"], alive, foreign, NOWHERE, hyphened(photo)]
    )

    assert (answered["restoredCount"], answered["succeeded"], answered["failed"]) == (1, 3, 3)
    assert answered["results"] == [
        *(changed_result(each, deletionId=AN_ID) for each in (photo, inner["id"], outer["id"])),
        error_result(alive, 409, "This item is not deleted", "not_deleted"),
        *({"id": UUID(each).hex, **MISSING} for each in (foreign, NOWHERE)),
    ]
    # the middle folder stays deleted, so the item goes to the next folder above it
    assert path_of(tenant, photo) == f"{outer['path']}.{inner['id']}.{photo}"
    assert path_of(tenant, middle["id"]) is None
    assert tenant.studio.post(f"/api/media/{middle['id']}/restore").status_code == 200
    assert tenant.inconsistencies() == []


def test_a_restored_selection_goes_to_active_folders(tenant: Tenant) -> None:
    outer = folder(tenant)
    branch, twig = folder(tenant, path=outer["path"]), folder(tenant, path=outer["path"])
    leaf = folder(tenant, path=branch["path"])["id"]
    photo, beside = photos(tenant, branch["path"], outer["path"])
    chosen = [branch["id"], twig["id"], beside]
    carry_out(tenant, "delete", chosen)
    tenant.studio.delete(f"/api/media/{outer['id']}")

    assert carry_out(tenant, "restore", [photo])["restoredCount"] == 2
    home = tenant.collection_id.hex
    assert [path_of(tenant, each) for each in (*chosen, leaf, photo)] == [
        *(f"{home}.{each}" for each in chosen),
        *(f"{home}.{branch['id']}.{each}" for each in (leaf, photo)),
    ]
    assert tenant.inconsistencies() == []


def test_items_are_tagged_and_untagged(tenant: Tenant, stranger: Tenant) -> None:
    plain, having = folder(tenant)["id"], folder(tenant)["id"]
    full, foreign = folder(tenant)["id"], folder(stranger)["id"]
    tagging.given(tenant, having, {"color": ["red", "blue"], "season": ["spring"]})
    tagging.put_many(tenant, full, "many", 500)
    etags = [tagging.shown(tenant, each)[1] for each in (plain, having)]

    answered = carry_out_after_dry_run(
        tenant, "tag", [plain, having, full, foreign, hyphened(plain)], label=" color ", value="red"
    )

    assert (answered["succeeded"], answered["failed"], answered["results"]) == (
        1,
        3,
        [
            changed_result(plain),
            error_result(having, 409, "This item has this tag already", "already_tagged"),
            error_result(full, 409, "An item can have 500 tags, and no more", "too_many_tags"),
            {"id": foreign, **MISSING},
        ],
    )
    assert tagging.tags_of(tenant, plain) == {"color": ["red"]}
    assert [
        tagging.shown(tenant, each)[1] == etag for each, etag in zip((plain, having), etags, strict=True)
    ] == [False, True]

    answered = carry_out_after_dry_run(tenant, "untag", [plain, having, full, foreign], label="color")
    assert answered["results"] == [
        changed_result(plain),
        changed_result(having),
        changed_result(full) | {"changed": False},
        {"id": foreign, **MISSING},
    ]
    assert [tagging.tags_of(tenant, each) for each in (plain, having)] == [{}, {"season": ["spring"]}]
    tagging.hide(tenant, "color", "red")
    hidden = carry_out(tenant, "tag", [plain, NOWHERE], label="color", value="red")
    assert hidden["results"] == [
        error_result(plain, 409, "This tag is hidden in the organization and cannot be given", "tag_hidden"),
        {"id": UUID(NOWHERE).hex, **MISSING},
    ]
    assert carry_out(tenant, "untag", [having], label="season", value="autumn")["results"] == [
        changed_result(having) | {"changed": False}
    ]
    assert tenant.inconsistencies() == []


def test_an_invalid_request_is_rejected_as_a_whole(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    item = folder(tenant)
    below = folder(tenant, path=item["path"])["id"]
    too_many = [NOWHERE] * 1001

    answers = {
        name: (answer.status_code, answer.json()["error"])
        for name, answer in {
            "no action": tenant.studio.post("/api/media/bulk", json={"ids": [item["id"]]}),
            "another action": post_bulk(tenant, "copy", [item["id"]]),
            "no ids": post_bulk(tenant, "delete", []),
            "too many ids": post_bulk(tenant, "delete", too_many),
            "an id that is none": post_bulk(tenant, "delete", [item["id"], "nonsense"]),
            "no destination": post_bulk(tenant, "move", [item["id"]]),
            "no label": post_bulk(tenant, "tag", [item["id"]], value="red"),
            "no value": post_bulk(tenant, "tag", [item["id"]], label="color"),
            "an empty value": post_bulk(tenant, "untag", [item["id"]], label="color", value=""),
            "a null value": post_bulk(tenant, "untag", [item["id"]], label="color", value=None),
            "a long value": post_bulk(tenant, "tag", [item["id"]], label="color", value="x" * 101),
            "empty": tenant.studio.post("/api/media/bulk", headers={"content-type": "application/json"}),
        }.items()
    }

    one_of = "action: Must be one of move, delete, restore, tag, untag"
    assert answers == {
        "no action": (400, "action: Required"),
        "another action": (400, one_of),
        "no ids": (400, "ids: Must have at least 1 element"),
        "too many ids": (400, "ids: Must have at most 1000 elements"),
        "an id that is none": (400, "ids.1: Must be an id of 32 hexadecimal digits, hyphens allowed"),
        "no destination": (400, "destinationPath: Required"),
        "no label": (400, "label: Required"),
        "no value": (400, "value: Required"),
        "an empty value": (400, "value must have 1 to 255 characters"),
        "a null value": (400, "value: Must be a string"),
        "a long value": (400, "value must have 1 to 100 characters"),
        "empty": (400, "action: Required"),
    }
    assert carry_out(tenant, "delete", too_many[:1000])["results"] == [{"id": UUID(NOWHERE).hex, **MISSING}]
    assert path_of(tenant, below) is not None


def test_a_bulk_action_needs_the_scope_and_role_of_the_single_action(tenant: Tenant) -> None:
    clients = {
        "editor": tenant.client("editor"),
        "viewer": tenant.client("viewer"),
        "writes": tenant.client(scopes=["media:write"]),
        "deletes": tenant.client(scopes=["media:delete"]),
    }
    answered: dict[str, list[int]] = {}
    for name, client in clients.items():
        for action in ("move", "tag", "untag", "delete", "restore", "nothing"):
            more = {"destinationPath": tenant.collection_id.hex, "label": "color", "value": "red"}
            answered.setdefault(name, []).append(
                post_bulk(client, action, [folder(tenant)["id"]], **more).status_code
            )

    assert answered == {
        "editor": [200, 200, 200, 403, 403, 400],
        "viewer": [403, 403, 403, 403, 403, 403],
        "writes": [200, 200, 200, 403, 403, 400],
        "deletes": [403, 403, 403, 200, 200, 403],
    }
    answers = [
        post_bulk(clients["editor"], "delete", ["nonsense"]),
        post_bulk(clients["writes"], "delete", ["nonsense"]),
    ]
    assert [(answer.status_code, answer.json()) for answer in answers] == [
        (403, {"error": "This takes the role owner or admin; yours is editor", "code": "insufficient_role"}),
        (403, {"error": "This API key does not have the scope media:delete", "code": "insufficient_scope"}),
    ]


def test_a_repeated_request_with_the_same_key_is_carried_out_once(tenant: Tenant) -> None:
    items = [folder(tenant)["id"] for _ in range(3)]
    key = {"idempotency-key": "bulk-1"}
    body = {"action": "delete", "ids": items}

    first, again = (tenant.studio.post("/api/media/bulk", json=body, headers=key) for _ in range(2))
    other = tenant.studio.post("/api/media/bulk", json={**body, "dryRun": True}, headers=key)

    assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")
    assert (first.json()["succeeded"], other.status_code) == (3, 422)


def test_concurrent_actions_on_the_same_items_stay_consistent(tenant: Tenant) -> None:
    outer, target = folder(tenant), folder(tenant)
    items = [folder(tenant, path=outer["path"])["id"] for _ in range(20)]
    actions = [
        ("delete", {}),
        ("move", {"destinationPath": target["path"]}),
        ("tag", {"label": "a", "value": "b"}),
        ("restore", {}),
    ] * 3

    with ThreadPoolExecutor(12) as threads:
        asked = [
            threads.submit(post_bulk, tenant, action, items if number % 2 else items[::-1], **more)
            for number, (action, more) in enumerate(actions)
        ]
        asked.append(threads.submit(tenant.studio.delete, f"/api/media/{outer['id']}"))
        answers = [each.result().status_code for each in asked]

    assert set(answers) <= {200}
    assert tenant.inconsistencies() == []


def test_nothing_is_deleted_beyond_the_limit_of_one_deletion(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    outer = folder(tenant)
    items = [outer["id"], *(folder(tenant, path=outer["path"])["id"] for _ in range(3))]
    monkeypatch.setattr(deletions, "MAX_DELETED_AT_ONCE", 3)

    try:
        bulk.carry_out(tenant.owner, [UUID(each) for each in items[:2]], Delete(), dry_run=False)
        answered = None
    except Conflict as why:
        answered = why.sentence
    monkeypatch.setattr(deletions, "MAX_DELETED_AT_ONCE", 4)

    assert answered == "More than 3 items cannot be deleted at once; delete fewer, and the folders one by one"
    assert (
        bulk.carry_out(tenant.owner, [UUID(each) for each in items[:2]], Delete(), dry_run=False).count == 0
    )
