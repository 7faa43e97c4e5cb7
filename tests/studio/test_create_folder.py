"""POST /api/folder"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.given import pictures
from tests.given.answers import outcome
from tests.given.isolation_cases import NOWHERE, owner
from tests.given.names import COMPOSED, DECOMPOSED, INVALID_BODIES, INVALID_NAMES, VALID_NAMES
from tests.given.shapes import A_TIME, AN_ID
from vitrine.library import organizations

if TYPE_CHECKING:
    import httpx
    import psycopg

    from tests.given.tenants import Tenant

NOWHERE_PLAIN = NOWHERE.replace("-", "")


def create(tenant: Tenant, name: object = "A folder", **more: object) -> httpx.Response:
    return tenant.studio.post(
        "/api/folder", json={"datasetId": tenant.collection_id.hex, "name": name, **more}
    )


def made(tenant: Tenant, name: object = "A folder", **more: object) -> dict[str, Any]:
    answer = create(tenant, name, **more)
    assert answer.status_code == 200, answer.text
    folder: dict[str, Any] = answer.json()["folder"]
    return folder


def test_a_folder_is_created_at_the_root_without_a_path(tenant: Tenant) -> None:
    answer = create(tenant, "2026")

    folder = answer.json()["folder"]
    home = tenant.collection_id.hex
    assert outcome(answer) == (
        200,
        {
            "folder": {
                "id": AN_ID,
                "name": "2026",
                "type": "folder",
                "blob": "folder",
                "path": f"{home}.{folder['id']}",
                "datasetId": home,
                "collectionId": home,
                "status": "active",
                "createdAt": A_TIME,
                "createdById": tenant.owner.user_id.hex,
            }
        },
    )
    assert tenant.inconsistencies() == []


def test_a_folder_is_created_where_the_path_ends(tenant: Tenant) -> None:
    year = made(tenant, "2026")

    month = made(tenant, "07", path=year["path"])

    assert month["path"] == f"{year['path']}.{month['id']}"
    listed = tenant.studio.get(
        f"/api/dataset/{tenant.collection_id.hex}/media", params={"path": year["path"]}
    ).json()["media"]
    assert [each["id"] for each in listed] == [month["id"]]


def test_the_last_id_of_a_path_decides_and_the_bare_collection_is_the_root(tenant: Tenant) -> None:
    year = made(tenant, "2026")
    home = tenant.collection_id

    paths = [
        made(tenant, "x", path=path)["path"].rpartition(".")[0]
        for path in (
            year["id"],
            f"{NOWHERE_PLAIN}.{year['id']}",
            f"{home}.{year['id'].upper()}",
            home.hex,
            str(home),
            None,
            "",
        )
    ]

    assert paths == [year["path"]] * 3 + [home.hex] * 4


def test_ids_may_have_hyphens(tenant: Tenant) -> None:
    assert (
        create(tenant, datasetId=str(tenant.collection_id)).json()["folder"]["datasetId"]
        == tenant.collection_id.hex
    )


def test_names_may_repeat_unless_reuse_is_requested(tenant: Tenant) -> None:
    first, second = made(tenant, "twice"), made(tenant, "twice")

    assert first["id"] != second["id"]
    assert made(tenant, "twice", reuse=True) == first
    assert made(tenant, "Twice", reuse=True)["id"] not in (first["id"], second["id"])
    assert made(tenant, "twice", reuse=True, path=first["path"])["id"] not in (first["id"], second["id"])


def test_a_composed_name_is_the_same_as_a_decomposed_one(tenant: Tenant) -> None:
    first = made(tenant, DECOMPOSED, reuse=True)

    assert first["name"] == COMPOSED
    assert made(tenant, COMPOSED, reuse=True) == first


def test_twenty_concurrent_requests_with_reuse_get_one_folder(tenant: Tenant) -> None:
    made(tenant, "another")

    with ThreadPoolExecutor(20) as threads, owner() as connection:
        # The collection's row is locked until several requests wait for it, so that they look for the folder
        # at the same moment.
        connection.execute("select from collections where id = %s for update", [tenant.collection_id])
        asked = [threads.submit(made, tenant, "shared", reuse=True) for _ in range(20)]
        until = time.monotonic() + 5
        while waiting(connection) < 4 and time.monotonic() < until:
            time.sleep(0.01)
        connection.rollback()
        folders = [each.result() for each in asked]

    assert folders == [folders[0]] * 20
    assert (
        tenant.studio.get(f"/api/dataset/{tenant.collection_id.hex}/media").json()["pagination"]["total"] == 2
    )
    assert tenant.inconsistencies() == []


def waiting(connection: psycopg.Connection[dict[str, Any]]) -> int:
    """The number of processes that wait for a lock. From pg_locks, because pg_stat_activity shows other
    roles' processes only to a superuser.
    """
    found = connection.execute("select count(*) as n from pg_locks where not granted").fetchone()
    number: int = found["n"] if found else 0
    return number


def test_a_deleted_folder_is_not_reused(tenant: Tenant) -> None:
    first = made(tenant, "gone")
    tenant.studio.delete(f"/api/media/{first['id']}")

    assert made(tenant, "gone", reuse=True)["id"] != first["id"]


def test_folders_are_nested_32_deep_at_most(tenant: Tenant) -> None:
    path = tenant.collection_id.hex
    for depth in range(1, 33):
        path = made(tenant, str(depth), path=path)["path"]

    assert len(path.split(".")) == 33
    assert outcome(create(tenant, "33", path=path)) == (
        400,
        {"error": "Folders can be nested 32 deep, and no deeper", "code": "invalid"},
    )
    assert tenant.inconsistencies() == []


@pytest.mark.parametrize("name", VALID_NAMES.values(), ids=VALID_NAMES)
@pytest.mark.sampled(3)
def test_a_name_is_stored_as_it_was_sent_and_never_split(tenant: Tenant, name: str) -> None:
    folder = made(tenant, name)

    assert (folder["name"], len(folder["path"].split("."))) == (name, 2)
    assert tenant.studio.get(f"/api/media/{folder['id']}").json()["media"]["name"] == name


@pytest.mark.parametrize(("name", "rejection"), INVALID_NAMES.values(), ids=INVALID_NAMES)
def test_an_invalid_name_is_rejected(tenant: Tenant, name: object, rejection: dict[str, object]) -> None:
    assert outcome(create(tenant, name)) == (400, rejection)


@pytest.mark.parametrize("body", [body for body, _ in INVALID_BODIES.values()], ids=INVALID_BODIES)
def test_an_invalid_body_is_rejected(tenant: Tenant, body: bytes) -> None:
    answer = tenant.studio.post("/api/folder", content=body)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({"name": "x"}, "datasetId", "Required"),
        (
            {"name": "x", "datasetId": ""},
            "datasetId",
            "Must be an id of 32 hexadecimal digits, hyphens allowed",
        ),
        (
            {"name": "x", "datasetId": "nonsense"},
            "datasetId",
            "Must be an id of 32 hexadecimal digits, hyphens allowed",
        ),
        (
            {"name": "x", "datasetId": 7},
            "datasetId",
            "Must be an id of 32 hexadecimal digits, hyphens allowed",
        ),
        (
            {"name": "x", "datasetId": NOWHERE_PLAIN[:-1]},
            "datasetId",
            "Must be an id of 32 hexadecimal digits, hyphens allowed",
        ),
    ],
)
def test_a_collection_is_required(tenant: Tenant, body: dict[str, object], field: str, message: str) -> None:
    assert outcome(tenant.studio.post("/api/folder", json=body)) == (
        400,
        {
            "error": f"{field}: {message}",
            "code": "invalid",
            "details": [{"path": [field], "message": message}],
        },
    )


def test_all_errors_of_a_body_are_reported_together(tenant: Tenant) -> None:
    assert outcome(tenant.studio.post("/api/folder", json={"reuse": "perhaps"})) == (
        400,
        {
            "error": "datasetId: Required",
            "code": "invalid",
            "details": [
                {"path": ["datasetId"], "message": "Required"},
                {"path": ["name"], "message": "Required"},
                {"path": ["reuse"], "message": "Must be true or false"},
            ],
        },
    )


@pytest.mark.parametrize(
    "path",
    [
        "nonsense",
        "a.b",
        "/",
        f"{NOWHERE_PLAIN}/x",
        f"{NOWHERE_PLAIN}..{NOWHERE_PLAIN}",
        ".".join([NOWHERE_PLAIN] * 40),
    ],
)
def test_an_invalid_path_is_rejected(tenant: Tenant, path: str) -> None:
    assert outcome(create(tenant, path=path)) == (
        400,
        {
            "error": "path is not a path: ids joined by dots, from the collection down to a folder",
            "code": "invalid",
        },
    )


def test_a_path_that_ends_in_a_file_is_rejected(tenant: Tenant) -> None:
    photo = tenant.post_file(pictures.jpeg(40, 30, seed=1))
    assert tenant.finished(photo)["state"] == "ready"

    assert outcome(create(tenant, path=f"{tenant.collection_id.hex}.{photo}")) == (
        400,
        {"error": "path is a file, not a folder", "code": "invalid"},
    )


@pytest.mark.parametrize("where", ["nowhere", "another collection", "another tenant", "deleted"])
def test_a_missing_parent_is_not_found(tenant: Tenant, stranger: Tenant, where: str) -> None:
    folder = made(tenant)
    other = tenant.studio.post(f"/api/organization/{tenant.id.hex}/datasets", json={"name": "Other"}).json()[
        "id"
    ]
    elsewhere = made(tenant, datasetId=other)
    if where == "deleted":
        tenant.studio.delete(f"/api/media/{folder['id']}")
    path = {
        "nowhere": NOWHERE_PLAIN,
        "another collection": elsewhere["path"],
        "another tenant": made(stranger)["path"],
        "deleted": folder["path"],
    }[where]

    assert outcome(create(tenant, path=path)) == (404, {"error": "Folder not found", "code": "not_found"})


def test_a_collection_is_not_found_when_another_organization_is_named(
    tenant: Tenant, stranger: Tenant
) -> None:
    organizations.add_member(stranger.id, tenant.owner.user_id, "owner")

    answer = tenant.studio.post(
        "/api/folder",
        json={"datasetId": tenant.collection_id.hex, "name": "x"},
        headers={"x-team-id": str(stranger.id)},
    )

    assert outcome(answer) == (404, {"error": "Collection not found", "code": "not_found"})


@pytest.mark.soak
def test_a_name_that_takes_long_to_compose_is_not_composed(tenant: Tenant) -> None:
    marks = "a" + "\u0315\u0300" * 200_000  # composing this would take seconds for each folder

    answers = [create(tenant, marks) for _ in range(20)]

    assert {outcome(answer)[0] for answer in answers} == {400}
