"""PATCH /api/media/{mediaId}/move"""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.given import pictures
from tests.given.answers import outcome
from tests.given.isolation_cases import NOWHERE, owner
from tests.given.items import folder, read_item, total
from tests.given.shapes import AN_ETAG, hyphened

if TYPE_CHECKING:
    import httpx

    from tests.given.tenants import Tenant

PHOTO = pictures.jpeg(60, 40, seed=71)
NOT_FOUND = (404, {"error": "Media not found", "code": "not_found"})
NO_FOLDER = (404, {"error": "Folder not found", "code": "not_found"})
INTO_ITSELF = (
    400,
    {"error": "A folder cannot be moved into itself or into a folder below it", "code": "invalid"},
)


def move(tenant: Tenant, item: str, path: object, **headers: str) -> httpx.Response:
    return tenant.studio.patch(f"/api/media/{item}/move", json={"destinationPath": path}, headers=headers)


def test_a_folder_is_moved_with_everything_below_it(tenant: Tenant) -> None:
    year, archive = folder(tenant, "2026"), folder(tenant, "archive")
    trip = folder(tenant, "trip", year["path"])
    day = folder(tenant, "day", trip["path"])
    photo = tenant.ready(PHOTO, path=day["path"])
    before = tenant.studio.get(f"/api/media/{photo}")

    answer = move(tenant, trip["id"], archive["path"])

    path = f"{archive['path']}.{trip['id']}"
    assert outcome(answer) == (200, {"id": trip["id"], "newPath": path, "success": True})
    assert [read_item(tenant, each)["path"] for each in (trip["id"], day["id"], photo)] == [
        path,
        f"{path}.{day['id']}",
        f"{path}.{day['id']}.{photo}",
    ]
    assert (
        total(tenant, year["path"]),
        total(tenant, archive["path"]),
        total(tenant, f"{path}.{day['id']}"),
    ) == (0, 1, 1)
    after = tenant.studio.get(f"/api/media/{photo}")
    assert after.headers["etag"] == before.headers["etag"]
    assert after.json()["media"]["updatedAt"] == before.json()["media"]["updatedAt"]
    assert [read_item(tenant, each["id"])["folderItemCount"] for each in (year, archive)] == [0, 1]
    assert tenant.inconsistencies() == []


def test_a_file_moves_to_a_folder_and_back_to_the_root(tenant: Tenant) -> None:
    there = folder(tenant, "there")
    photo = tenant.ready(PHOTO)
    home = tenant.collection_id.hex

    into = move(tenant, photo, there["path"])
    counted = (total(tenant, home), total(tenant, there["path"]))
    back = move(tenant, photo, home)

    assert outcome(into) == (200, {"id": photo, "newPath": f"{there['path']}.{photo}", "success": True})
    assert counted == (1, 1)
    assert outcome(back) == (200, {"id": photo, "newPath": f"{home}.{photo}", "success": True})
    assert (total(tenant, home), total(tenant, there["path"])) == (2, 0)
    assert tenant.inconsistencies() == []


def test_moving_changes_only_the_moved_item(tenant: Tenant) -> None:
    there, beside = folder(tenant, "there"), folder(tenant, "beside")
    before = {each["id"]: tenant.studio.get(f"/api/media/{each['id']}") for each in (there, beside)}

    answer = move(tenant, there["id"], beside["path"])

    after = {each["id"]: tenant.studio.get(f"/api/media/{each['id']}") for each in (there, beside)}
    assert answer.headers["etag"] == after[there["id"]].headers["etag"] == AN_ETAG
    assert {item: before[item].headers["etag"] == after[item].headers["etag"] for item in before} == {
        there["id"]: False,
        beside["id"]: True,
    }
    moved = after[there["id"]].json()["media"]
    assert moved["updatedById"] == tenant.owner.user_id.hex
    assert moved["updatedAt"] > before[there["id"]].json()["media"]["updatedAt"]


def test_moving_an_item_to_its_present_place_changes_nothing(tenant: Tenant) -> None:
    year = folder(tenant, "2026")
    trip = folder(tenant, "trip", year["path"])
    before = tenant.studio.get(f"/api/media/{trip['id']}")

    answer = move(tenant, trip["id"], year["path"])

    after = tenant.studio.get(f"/api/media/{trip['id']}")
    assert outcome(answer) == (200, {"id": trip["id"], "newPath": trip["path"], "success": True})
    assert answer.headers["etag"] == before.headers["etag"] == after.headers["etag"]
    assert after.json() == before.json()
    assert tenant.inconsistencies() == []


def test_the_last_id_of_the_path_decides_in_either_format(tenant: Tenant) -> None:
    places = [folder(tenant, str(number)) for number in range(4)]
    trip = folder(tenant, "trip")["id"]
    home = tenant.collection_id
    sent = [
        places[0]["id"],
        f"{NOWHERE}.{places[1]['id']}",
        f"{home}.{hyphened(places[2]['id']).upper()}",
        str(home),
    ]

    paths = [move(tenant, hyphened(trip), path).json()["newPath"] for path in sent]

    assert paths == [
        *(f"{place['path']}.{trip}" for place in places[:3]),
        f"{tenant.collection_id.hex}.{trip}",
    ]


@pytest.mark.parametrize("where", ["itself", "a folder in it", "a folder far below it"])
def test_a_folder_does_not_move_into_itself(tenant: Tenant, where: str) -> None:
    top = folder(tenant, "top")
    inner = folder(tenant, "inner", top["path"])
    deep = folder(tenant, "deep", inner["path"])

    answer = move(
        tenant,
        top["id"],
        {"itself": top, "a folder in it": inner, "a folder far below it": deep}[where]["path"],
    )

    assert outcome(answer) == INTO_ITSELF
    assert tenant.inconsistencies() == []


def test_a_folder_moves_into_one_whose_id_has_the_same_prefix(tenant: Tenant) -> None:
    top = folder(tenant, "top")
    beside = folder(tenant, "beside")

    assert move(tenant, beside["id"], top["path"]).status_code == 200
    assert move(tenant, top["id"], tenant.collection_id.hex).status_code == 200


def test_a_file_is_not_a_destination(tenant: Tenant) -> None:
    photo, other = tenant.ready(PHOTO), tenant.ready(PHOTO)

    for path in (f"{tenant.collection_id.hex}.{photo}", other):
        assert outcome(move(tenant, folder(tenant, "x")["id"], path)) == (
            400,
            {"error": "destinationPath is a file, not a folder", "code": "invalid"},
        )
    assert outcome(move(tenant, photo, photo)) == (
        400,
        {"error": "destinationPath is a file, not a folder", "code": "invalid"},
    )


@pytest.mark.parametrize("where", ["its root", "a folder of it"])
def test_nothing_moves_to_another_collection(tenant: Tenant, where: str) -> None:
    other = tenant.studio.post(f"/api/organization/{tenant.id.hex}/datasets", json={"name": "Other"}).json()[
        "id"
    ]
    path = other if where == "its root" else folder(tenant, "there", collection=other)["path"]

    answer = move(tenant, folder(tenant, "x")["id"], path)

    assert outcome(answer) == (
        400,
        {"error": "destinationPath is in another collection; items move within their own", "code": "invalid"},
    )


@pytest.mark.parametrize(
    "where",
    ["nowhere", "another tenant's folder", "another tenant's collection", "deleted", "in a deleted one"],
)
def test_a_missing_destination_is_not_found(tenant: Tenant, stranger: Tenant, where: str) -> None:
    gone = folder(tenant, "gone")
    below = folder(tenant, "below", gone["path"])
    tenant.studio.delete(f"/api/media/{gone['id']}")
    path = {
        "nowhere": NOWHERE,
        "another tenant's folder": folder(stranger, "x")["path"],
        "another tenant's collection": stranger.collection_id.hex,
        "deleted": gone["path"],
        "in a deleted one": below["path"],
    }[where]

    assert outcome(move(tenant, folder(tenant, "x")["id"], path)) == NO_FOLDER


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Required"),
        ({"destinationPath": None}, "Must be a string"),
        ({"destinationPath": 7}, "Must be a string"),
        ({"destinationPath": ["x"]}, "Must be a string"),
        (None, "Required"),
    ],
)
def test_a_destination_is_required(tenant: Tenant, body: dict[str, object] | None, message: str) -> None:
    answer = tenant.studio.patch(
        f"/api/media/{folder(tenant, 'x')['id']}/move",
        json=body,
        headers={"content-type": "application/json"},
    )

    if body is None:
        answer = tenant.studio.patch(
            f"/api/media/{folder(tenant, 'x')['id']}/move", headers={"content-type": "application/json"}
        )
    assert outcome(answer) == (
        400,
        {
            "error": f"destinationPath: {message}",
            "code": "invalid",
            "details": [{"path": ["destinationPath"], "message": message}],
        },
    )


@pytest.mark.parametrize(
    "path",
    ["", "nonsense", "/", f"{NOWHERE}/x", ".", f"{NOWHERE}.", "%", ".".join([NOWHERE] * 40), "x" * 100_000],
)
def test_an_invalid_path_is_rejected(tenant: Tenant, path: str) -> None:
    assert outcome(move(tenant, folder(tenant, "x")["id"], path)) == (
        400,
        {
            "error": "destinationPath is not a path: "
            "ids joined by dots, from the collection down to a folder",
            "code": "invalid",
        },
    )


def test_a_deleted_item_does_not_move(tenant: Tenant) -> None:
    there, gone = folder(tenant, "there"), folder(tenant, "gone")
    below = folder(tenant, "below", gone["path"])
    tenant.studio.delete(f"/api/media/{gone['id']}")

    assert [outcome(move(tenant, each["id"], there["path"])) for each in (gone, below)] == [NOT_FOUND] * 2
    assert outcome(move(tenant, tenant.collection_id.hex, there["path"])) == NOT_FOUND
    assert tenant.inconsistencies() == []


def test_moved_folders_are_nested_32_deep_at_most(tenant: Tenant) -> None:
    path = tenant.collection_id.hex
    for depth in range(1, 31):
        path = folder(tenant, str(depth), path)["path"]
    top = folder(tenant, "top")
    middle = folder(tenant, "middle", top["path"])
    folder(tenant, "deep", middle["path"])

    too_deep = move(tenant, top["id"], path)
    fits = move(tenant, middle["id"], path)
    at_the_limit = move(tenant, top["id"], fits.json()["newPath"])

    rejection = "Folders can be nested 32 deep, and no deeper; this would make 33"
    assert outcome(too_deep) == (400, {"error": rejection, "code": "invalid"})
    assert len(fits.json()["newPath"].split(".")) == 32
    assert outcome(at_the_limit) == (
        200,
        {"id": top["id"], "newPath": f"{fits.json()['newPath']}.{top['id']}", "success": True},
    )
    assert outcome(move(tenant, folder(tenant, "one")["id"], at_the_limit.json()["newPath"])) == (
        400,
        {"error": rejection, "code": "invalid"},
    )
    # the deepest folder contains a file
    assert move(tenant, tenant.ready(PHOTO), at_the_limit.json()["newPath"]).status_code == 200
    assert tenant.inconsistencies() == []


def test_deleted_items_move_with_their_folder(tenant: Tenant) -> None:
    top, there = folder(tenant, "top"), folder(tenant, "there")
    gone = folder(tenant, "gone", top["path"])
    photo = tenant.ready(PHOTO, path=gone["path"])
    tenant.studio.delete(f"/api/media/{gone['id']}")

    assert move(tenant, top["id"], there["path"]).status_code == 200

    with owner() as connection:
        row = connection.execute(
            "select path::text as path from folder_paths where folder_id = %s", [gone["id"]]
        ).fetchone()
    assert row == {"path": f"{there['path']}.{top['id']}.{gone['id']}"}
    assert tenant.studio.get(f"/api/media/{photo}").status_code == 404
    assert tenant.inconsistencies() == []


def test_an_unverified_file_is_later_counted_in_its_new_place(tenant: Tenant) -> None:
    there = folder(tenant, "there")
    photo = tenant.ready(PHOTO)
    with owner() as connection:  # the state before its bytes are checked
        connection.execute("update media set verified_at = null where id = %s", [photo])
        connection.execute(
            """
            insert into count_ledger (organization_id, collection_id, place_id, type, delta)
            values (%s, %s, %s, 'image', -1)
            """,
            [tenant.id, tenant.collection_id, tenant.collection_id],
        )

    assert move(tenant, photo, there["path"]).status_code == 200

    assert (total(tenant, tenant.collection_id.hex), total(tenant, there["path"])) == (1, 1)
    assert read_item(tenant, there["id"])["folderItemCount"] == 0


@pytest.mark.parametrize("stale", ['"00000000000000000000000000000000"', "W/{etag}", "nonsense", ""])
def test_a_move_with_a_stale_etag_is_rejected(tenant: Tenant, stale: str) -> None:
    there, item = folder(tenant, "there"), folder(tenant, "x")
    etag = tenant.studio.get(f"/api/media/{item['id']}").headers["etag"]

    rejected = move(tenant, item["id"], there["path"], **{"if-match": stale.format(etag=etag)})
    taken = move(tenant, item["id"], there["path"], **{"if-match": f'"x", {etag}'})

    assert outcome(rejected) == (
        412,
        {"error": "It has changed since it was read; read it again", "code": "stale"},
    )
    assert taken.status_code == 200
    assert outcome(move(tenant, item["id"], tenant.collection_id.hex, **{"if-match": etag}))[0] == 412
    assert move(tenant, item["id"], tenant.collection_id.hex, **{"if-match": "*"}).status_code == 200


def test_an_invalid_destination_is_reported_before_a_stale_etag(tenant: Tenant) -> None:
    item = folder(tenant, "x")

    assert outcome(move(tenant, item["id"], item["path"], **{"if-match": '"x"'})) == INTO_ITSELF


def test_sixty_four_concurrent_moves_never_make_a_cycle(tenant: Tenant) -> None:
    places = [folder(tenant, str(number)) for number in range(8)]
    photo = tenant.ready(PHOTO, path=places[0]["path"])
    draw = random.Random(7)
    pairs = [draw.sample(places, 2) for _ in range(64)]

    with ThreadPoolExecutor(64) as threads:
        answers = [
            each.result()
            for each in [threads.submit(move, tenant, one["id"], two["id"]) for one, two in pairs]
        ]

    assert {outcome(answer)[0] for answer in answers} <= {200, 400}
    assert {answer.text for answer in answers if answer.status_code == 400} <= {
        '{"error":"A folder cannot be moved into itself or into a folder below it","code":"invalid"}'
    }
    assert sum(answer.status_code == 200 for answer in answers) > 8
    assert read_item(tenant, photo)["path"].endswith(f"{places[0]['id']}.{photo}")
    assert (
        read_item(tenant, tenant.studio.get(f"/api/folder/{places[0]['id']}").json()["folder"]["id"])[
            "folderItemCount"
        ]
        == 1
    )
    assert tenant.inconsistencies() == []


def test_two_folders_that_move_into_each_other_concurrently(tenant: Tenant) -> None:
    for _ in range(10):
        one, two = folder(tenant, "one"), folder(tenant, "two")
        below = folder(tenant, "below", two["path"])
        with ThreadPoolExecutor(2) as threads:
            asked = [
                threads.submit(move, tenant, moved, to)
                for moved, to in ((one["id"], below["id"]), (two["id"], one["id"]))
            ]
            answers = [each.result() for each in asked]
        assert sorted(answer.status_code for answer in answers) == [200, 400]
    assert tenant.inconsistencies() == []


def test_concurrent_moves_deletions_and_uploads_stay_consistent(tenant: Tenant) -> None:
    places = [folder(tenant, str(number)) for number in range(6)]
    draw = random.Random(11)

    def deed(number: int) -> int:
        one, two = draw.sample(places, 2)
        if number % 8 == 0:
            return tenant.studio.delete(f"/api/media/{one['id']}").status_code
        if number % 3 == 0:
            return tenant.studio.post(
                "/api/folder", json={"datasetId": tenant.collection_id.hex, "name": "x", "path": one["id"]}
            ).status_code
        return move(tenant, one["id"], two["id"]).status_code

    with ThreadPoolExecutor(16) as threads:
        statuses = set(threads.map(deed, range(64)))

    assert statuses <= {200, 400, 404}
    assert tenant.inconsistencies() == []


def test_a_file_moves_while_it_is_being_processed(tenant: Tenant) -> None:
    places = [folder(tenant, str(number)) for number in range(2)]
    photos = [tenant.post_file(pictures.jpeg(300, 200, seed=seed)) for seed in range(6)]

    def wander(photo: str) -> None:
        for turn in range(6):
            # 404: not inserted yet
            assert move(tenant, photo, places[turn % 2]["path"]).status_code in (200, 404)

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(wander, photos))

    assert {tenant.finished(photo)["state"] for photo in photos} == {"ready"}
    assert tenant.inconsistencies() == []
