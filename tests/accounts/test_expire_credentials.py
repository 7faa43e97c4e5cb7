"""expire_credentials: what lets nobody in any more goes, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from tests.given import jobs
from tests.given.people import Someone, change, look
from vitrine.credentials import fingerprint, mint_id
from vitrine.library import expiry, organizations, sessions

if TYPE_CHECKING:
    from tests.given.tenants import Tenant

JOB = "expire_credentials"

pytestmark = pytest.mark.usefixtures("separate_stack")


def there(table: str, *ids: UUID) -> list[bool]:
    return [look(f"select from {table} where id = %s", each) != [] for each in ids]


def a_session(expires: str) -> UUID:
    session = sessions.start(UUID(Someone.new().id), address="192.0.2.1", user_agent="tests")
    change("update sessions set expires_at = now() + %s::interval where id = %s", expires, session.id)
    return session.id


def a_device_code(expires: str) -> UUID:
    code = mint_id()
    change(
        """
        insert into device_codes (id, device_code_hash, user_code, client_id, expires_at)
        values (%s, %s, %s, 'a client', now() + %s::interval)
        """,
        code,
        fingerprint(code.hex),
        uuid4().hex,
        expires,
    )
    return code


def a_key(tenant: Tenant, *, revoked: str | None = None, expires: str | None = None) -> UUID:
    key = organizations.add_key(tenant.owner.user_id, "a key", ["*"])
    change(
        "update api_keys set revoked_at = now() + %s::interval, expires_at = now() + %s::interval where key_hash = %s",
        revoked,
        expires,
        fingerprint(key),
    )
    found: UUID = look("select id from api_keys where key_hash = %s", fingerprint(key))[0][0]
    return found


def test_sessions_and_device_codes_go_when_their_time_is_over() -> None:
    over, open_ = a_session("-1 second"), a_session("1 minute")
    code, fresh = a_device_code("-1 second"), a_device_code("1 minute")

    would = jobs.run(JOB, dry_run=True)
    assert (would[over.hex], would[code.hex]) == ("would be deleted", "would be deleted")
    assert there("sessions", over) + there("device_codes", code) == [True, True]
    did = jobs.run(JOB)

    assert (did[over.hex], did[code.hex]) == ("deleted", "deleted")
    assert there("sessions", over, open_) + there("device_codes", code, fresh) == [False, True, False, True]
    assert {open_.hex, fresh.hex} & {*would, *did} == set()


def test_keys_are_kept_for_ninety_days_after_their_end(tenant: Tenant) -> None:
    gone = [
        a_key(tenant, revoked="-91 days"),
        a_key(tenant, expires="-91 days"),
        a_key(tenant, revoked="-1 day", expires="-91 days"),
        a_key(tenant, revoked="-91 days", expires="1 year"),
    ]
    kept = [
        a_key(tenant),
        a_key(tenant, revoked="-89 days"),
        a_key(tenant, expires="-89 days"),
        a_key(tenant, expires="1 day"),
    ]

    would = jobs.run(JOB, dry_run=True)
    did = jobs.run(JOB)

    assert [did[key.hex] for key in gone] == ["deleted"] * 4
    assert (
        would.keys() & {key.hex for key in gone + kept}
        == {key.hex for key in gone}
        == did.keys() & {key.hex for key in gone + kept}
    )
    assert there("api_keys", *gone, *kept) == [False] * 4 + [True] * 4
    assert tenant.client().get("/api/me").status_code == 200


def test_a_key_made_of_another_outlives_it(tenant: Tenant) -> None:
    old, new = a_key(tenant, revoked="-91 days"), a_key(tenant)
    change("update api_keys set rotated_from = %s where id = %s", old, new)

    jobs.run(JOB)

    assert look("select rotated_from from api_keys where id = %s", new) == [(None,)]


def test_idempotency_keys_and_old_counts_of_requests_go(tenant: Tenant) -> None:
    for name, expires in (("over", "-1 second"), ("open", "1 hour")):
        change(
            """
            insert into idempotency_keys (organization_id, user_id, route, key, request_hash, locked_until, expires_at)
            values (%s, %s, 'POST /', %s, %s, now(), now() + %s::interval)
            """,
            tenant.id,
            tenant.owner.user_id,
            name,
            b"0" * 32,
            expires,
        )
    bucket = uuid4().hex
    for ago in ("2 hours", "20 minutes", "0"):
        change(
            "insert into rate_limits (bucket, window_start, hits) values (%s, now() - %s::interval, 1)",
            bucket,
            ago,
        )

    dry = jobs.run(JOB, dry_run=True)
    left_by_it = (
        len(look("select from rate_limits where bucket = %s", bucket)),
        len(look("select from idempotency_keys")),
    )
    jobs.run(JOB)

    assert "would be deleted" in dry.values()
    assert left_by_it == (3, 2)
    assert look("select key from idempotency_keys where organization_id = %s", tenant.id) == [("open",)]
    assert len(look("select from rate_limits where bucket = %s", bucket)) == 2


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_batch_is_bounded_and_the_next_goes_on_after_it(*, dry_run: bool) -> None:
    jobs.run(JOB)
    mine = sorted(a_session("-1 second").hex for _ in range(5))
    now = datetime.now(UTC)
    met: list[str] = []
    cursor: str | None = None
    sizes: list[int] = []

    while True:
        batch = expiry.end_sessions(now, cursor, 2, dry_run=dry_run)
        sizes.append(len(batch.done))
        met += [done.item for done in batch.done]
        cursor = batch.cursor
        if cursor is None:
            break

    assert (met, sizes) == (mine, [2, 2, 1])


def test_counts_of_requests_go_in_batches_too() -> None:
    jobs.run(JOB)
    for n in range(5):
        change(
            "insert into rate_limits (bucket, window_start, hits) values (%s, now() - interval '2 hours', 1)",
            f"{uuid4().hex}:{n}",
        )
    now = datetime.now(UTC)

    batches = [expiry.drop_rate_limits(now, None, 2, dry_run=False) for _ in range(3)]

    assert [[done.item for done in batch.done] for batch in batches] == [
        ["2 windows"],
        ["2 windows"],
        ["1 windows"],
    ]
    assert [batch.cursor for batch in batches] == ["more", "more", None]


def test_a_session_that_is_used_meanwhile_is_left_alone() -> None:
    session = a_session("-1 second")
    change("update sessions set expires_at = now() + interval '1 day' where id = %s", session)

    jobs.run(JOB)

    assert there("sessions", session) == [True]


def test_the_report_names_no_address_and_no_token(tenant: Tenant) -> None:
    a_session("-1 second")
    change(
        "insert into rate_limits (bucket, window_start, hits) values ('address:192.0.2.77:auth', now() - interval '2 hours', 1)"
    )

    answered: Any = jobs.run(JOB, later=timedelta(minutes=1))

    assert "192.0.2" not in str(answered)
