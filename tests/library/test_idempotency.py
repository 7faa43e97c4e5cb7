"""`Idempotency-Key`: a request that is sent again gets the same answer, and is not carried out again."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest

from tests.given.isolation_cases import owner
from tests.given.loops import call
from vitrine.dialects import Answer
from vitrine.dialects.formats import Input
from vitrine.dialects.studio import STUDIO
from vitrine.dialects.v1 import V1
from vitrine.dialects.v1.zod import Schema
from vitrine.http.endpoint import Request, endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.stack import Stack
    from tests.given.tenants import Client, Tenant
    from vitrine.models.people import Caller, Person

REUSED = {"error": "This Idempotency-Key was used for another request", "code": "idempotency_key_reused"}
RUNNING = {
    "error": "The request of this Idempotency-Key is being worked on; ask again",
    "code": "still_running",
}


def create(client: Client, tenant: Tenant, key: str, name: str = "Once", **more: Any) -> httpx.Response:
    return client.post(
        "/api/folder",
        json={"datasetId": tenant.collection_id.hex, "name": name, **more},
        headers={"idempotency-key": key},
    )


def folders(tenant: Tenant) -> list[str]:
    listing = tenant.studio.get(
        f"/api/dataset/{tenant.collection_id.hex}/media", params={"type": "folder", "limit": 1000}
    ).json()
    return sorted(item["name"] for item in listing["media"])


def test_a_repeated_request_gets_the_same_answer(tenant: Tenant) -> None:
    first, again = (create(tenant.studio, tenant, "k") for _ in range(2))

    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert ("idempotency-replayed" in first.headers, again.headers["idempotency-replayed"]) == (False, "true")
    assert folders(tenant) == ["Once"]


def test_a_key_belongs_to_its_request(tenant: Tenant) -> None:
    create(tenant.studio, tenant, "k")

    other_body = create(tenant.studio, tenant, "k", "Twice")
    other_url = [
        tenant.studio.post(
            f"/api/organization/{tenant.id}/datasets{query}",
            json={"name": "A collection"},
            headers={"idempotency-key": "k"},
        )
        for query in ("", "?x=1")
    ]

    assert (other_body.status_code, other_body.json()) == (422, REUSED)
    assert [(answer.status_code, answer.json().get("code")) for answer in other_url] == [
        (200, None),
        (422, "idempotency_key_reused"),
    ]
    assert folders(tenant) == ["Once"]


def test_a_key_belongs_to_its_person_in_its_organization(tenant: Tenant, stranger: Tenant) -> None:
    answers = [
        create(tenant.studio, tenant, "k"),
        create(tenant.client("editor"), tenant, "k"),
        create(stranger.studio, stranger, "k"),
    ]

    assert [answer.status_code for answer in answers] == [200] * 3
    assert len({answer.json()["folder"]["id"] for answer in answers}) == 3


def test_of_twenty_at_the_same_time_one_does_the_work(tenant: Tenant) -> None:
    client = tenant.studio

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: create(client, tenant, "k"), range(20)))

    done = [answer.json() for answer in answers if answer.status_code == 200]
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert done
    assert done.count(done[0]) == len(done)
    assert all(
        (answer.json(), answer.headers["retry-after"]) == (RUNNING, "2")
        for answer in answers
        if answer.status_code == 409
    )
    assert folders(tenant) == ["Once"]
    assert create(client, tenant, "k").json() == done[0]


def test_a_rejected_request_leaves_the_key_free(tenant: Tenant) -> None:
    rejected = [
        create(tenant.studio, tenant, "k", ""),
        create(tenant.studio, tenant, "k", path=f"{tenant.collection_id.hex}.{uuid4().hex}"),
    ]

    assert [answer.status_code for answer in rejected] == [400, 404]
    assert create(tenant.studio, tenant, "k").status_code == 200
    assert folders(tenant) == ["Once"]


def test_a_caller_without_permission_does_not_get_the_stored_answer(tenant: Tenant) -> None:
    create(tenant.studio, tenant, "k")
    owner_without_scope = tenant.client(scopes=("media:read",))

    answer = create(owner_without_scope, tenant, "k")

    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "é", "tab\tbed"])
def test_a_malformed_key_is_rejected(key: str, tenant: Tenant) -> None:
    answer = tenant.studio.post(
        "/api/folder",
        json={"datasetId": tenant.collection_id.hex, "name": "Once"},
        headers={b"idempotency-key": key.encode("latin-1")},
    )

    assert (answer.status_code, answer.json()) == (
        400,
        {"error": "Idempotency-Key must be 1 to 255 visible ASCII characters", "code": "invalid"},
    )
    assert folders(tenant) == []


def test_a_key_of_the_greatest_length_is_accepted(tenant: Tenant) -> None:
    assert [create(tenant.studio, tenant, "x" * 255).status_code for _ in range(2)] == [200, 200]
    assert folders(tenant) == ["Once"]


def test_an_upload_is_created_once(tenant: Tenant) -> None:
    first, again = (
        tenant.studio.post(
            "/api/upload/s3/multipart",
            json={"filename": "a.jpg", "type": "image/jpeg"},
            headers={"idempotency-key": "k"},
        )
        for _ in range(2)
    )

    assert first.status_code == 200
    assert first.json() == again.json()


def test_after_a_day_the_key_is_free(tenant: Tenant) -> None:
    create(tenant.studio, tenant, "k")

    with owner() as connection:
        connection.execute(
            "update idempotency_keys set expires_at = now() - interval '1 second' where organization_id = %s",
            [tenant.id],
        )
    answer = create(tenant.studio, tenant, "k", "Another")

    assert answer.status_code == 200
    assert folders(tenant) == ["Another", "Once"]


class Nothing(Input):
    pass


class NothingV1(Schema):
    pass


def post(app: Any, tenant: Tenant, **headers: str) -> httpx.Response:
    method, path = app.spec.routes[0]
    return call(
        app,
        method,
        path,
        json={},
        headers={"x-api-key": str(tenant.studio.key), "idempotency-key": "k", **headers},
    )


def test_signed_urls_are_signed_again_and_other_texts_stay(tenant: Tenant) -> None:
    texts = [":derived/a", "derived/a", "\ue000"]
    marks: list[str] = []

    @endpoint(STUDIO, operation="folder.create", body=Nothing, returns=dict, status=201)
    def app(request: Request, _: Caller) -> Answer:
        """POST /api/signed - a URL among texts."""
        marks.append(request.links.object("derived/a"))
        return Answer({"deep": [{"url": marks[0]}], "texts": texts}, headers={"etag": '"1"'})

    first = post(app, tenant)
    time.sleep(1.1)  # signatures have a resolution of one second
    again = post(app, tenant)

    urls = [httpx.URL(answer.json()["deep"][0]["url"]) for answer in (first, again)]
    assert [answer.status_code for answer in (first, again)] == [201, 201]
    assert [answer.headers["etag"] for answer in (first, again)] == ['"1"', '"1"']
    assert urls[0].path == urls[1].path
    assert urls[0].path.endswith("/derived/a")
    assert urls[0].params["X-Amz-Date"] < urls[1].params["X-Amz-Date"]
    assert first.json()["texts"] == again.json()["texts"] == texts
    assert len(marks) == 1


@pytest.mark.parametrize(("dialect", "body"), [(STUDIO, Nothing), (V1, NothingV1)])
def test_while_a_request_is_in_progress_another_one_is_409(dialect: Any, body: Any, tenant: Tenant) -> None:
    begun, may_continue = threading.Event(), threading.Event()

    @endpoint(dialect, operation="folder.create", body=body, returns=dict)
    def app(_: Request, __: Caller) -> Mapping[str, int]:
        """POST /api/slow - takes its time."""
        begun.set()
        assert may_continue.wait(30)
        return {"n": 1}

    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(post, app, tenant)
        assert begun.wait(30)
        meanwhile = post(app, tenant)
        may_continue.set()

    assert slow.result().status_code == 200
    assert (meanwhile.status_code, meanwhile.json()["error"], meanwhile.headers["retry-after"]) == (
        409,
        RUNNING["error"],
        "2",
    )
    assert post(app, tenant).json() == {"n": 1}


def test_an_internal_error_leaves_the_key_free(tenant: Tenant) -> None:
    turns = iter([RuntimeError("an error"), None])

    @endpoint(STUDIO, operation="folder.create", body=Nothing, returns=dict)
    def app(_: Request, __: Caller) -> Mapping[str, int]:
        """POST /api/failing - succeeds the second time."""
        if (error := next(turns)) is not None:
            raise error
        return {"n": 2}

    assert [post(app, tenant).status_code for _ in range(3)] == [500, 200, 200]


def test_an_answer_with_a_secret_is_never_stored(tenant: Tenant) -> None:
    secrets = iter(["one", "two"])

    @endpoint(STUDIO, operation="folder.create", body=Nothing, returns=dict, mints_secret=True)
    def app(_: Request, __: Caller) -> Mapping[str, str]:
        """POST /api/minting - another one each time."""
        return {"secret": next(secrets)}

    assert [post(app, tenant).json() for _ in range(2)] == [{"secret": "one"}, {"secret": "two"}]
    with owner() as connection:
        assert (
            connection.execute(
                "select from idempotency_keys where organization_id = %s", [tenant.id]
            ).fetchall()
            == []
        )


def test_a_person_without_an_organization_may_use_keys(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vitrine.permissions import PERMISSIONS, Permission

    monkeypatch.setitem(PERMISSIONS, "test.person", Permission(None, None, "write"))
    turns = iter([1, 2])

    @endpoint(STUDIO, operation="test.person", body=Nothing, returns=dict)
    def app(_: Request, __: Person) -> Mapping[str, int]:
        """POST /api/of-a-person - counted."""
        return {"n": next(turns)}

    assert [post(app, tenant).json() for _ in range(2)] == [{"n": 1}, {"n": 1}]


def test_a_killed_process_frees_its_key_when_its_lease_ends(separate_stack: Stack, tenant: Tenant) -> None:
    client = tenant.studio

    with owner() as locking, ThreadPoolExecutor(1) as threads:
        # the creation of the folder waits for this lock
        locking.execute("select from collections where id = %s for update", [tenant.collection_id])
        lost = threads.submit(create, client, tenant, "k")
        until = time.monotonic() + 20
        with owner() as looking:
            while not looking.execute(
                "select from idempotency_keys where organization_id = %s", [tenant.id]
            ).fetchall():
                looking.commit()
                assert time.monotonic() < until
                time.sleep(0.05)
        separate_stack.kill("api")
        with pytest.raises(httpx.TransportError):
            lost.result()
    separate_stack.restart("api")
    soon = create(client, tenant, "k")
    with owner() as connection:  # time passes
        connection.execute(
            "update idempotency_keys set locked_until = now() - interval '1 second' "
            "where organization_id = %s",
            [tenant.id],
        )
    later = create(client, tenant, "k")

    assert (soon.status_code, soon.json()) == (409, RUNNING)
    assert later.status_code == 200
    assert folders(tenant) == ["Once"]
    assert tenant.inconsistencies() == []
