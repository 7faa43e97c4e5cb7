"""Usage is the folded total plus unfolded entries at any time; and organizations, people and keys are
created.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from tests.given.library import Organization
from vitrine.credentials import fingerprint
from vitrine.db import write
from vitrine.errors import Conflict, Invalid, NotFound
from vitrine.library import media, organizations, usage
from vitrine.models.deletions import Usage
from vitrine.models.people import Worker
from vitrine.queries import counts, ledger

pytest_plugins = ["tests.given.library_fixtures"]


def test_an_organization_without_media_stores_nothing(organization: Organization) -> None:
    assert usage.read(organization.caller) == Usage(0, 0, 0, 0, 0, 0, None)


def test_usage_is_the_same_before_while_and_after_the_ledger_is_folded(
    organization: Organization, neighbour: Organization
) -> None:
    for tenant in (organization, neighbour):
        items = [tenant.file(stored=100, derived=(10,)) for _ in range(4)]
        media.delete(tenant.caller, items[0])
    with organization.sql() as sql:
        sql.execute("update organizations set quota_bytes = 5000 where id = %s", [organization.id])
    expected = Usage(330, 110, 400, 40, 3, 1, 5000)
    before = usage.read(organization.caller)
    seen = [before]

    while write(Worker(), ledger.fold(3))[0].n:
        seen.append(usage.read(organization.caller))

    assert set(seen) == {expected}
    assert len(seen) > 2
    assert organization.rows(
        "select count(*) from storage_ledger where not folded and organization_id = %s", organization.id
    ) == [(0,)]
    assert organization.rows(
        "select kind, state, bytes, items from storage_usage where organization_id = %s order by kind, state",
        organization.id,
    ) == [
        ("derived", "active", 30, 0),
        ("derived", "trash", 10, 0),
        ("original", "active", 300, 3),
        ("original", "trash", 100, 1),
    ]


def test_simultaneous_folds_fold_each_entry_once(organization: Organization) -> None:
    items = 30
    for _ in range(items):
        organization.file(stored=100, derived=(10,))

    def fold(_: int) -> int:
        return write(Worker(), ledger.fold(7))[0].n + write(Worker(), counts.fold(7))[0].n

    with ThreadPoolExecutor(4) as pool:
        while sum(pool.map(fold, range(8))):
            pass

    assert usage.read(organization.caller) == Usage(items * 110, 0, items * 100, items * 10, items, 0, None)
    assert organization.rows("select items from counts where organization_id = %s", organization.id) == [
        (items,)
    ]
    assert organization.rows(
        "select items from collection_counts where organization_id = %s", organization.id
    ) == [(items,)]
    assert organization.rows(
        "select count(*) from count_ledger where organization_id = %s", organization.id
    ) == [(0,)]
    assert (
        media.browse(organization.caller, organization.collection_id).total
        == media.list_files(organization.caller).total
        == items
    )


def test_an_event_is_entered_once(organization: Organization) -> None:
    entry = ledger.entry(
        organization.id, uuid4(), uuid4(), 100, 1, "original", "active", "upload", "upload:1"
    )

    first, second = write(organization.caller, entry), write(organization.caller, entry)

    assert (len(first), second) == (1, [])
    assert usage.read(organization.caller) == Usage(100, 0, 100, 0, 1, 0, None)


def test_an_entry_for_another_tenant_is_rejected(organization: Organization, neighbour: Organization) -> None:
    with pytest.raises(NotFound):
        write(
            organization.caller,
            ledger.entry(neighbour.id, uuid4(), uuid4(), 100, 1, "original", "active", "upload", "upload:1"),
        )
    with pytest.raises(NotFound):
        write(
            organization.caller,
            counts.entry(neighbour.id, neighbour.collection_id, neighbour.collection_id, "image", 1),
        )


def test_a_key_is_stored_as_its_hash_with_its_scopes(organization: Organization) -> None:
    until = datetime(2030, 1, 1, tzinfo=UTC)

    key = organizations.add_key(organization.caller.user_id, "CI", ["media:write", "media:read"], until)

    assert organization.rows(
        "select name, prefix, key_hash, scopes, expires_at, revoked_at from api_keys where user_id = %s",
        organization.caller.user_id,
    ) == [("CI", key[:16], fingerprint(key), ["media:read", "media:write"], until, None)]


@pytest.mark.parametrize("scopes", [[], ["media:everything"], ["media:read", ""]])
def test_a_key_needs_existing_scopes(organization: Organization, scopes: list[str]) -> None:
    with pytest.raises(Invalid):
        organizations.add_key(organization.caller.user_id, "CI", scopes)


def test_a_member_has_one_role_and_a_person_one_id(organization: Organization) -> None:
    email = f"{uuid4().hex}@example.org"
    person = organizations.add_person(email=email, name="A Person")
    organizations.add_member(organization.id, person, "viewer")
    organizations.add_member(organization.id, person, "editor")

    assert organizations.add_person(email=email.upper(), name="Another Name") == person
    assert organization.rows("select role from memberships where user_id = %s", person) == [("editor",)]
    for unknown in ((uuid4(), person), (organization.id, uuid4())):
        with pytest.raises(NotFound):
            organizations.add_member(*unknown, "viewer")


def test_a_slug_is_unique_and_a_rejected_creation_leaves_no_person(organization: Organization) -> None:
    email = f"{uuid4().hex}@example.org"
    slug = organization.rows("select slug from organizations where id = %s", organization.id)[0][0]

    with pytest.raises(Conflict):
        organizations.create(email=email, person="P", name="N", slug=str(slug), collection="C")
    with pytest.raises(Invalid):
        organizations.create(email=email, person="P", name="N", slug="Not A Slug", collection="C")

    assert organization.rows("select id from users where email = %s::citext", email) == []
    made = organizations.create(email=email, person="P", name="N", slug=uuid4().hex, collection="C")
    assert {type(each) for each in (made.user_id, made.organization_id, made.collection_id)} == {UUID}
