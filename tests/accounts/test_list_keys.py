"""GET /api/auth/api-keys"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from tests.given.answers import outcome
from tests.given.isolation_cases import owner
from tests.given.keys import STUDIO, create_key, create_person, list_keys
from tests.given.shapes import A_TIME, AN_ID
from tests.given.tenants import Client
from vitrine.credentials import fingerprint
from vitrine.library import organizations, sessions

if TYPE_CHECKING:
    from tests.given.tenants import Tenant


def test_a_persons_keys_are_listed_without_their_secrets(tenant: Tenant) -> None:
    session = tenant.signed_in()
    made = create_key(session, "For the import", ["media:write", "media:read"])

    answer = session.get(STUDIO)

    assert outcome(answer) == (
        200,
        {
            "apiKeys": [
                {
                    "id": AN_ID,
                    "name": "For the import",
                    "keyPrefix": made["key"][:16],
                    "scopes": ["media:read", "media:write"],
                    "status": "active",
                    "lastUsedAt": None,
                    "expiresAt": None,
                    "revokedAt": None,
                    "createdAt": A_TIME,
                    "updatedAt": A_TIME,
                }
            ]
        },
    )
    assert answer.json()["apiKeys"][0] == made["apiKey"]
    assert made["key"][16:] not in answer.text
    assert fingerprint(made["key"]).hex() not in answer.text


def test_without_keys_the_list_is_empty(tenant: Tenant) -> None:
    assert outcome(tenant.signed_in().get(STUDIO)) == (200, {"apiKeys": []})


def test_keys_of_others_are_not_listed_not_even_to_an_owner(tenant: Tenant, stranger: Tenant) -> None:
    another = Client(
        None, token=sessions.start(create_person(tenant, "owner"), address="", user_agent="").token
    )
    theirs = create_key(another, "Another owner's")
    create_key(stranger.signed_in(), "A stranger's")
    mine = create_key(tenant.signed_in(), "Mine")

    assert list_keys(tenant.signed_in()) == [mine["apiKey"]]
    assert list_keys(another) == [theirs["apiKey"]]


def test_a_persons_keys_are_the_same_in_every_organization(tenant: Tenant, stranger: Tenant) -> None:
    organizations.add_member(stranger.id, tenant.owner.user_id, "admin")
    made = create_key(tenant.signed_in())

    there = tenant.signed_in().get(STUDIO, headers={"x-team-id": str(stranger.id)})

    assert outcome(there) == (200, {"apiKeys": [made["apiKey"]]})


def test_working_keys_come_first_each_group_newest_first(tenant: Tenant) -> None:
    session = tenant.signed_in()
    ids = [
        create_key(session, name)["apiKey"]["id"]
        for name in ("revoked", "older", "expired", "newer", "revoked later")
    ]
    with owner() as connection:
        connection.execute("update api_keys set expires_at = now() where id = %s", [UUID(ids[2])])
    for revoked in (ids[0], ids[4]):
        session.delete(f"{STUDIO}/{revoked}")

    assert [(key["name"], key["status"]) for key in list_keys(session)] == [
        ("newer", "active"),
        ("older", "active"),
        ("revoked later", "inactive"),
        ("expired", "expired"),
        ("revoked", "inactive"),
    ]


def test_of_ended_keys_the_newest_hundred_are_listed(tenant: Tenant) -> None:
    session = tenant.signed_in()
    first = create_key(session, "First")
    with owner() as connection:
        connection.execute(
            """
            insert into api_keys (id, user_id, name, prefix, key_hash, scopes, revoked_at, created_at)
            select gen_random_uuid(), %(person)s, 'ended ' || n, 'sk_live_00000000',
                   sha256(convert_to(%(person)s::text || n, 'utf8')), '{*}', now(),
                   now() + make_interval(secs => n)
              from generate_series(1, 120) n
            """,
            {"person": tenant.owner.user_id},
        )

    assert [key["name"] for key in list_keys(session)] == [
        "First",
        *(f"ended {n}" for n in range(120, 20, -1)),
    ]
    assert list_keys(session)[0] == first["apiKey"]


def test_the_last_use_is_written_once_in_five_minutes(tenant: Tenant) -> None:
    session = tenant.signed_in()
    made = create_key(session)
    client = Client(made["key"])

    def used() -> str | None:
        assert client.get("/api/me").status_code == 200
        last_used: str | None = list_keys(session)[0]["lastUsedAt"]
        return last_used

    def move_back(minutes: int) -> str:
        with owner() as connection:
            row = connection.execute(
                """
                update api_keys set last_used_at = now() - make_interval(mins => %s)
                 where id = %s
                returning last_used_at
                """,
                [minutes, UUID(made["apiKey"]["id"])],
            ).fetchone()
        assert row is not None
        moved: datetime = row["last_used_at"]
        return moved.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    assert list_keys(session)[0]["lastUsedAt"] is None
    first = used()
    assert first == A_TIME
    assert used() == first
    recent = move_back(4)
    assert used() == recent
    before = move_back(6)
    assert before < (again := str(used()))
    assert datetime.now(UTC) - datetime.fromisoformat(again) < timedelta(seconds=30)
    assert used() == again


def test_a_missing_scope_or_role_is_denied(tenant: Tenant) -> None:
    others = ("media:read", "media:write", "media:delete", "admin:users")

    answers = [
        tenant.client("owner", others).get(STUDIO),
        tenant.client("editor", ["admin:api-keys"]).get(STUDIO),
    ]

    sentences = [
        "This API key does not have the scope admin:api-keys",
        "This takes the role owner or admin; yours is editor",
    ]
    assert [json.loads(answer.text) for answer in answers] == [
        {"error": sentences[0], "code": "insufficient_scope", "message": sentences[0]},
        {"error": sentences[1], "code": "insufficient_role", "message": sentences[1]},
    ]
    assert [answer.status_code for answer in answers] == [403, 403]
