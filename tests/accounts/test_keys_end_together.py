"""No API key outlives the key that made it, however it was made, changed or rotated."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.given.answers import outcome
from tests.given.isolation_cases import owner
from tests.given.keys import STUDIO, V1, listed, make, rejected, v1_rejected, works
from tests.given.members import THE_PERSON, waiting
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
    made = make(session, scopes=SCOPES, expiresAt=end)
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


def test_a_key_that_ends_makes_none_that_ends_later(tenant: Tenant) -> None:
    end = at(days=1)
    own, holder = bounded(tenant.signed_in(), end)
    v1 = {"name": "k", "scopes": ["media:read"]}

    assert [make(holder)["apiKey"]["expiresAt"], make(holder, expiresAt=None)["apiKey"]["expiresAt"]] == [
        end,
        end,
    ]
    assert holder.post(V1, json=v1).json()["data"]["expiresAt"] == end
    assert make(holder, expiresAt=at(hours=1))["apiKey"]["expiresAt"] < end
    assert make(holder, expiresAt=end)["apiKey"]["expiresAt"] == end
    before = len(listed(holder))
    for more in ({"expiresAt": at(days=2)}, {"expiresIn": 2 * 24 * 3600}):
        assert outcome(holder.post(STUDIO, json={"name": "k", "scopes": ["media:read"], **more})) == too_late(
            end
        )
    assert outcome(holder.post(V1, json={**v1, "expiresAt": at(days=2)})) == v1_rejected(400, sentence(end))
    assert len(listed(holder)) == before
    assert change(holder, own, name="Me").json()["apiKey"]["expiresAt"] == end


def test_a_person_and_a_key_without_an_end_make_keys_of_any_end(tenant: Tenant) -> None:
    session = tenant.signed_in()
    endless = Client(make(session, scopes=SCOPES)["key"])

    assert [make(client)["apiKey"]["expiresAt"] for client in (session, endless)] == [None, None]
    assert [
        make(client, expiresAt=end)["apiKey"]["expiresAt"]
        for client in (session, endless)
        for end in [at(days=900)]
    ] == [A_TIME] * 2


def test_a_key_that_ends_prolongs_none_beyond_that(tenant: Tenant) -> None:
    session, end = tenant.signed_in(), at(days=1)
    own, holder = bounded(session, end)
    endless, short = make(session), make(session, expiresAt=at(hours=1))

    for key in (own, endless, short):
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


def test_a_key_that_ends_rotates_others_to_its_own_end_and_itself_to_the_same(tenant: Tenant) -> None:
    session, end = tenant.signed_in(), at(days=1)
    own, holder = bounded(session, end)
    soon = at(hours=1)

    assert rotate(holder, make(session)).json()["apiKey"]["expiresAt"] == end
    assert rotate(holder, make(session, expiresAt=soon)).json()["apiKey"]["expiresAt"] == soon
    assert rotate(session, make(session)).json()["apiKey"]["expiresAt"] is None
    renewed = rotate(holder, own, overlap=3600).json()
    assert renewed["apiKey"]["expiresAt"] == end
    # Its overlap is what is left of it.
    assert make(holder)["apiKey"]["expiresAt"] == renewed["previous"]["revokedAt"] < end
    assert make(Client(renewed["key"]))["apiKey"]["expiresAt"] == end


@pytest.mark.parametrize("how", ["revoked", "revoked by an operator", "ended earlier"])
def test_what_a_key_made_ends_with_it(tenant: Tenant, how: str) -> None:
    session = tenant.signed_in()
    own = make(session, scopes=SCOPES)
    child = make(Client(own["key"]), scopes=SCOPES)
    grandchild, other = make(Client(child["key"])), make(session)
    soon = at(hours=1)

    if how == "revoked":
        revoke(session, own)
    elif how == "revoked by an operator":
        operators.revoke_key(own["apiKey"]["id"])
    else:
        assert change(session, own, expiresAt=soon).status_code == 200

    ends = {key["id"]: key["expiresAt"] for key in listed(session)}
    if how == "ended earlier":
        assert [ends[key["apiKey"]["id"]] for key in (own, child, grandchild, other)] == [
            soon,
            soon,
            soon,
            None,
        ]
    else:
        assert [works(key["key"]) for key in (own, child, grandchild, other)] == [False, False, False, True]
        assert change(session, grandchild, expiresAt=None).status_code == 409  # revoked, not only expired


def test_what_takes_a_keys_place_takes_over_what_it_made(tenant: Tenant) -> None:
    session = tenant.signed_in()
    own = make(session, scopes=SCOPES)
    child = make(Client(own["key"]))

    renewed = rotate(Client(own["key"]), own).json()

    assert [works(key["key"]) for key in (own, child, renewed)] == [False, True, True]
    revoke(session, renewed)
    assert not works(child["key"])


def test_what_a_key_rotated_ends_with_it_too(tenant: Tenant) -> None:
    session = tenant.signed_in()
    own = make(session, scopes=SCOPES)
    by_key, by_person = (
        rotate(Client(own["key"]), make(session)).json(),
        rotate(session, make(Client(own["key"]))).json(),
    )

    revoke(session, own)

    assert [works(key["key"]) for key in (by_key, by_person)] == [False, False]


def test_a_key_that_a_person_prolongs_is_that_persons_own(tenant: Tenant) -> None:
    session = tenant.signed_in()
    own, holder = bounded(session, at(days=1))
    child = make(holder)

    assert change(session, child, expiresAt=None).json()["apiKey"]["expiresAt"] is None
    revoke(session, own)

    assert works(child["key"])


def test_two_keys_that_rotated_each_other_end_together(tenant: Tenant) -> None:
    session = tenant.signed_in()
    first = make(session, scopes=SCOPES)
    second = make(Client(first["key"]), scopes=SCOPES)
    third = rotate(Client(second["key"]), first).json()

    revoke(session, second)

    assert [works(key["key"]) for key in (first, second, third)] == [False] * 3


def test_a_key_that_is_revoked_while_it_makes_another_leaves_none(tenant: Tenant) -> None:
    session = tenant.signed_in()
    own = make(session, scopes=SCOPES)
    body = {"name": "k", "scopes": ["media:read"]}

    with owner() as connection, ThreadPoolExecutor(2) as threads:
        connection.execute(THE_PERSON, [tenant.owner.user_id])
        making = threads.submit(Client(own["key"]).post, STUDIO, json=body)
        revoking = threads.submit(revoke, session, own)
        until = time.monotonic() + 5
        while waiting(connection) < 2:
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
