"""No API key outlives the key that made it, however it was made, changed or rotated."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.given.answers import outcome
from tests.given.isolation_cases import owner
from tests.given.keys import STUDIO, V1, create_key, is_accepted, list_keys, rejected, v1_rejected
from tests.given.members import THE_PERSON, count_waiting
from tests.given.shapes import A_TIME
from tests.given.tenants import Client
from vitrine.dialects.formats import show_time
from vitrine.library import operators

if TYPE_CHECKING:
    import httpx

    from tests.given.tenants import Tenant

SCOPES = ["admin:api-keys", "media:read"]
Key = dict[str, Any]


def at(**later: int) -> str:
    return show_time(datetime.now(UTC).replace(microsecond=0) + timedelta(**later))


def bounded(session: Client, end: str) -> tuple[Key, Client]:
    """A key that ends then, and its holder's client."""
    made = create_key(session, scopes=SCOPES, expiresAt=end)
    return made, Client(made["key"])


def change(client: Client, key: Key, **body: Any) -> httpx.Response:
    return client.patch(f"{STUDIO}/{key['apiKey']['id']}", json=body)


def rotate(client: Client, key: Key, **body: Any) -> httpx.Response:
    return client.post(f"{STUDIO}/{key['apiKey']['id']}/rotate", json=body)


def revoke(client: Client, key: Key) -> None:
    assert client.delete(f"{STUDIO}/{key['apiKey']['id']}").status_code == 200


def sentence(end: str) -> str:
    return f"A key cannot work longer than the key it is made or changed with, which ends at {end[:-5]}Z"


def too_late(end: str) -> tuple[int, dict[str, Any]]:
    return rejected(400, "outlives_own_key", sentence(end))


def test_a_key_with_an_end_creates_no_key_that_ends_later(tenant: Tenant) -> None:
    end = at(days=1)
    parent, holder = bounded(tenant.signed_in(), end)
    v1 = {"name": "k", "scopes": ["media:read"]}

    assert [
        create_key(holder)["apiKey"]["expiresAt"],
        create_key(holder, expiresAt=None)["apiKey"]["expiresAt"],
    ] == [
        end,
        end,
    ]
    assert holder.post(V1, json=v1).json()["data"]["expiresAt"] == end
    assert create_key(holder, expiresAt=at(hours=1))["apiKey"]["expiresAt"] < end
    assert create_key(holder, expiresAt=end)["apiKey"]["expiresAt"] == end
    before = len(list_keys(holder))
    for more in ({"expiresAt": at(days=2)}, {"expiresIn": 2 * 24 * 3600}):
        assert outcome(holder.post(STUDIO, json={"name": "k", "scopes": ["media:read"], **more})) == too_late(
            end
        )
    assert outcome(holder.post(V1, json={**v1, "expiresAt": at(days=2)})) == v1_rejected(400, sentence(end))
    assert len(list_keys(holder)) == before
    assert change(holder, parent, name="Me").json()["apiKey"]["expiresAt"] == end


def test_a_session_and_a_key_without_an_end_create_keys_of_any_end(tenant: Tenant) -> None:
    session = tenant.signed_in()
    endless = Client(create_key(session, scopes=SCOPES)["key"])

    assert [create_key(client)["apiKey"]["expiresAt"] for client in (session, endless)] == [None, None]
    assert [
        create_key(client, expiresAt=end)["apiKey"]["expiresAt"]
        for client in (session, endless)
        for end in [at(days=900)]
    ] == [A_TIME] * 2


def test_a_key_with_an_end_prolongs_no_key_beyond_it(tenant: Tenant) -> None:
    session, end = tenant.signed_in(), at(days=1)
    parent, holder = bounded(session, end)
    endless, short = create_key(session), create_key(session, expiresAt=at(hours=1))

    for key in (parent, endless, short):
        assert outcome(change(holder, key, expiresAt=None)) == too_late(end)
        assert outcome(change(holder, key, expiresAt=at(days=2))) == too_late(end)
    assert (
        outcome(change(holder, endless, name="Mine"))
        == outcome(change(holder, endless, scopes=SCOPES))
        == too_late(end)
    )
    assert change(holder, short, expiresAt=end).json()["apiKey"]["expiresAt"] == end
    assert change(holder, endless, expiresAt=end).json()["apiKey"]["expiresAt"] == end
    assert change(session, short, expiresAt=None).json()["apiKey"]["expiresAt"] is None


def test_a_key_with_an_end_rotates_others_and_itself_up_to_that_end(tenant: Tenant) -> None:
    session, end = tenant.signed_in(), at(days=1)
    parent, holder = bounded(session, end)
    soon = at(hours=1)

    assert rotate(holder, create_key(session)).json()["apiKey"]["expiresAt"] == end
    assert rotate(holder, create_key(session, expiresAt=soon)).json()["apiKey"]["expiresAt"] == soon
    assert rotate(session, create_key(session)).json()["apiKey"]["expiresAt"] is None
    renewed = rotate(holder, parent, overlap=3600).json()
    assert renewed["apiKey"]["expiresAt"] == end
    # Its overlap is what is left of it.
    assert create_key(holder)["apiKey"]["expiresAt"] == renewed["previous"]["revokedAt"] < end
    assert create_key(Client(renewed["key"]))["apiKey"]["expiresAt"] == end


@pytest.mark.parametrize("how", ["revoked", "revoked by an operator", "ended earlier"])
def test_keys_end_with_the_key_that_created_them(tenant: Tenant, how: str) -> None:
    session = tenant.signed_in()
    parent = create_key(session, scopes=SCOPES)
    child = create_key(Client(parent["key"]), scopes=SCOPES)
    grandchild, other = create_key(Client(child["key"])), create_key(session)
    soon = at(hours=1)

    if how == "revoked":
        revoke(session, parent)
    elif how == "revoked by an operator":
        operators.revoke_key(parent["apiKey"]["id"])
    else:
        assert change(session, parent, expiresAt=soon).status_code == 200

    ends = {key["id"]: key["expiresAt"] for key in list_keys(session)}
    if how == "ended earlier":
        assert [ends[key["apiKey"]["id"]] for key in (parent, child, grandchild, other)] == [
            soon,
            soon,
            soon,
            None,
        ]
    else:
        assert [is_accepted(key["key"]) for key in (parent, child, grandchild, other)] == [
            False,
            False,
            False,
            True,
        ]
        assert change(session, grandchild, expiresAt=None).status_code == 409  # revoked, not only expired


def test_a_rotated_keys_successor_inherits_the_keys_that_it_created(tenant: Tenant) -> None:
    session = tenant.signed_in()
    parent = create_key(session, scopes=SCOPES)
    child = create_key(Client(parent["key"]))

    renewed = rotate(Client(parent["key"]), parent).json()

    assert [is_accepted(key["key"]) for key in (parent, child, renewed)] == [False, True, True]
    revoke(session, renewed)
    assert not is_accepted(child["key"])


def test_a_key_ends_with_the_key_that_rotated_it(tenant: Tenant) -> None:
    session = tenant.signed_in()
    parent = create_key(session, scopes=SCOPES)
    by_key, by_person = (
        rotate(Client(parent["key"]), create_key(session)).json(),
        rotate(session, create_key(Client(parent["key"]))).json(),
    )

    revoke(session, parent)

    assert [is_accepted(key["key"]) for key in (by_key, by_person)] == [False, False]


def test_a_key_prolonged_by_a_session_depends_on_no_other_key(tenant: Tenant) -> None:
    session = tenant.signed_in()
    parent, holder = bounded(session, at(days=1))
    child = create_key(holder)

    assert change(session, child, expiresAt=None).json()["apiKey"]["expiresAt"] is None
    revoke(session, parent)

    assert is_accepted(child["key"])


def test_two_keys_that_rotated_each_other_end_together(tenant: Tenant) -> None:
    session = tenant.signed_in()
    first = create_key(session, scopes=SCOPES)
    second = create_key(Client(first["key"]), scopes=SCOPES)
    third = rotate(Client(second["key"]), first).json()

    revoke(session, second)

    assert [is_accepted(key["key"]) for key in (first, second, third)] == [False] * 3


def test_a_key_revoked_while_it_creates_another_leaves_none(tenant: Tenant) -> None:
    session = tenant.signed_in()
    parent = create_key(session, scopes=SCOPES)
    body = {"name": "k", "scopes": ["media:read"]}

    with owner() as connection, ThreadPoolExecutor(2) as threads:
        connection.execute(THE_PERSON, [tenant.owner.user_id])
        making = threads.submit(Client(parent["key"]).post, STUDIO, json=body)
        revoking = threads.submit(revoke, session, parent)
        until = time.monotonic() + 5
        while count_waiting(connection) < 2:
            assert time.monotonic() < until, "they did not both come as far"
            time.sleep(0.01)
        connection.commit()
        made = making.result()
        revoking.result()

    assert made.status_code in (200, 401)
    with owner() as connection:
        left = connection.execute(
            "select count(*) as n from api_keys where user_id = %s and revoked_at is null",
            [tenant.owner.user_id],
        ).fetchone()
    assert left == {"n": 0}
