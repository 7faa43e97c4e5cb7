"""Eight clients send random requests to one library at once. Every answer is a documented one, and afterwards
the library's invariants are true.

Operations are drawn from OPERATIONS by a seed, half of them on a few items, folders and versions that all
clients share. A failing run names its seed and the last requests: `RANDOM_SEED=... make soak ARGS="-k
random"` draws the same operations again, though the threads may interleave differently.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.given import jobs, pictures
from tests.given.isolation_cases import owner
from tests.given.tenants import http
from tools.routes import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from random import Random

    from local.stack import Stack
    from tests.given.tenants import Tenant

CLIENTS = 8
SHARED = 20  # items and versions that half of the operations name
KNOWN = 150  # items that are remembered, the newest
DOCUMENT = json.loads((ROOT / "functions" / "get_openapi" / "openapi.json").read_text())
PICTURES = [pictures.jpeg(8, 6, seed=seed) for seed in range(3)]


class Asked(NamedTuple):
    """A request, by its route, whose documentation lists the possible answers."""

    route: str
    path: Mapping[str, str]
    answered: Mapping[str, Any] = {}


@dataclass
class World:
    """The ids that the clients know, of active items or not."""

    tenant: Tenant
    shared: list[str] = field(default_factory=list[str])
    items: list[str] = field(default_factory=list[str])
    folders: list[str] = field(default_factory=list[str])
    collections: list[str] = field(default_factory=list[str])
    versions: list[str] = field(default_factory=list[str])  # without the first ones
    done: list[str] = field(default_factory=list[str])

    def item(self, rng: Random) -> str:
        return rng.choice(self.shared if rng.random() < 0.5 or not self.items else self.items[-KNOWN:])

    def folder(self, rng: Random) -> str:
        return rng.choice(self.folders[-KNOWN:])

    def version(self, rng: Random) -> str:
        """The id of a version: often an item's first, or none."""
        return rng.choice(self.versions[-SHARED:]) if rng.random() < 0.7 else self.item(rng)

    def collection(self, rng: Random) -> str:
        """Mostly the default collection, which is never deleted."""
        return (
            self.tenant.collection_id.hex
            if rng.random() < 0.8 or not self.collections
            else rng.choice(self.collections)
        )

    def place(self, rng: Random) -> str:
        """A path of a folder or of a collection."""
        collection = self.collection(rng)
        return collection if rng.random() < 0.3 else f"{collection}.{self.folder(rng)}"

    def learn(self, route: str, answered: dict[str, Any]) -> None:
        """Remember the ids in an answer."""
        if route == "POST /api/folder":
            self.folders.append(answered["folder"]["id"])
            self.items.append(answered["folder"]["id"])
        if route == "POST /api/upload/multipart":
            self.items.append(answered["mediaId"])
        if route == "GET /api/upload/s3/params":
            assert (
                http()
                .post(
                    answered["url"],
                    data=answered["fields"],
                    files={"file": ("a.jpg", PICTURES[1], "image/jpeg")},
                )
                .status_code
                == 201
            )
            self.versions.append(answered["mediaId"])
            self.items.append(answered["mediaId"])
        if route == "POST /api/organization/{orgId}/datasets":
            self.collections.append(answered["id"])


def label(rng: Random) -> dict[str, str]:
    return {
        "label": rng.choice(("color", "season", "tags")),
        "value": rng.choice(("red", "Red", "blue & green", "spring")),
    }


def bulk(world: World, rng: Random) -> Asked:
    ids = [world.item(rng) for _ in range(rng.randint(1, 12))]
    action = rng.choice(("move", "delete", "restore", "restore", "tag", "untag"))
    answered = {
        "action": action,
        "ids": ids,
        "dryRun": rng.random() < 0.2,
        "destinationPath": world.place(rng),
        **label(rng),
    }
    return Asked("POST /api/media/bulk", {}, {"json": answered})


def upload(world: World, rng: Random) -> Asked:
    answered = {"datasetId": world.collection(rng)} | (
        {"path": world.place(rng)} if rng.random() < 0.7 else {}
    )
    return Asked(
        "POST /api/upload/multipart",
        {},
        {"data": answered, "files": {"file": ("a.jpg", rng.choice(PICTURES), "image/jpeg")}},
    )


def upload_version(world: World, rng: Random) -> Asked:
    answered = {
        "filename": "b.jpg",
        "type": "image/jpeg",
        "metadata[sourceMediaId]": rng.choice((world.item, world.version))(rng),
    }
    return Asked("GET /api/upload/s3/params", {}, {"params": answered})


def of_version(route: str) -> Callable[[World, Random], Asked]:
    return lambda world, rng: Asked(route, {"mediaId": world.version(rng)}, {"headers": stale(rng)})


def stale(rng: Random) -> dict[str, str]:
    return {"if-match": '"nobody has this"'} if rng.random() < 0.1 else {}


def of_item(
    route: str, more: Callable[[World, Random], Mapping[str, Any]] = lambda _, __: {}
) -> Callable[[World, Random], Asked]:
    return lambda world, rng: Asked(
        route, {"mediaId": world.item(rng)}, {**more(world, rng), "headers": stale(rng)}
    )


def of_folder(
    route: str, more: Callable[[World, Random], Mapping[str, Any]] = lambda _, __: {}
) -> Callable[[World, Random], Asked]:
    return lambda world, rng: Asked(
        route, {"folderId": world.folder(rng)}, {**more(world, rng), "headers": stale(rng)}
    )


def of_collection(
    route: str, more: Callable[[World, Random], Mapping[str, Any]] = lambda _, __: {}
) -> Callable[[World, Random], Asked]:
    return lambda world, rng: Asked(route, {"datasetId": world.collection(rng)}, more(world, rng))


# The weight of each operation, and its request. A new operation is a line here, and what it creates a line in
# World.learn.
OPERATIONS: list[tuple[int, Callable[[World, Random], Asked]]] = [
    (
        8,
        lambda world, rng: Asked(
            "POST /api/folder",
            {},
            {
                "json": {
                    "datasetId": world.collection(rng),
                    "name": rng.choice("abc"),
                    "path": world.place(rng),
                    "reuse": rng.random() < 0.3,
                }
            },
        ),
    ),
    (5, upload),
    (
        8,
        of_item(
            "PATCH /api/media/{mediaId}", lambda _, rng: {"json": {"name": rng.choice(("a/b", "ü", "🙂"))}}
        ),
    ),
    (
        4,
        of_item(
            "PATCH /api/media/{mediaId}",
            lambda _, rng: {"json": {"metadata": {"tags": {"color": ["red", rng.choice("abc")]}, "own": 1}}},
        ),
    ),
    (
        14,
        of_item(
            "PATCH /api/media/{mediaId}/move",
            lambda world, rng: {"json": {"destinationPath": world.place(rng)}},
        ),
    ),
    (8, of_item("DELETE /api/media/{mediaId}")),
    (12, of_item("POST /api/media/{mediaId}/restore")),
    (6, of_item("GET /api/media/{mediaId}")),
    (6, of_item("POST /api/media/{mediaId}/tags", lambda _, rng: {"json": label(rng)})),
    (4, of_item("DELETE /api/media/{mediaId}/tags", lambda _, rng: {"json": label(rng)})),
    (
        3,
        of_item(
            "PATCH /api/media/{mediaId}/tags",
            lambda _, rng: {"json": {"oldLabel": label(rng)["label"], "newLabel": label(rng)["label"]}},
        ),
    ),
    (3, of_folder("PATCH /api/folder/{folderId}", lambda _, rng: {"json": {"name": rng.choice("abc")}})),
    (3, of_folder("DELETE /api/folder/{folderId}")),
    (3, of_folder("GET /api/folder/{folderId}")),
    (10, bulk),
    (5, upload_version),
    (3, of_version("GET /api/media/{mediaId}/versions")),
    (4, of_version("PATCH /api/media/{mediaId}/select-version")),
    (
        4,
        lambda world, rng: Asked(
            "DELETE /api/media/{mediaId}/versions",
            {"mediaId": world.item(rng)},
            {
                "params": {"versionId": world.version(rng)},
                "headers": stale(rng),
            },
        ),
    ),
    (3, of_version("POST /api/media/{mediaId}/restore")),
    (4, of_version("POST /api/media/{mediaId}/reprocess")),
    (
        1,
        of_collection(
            "POST /api/dataset/{datasetId}/reprocess",
            lambda _, rng: {"json": {"processing": rng.choice(("failed", "all")), "limit": 5}},
        ),
    ),
    (
        1,
        lambda world, _: Asked(
            "POST /api/organization/{orgId}/datasets",
            {"orgId": world.tenant.id.hex},
            {"json": {"name": "another"}},
        ),
    ),
    (2, of_collection("DELETE /api/dataset/{datasetId}")),
    (2, of_collection("POST /api/dataset/{datasetId}/restore")),
    (
        3,
        of_collection(
            "GET /api/dataset/{datasetId}/media", lambda world, rng: {"params": {"path": world.place(rng)}}
        ),
    ),
    (2, of_collection("GET /api/dataset/{datasetId}/tags")),
    (2, lambda world, _: Asked("GET /api/organization/{orgId}/trash", {"orgId": world.tenant.id.hex})),
    (1, lambda world, _: Asked("GET /api/organization/{orgId}/usage", {"orgId": world.tenant.id.hex})),
]


def populated(tenant: Tenant) -> World:
    world = World(tenant)
    for _ in range(2):
        world.collections.append(
            tenant.studio.post(
                f"/api/organization/{tenant.id.hex}/datasets", json={"name": "another"}
            ).json()["id"]
        )
    path: str | None = None
    for number in range(SHARED - 6):
        answered = {
            "datasetId": tenant.collection_id.hex,
            "name": f"{number}",
            **({"path": path} if path else {}),
        }
        made = tenant.studio.post("/api/folder", json=answered)
        world.folders.append(made.json()["folder"]["id"])
        path = made.json()["folder"]["path"] if number % 5 else None
    placed = [
        {
            "datasetId": tenant.collection_id.hex,
            **({"path": f"{tenant.collection_id.hex}.{world.folders[number]}"} if number else {}),
        }
        for number in range(4)
    ]
    uploads = [
        tenant.studio.post(
            "/api/upload/multipart", data=each, files={"file": ("a.jpg", PICTURES[0], "image/jpeg")}
        )
        for each in placed
    ]
    photos = [each.json()["mediaId"] for each in uploads]
    world.versions = [tenant.ready(PICTURES[2], sourceMediaId=photo) for photo in photos[:2]]
    world.shared = [*world.folders, *photos, *world.versions]
    return world


def play(tenant: Tenant, *, number: int, operations: int, rounds: int) -> Counter[str]:
    """Run the clients; return how often each answer was received. The invariants are true between the rounds
    and at the end.
    """
    world = populated(tenant)
    answers: Counter[str] = Counter()
    wrong: list[str] = []

    def client(name: str) -> None:
        rng = random.Random(f"{number} {name}")
        weights = [weight for weight, _ in OPERATIONS]
        for _ in range(operations // rounds // CLIENTS):
            if wrong:
                return
            asked = rng.choices(OPERATIONS, weights)[0][1](world, rng)
            method, _, path = asked.route.partition(" ")
            answer = tenant.studio.request(method, path.format(**asked.path), **asked.answered)
            body = asked.answered.get("json", "")
            line = f"{name}: {method} {path.format(**asked.path)} {body} -> {answer.status_code}"
            world.done.append(line)
            answers[f"{asked.route} {answer.status_code}"] += 1
            if (
                str(answer.status_code) not in DOCUMENT["paths"][path][method.lower()]["responses"]
                or answer.status_code == 500
            ):
                wrong.append(f"{line} {answer.text}")
            elif answer.is_success:
                world.learn(asked.route, answer.json())

    def job(name: str) -> None:
        """Purge what is in the trash of this tenant alone, whatever others in this database keep."""
        with owner() as connection:
            connection.execute(
                "update deletions set purge_at = now() where organization_id = %s and random() < 0.2",
                [tenant.id],
            )
        jobs.run("purge_deleted")
        jobs.run("fold_ledger")
        world.done.append(f"{name}: purge, fold")

    for turn in range(rounds):
        with ThreadPoolExecutor(CLIENTS + 1) as threads:
            for each in [
                *(threads.submit(client, f"{turn}.{each}") for each in range(CLIENTS)),
                threads.submit(job, f"{turn}"),
            ]:
                each.result()
        finalize(tenant)
        wrong += tenant.inconsistencies()
        assert wrong == [], f"RANDOM_SEED={number}; last of all:\n" + "\n".join(world.done[-60:])
    return answers


def finalize(tenant: Tenant) -> None:
    """Return once the worker has processed every upload and every reprocessing."""
    until = time.monotonic() + 120
    open_still = """
        select from uploads where organization_id = %(id)s and state in ('created', 'stored', 'processing')
        union all
        select from versions where organization_id = %(id)s and reprocess_requested_at is not null
    """
    jobs.run("send_outbox")
    with owner() as connection:
        while connection.execute(open_still, {"id": tenant.id}).fetchone():
            assert time.monotonic() < until
            time.sleep(0.05)
            connection.rollback()


def seed_of_run() -> int:
    return int(os.environ.get("RANDOM_SEED") or random.SystemRandom().randrange(2**32))


def test_simultaneous_requests_get_documented_answers_and_keep_the_invariants(
    separate_stack: Stack, new_tenant: Callable[[], Tenant]
) -> None:
    answers = play(new_tenant(), number=seed_of_run(), operations=400, rounds=2)

    assert answers.total() == 400


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_simultaneous_requests_for_long_get_documented_answers_and_keep_the_invariants(
    separate_stack: Stack, new_tenant: Callable[[], Tenant]
) -> None:
    answers = play(new_tenant(), number=seed_of_run(), operations=20_000, rounds=25)

    reached = {line.rpartition(" ")[0] for line in answers if line.endswith((" 200", " 202"))}
    assert answers.total() == 20_000
    assert reached == {line.rpartition(" ")[0] for line in answers}
