"""DELETE /api/v1/api-keys/{id}"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.given.answers import outcome
from tests.given.isolation_cases import NOWHERE
from tests.given.keys import V1, V1_NOT_FOUND, create_key, create_person, is_accepted, list_keys, v1_rejected
from tests.given.shapes import A_TIME, hyphened
from tests.given.tenants import Client
from vitrine.library import sessions

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.given.tenants import Tenant


@pytest.mark.parametrize("format_id", [str, hyphened, str.upper], ids=["plain", "hyphened", "upper case"])
def test_the_next_request_is_rejected_and_revoking_is_idempotent(
    tenant: Tenant, format_id: Callable[[str], str]
) -> None:
    session = tenant.signed_in()
    made = create_key(session, "For the import")
    path = f"{V1}/{format_id(made['apiKey']['id'])}"
    assert is_accepted(made["key"])

    first = session.delete(path)

    assert outcome(Client(made["key"]).get("/api/v1/media")) == v1_rejected(401, "Unauthorized")
    kept = list_keys(session)
    assert [key["status"] for key in kept] == ["inactive"]
    done = {"revoked": True, "id": hyphened(made["apiKey"]["id"]), "name": "For the import"}
    assert [outcome(first), outcome(session.delete(path))] == [
        (200, {"success": True, "data": done, "info": {"timestamp": A_TIME}})
    ] * 2
    assert list_keys(session) == kept


def test_a_key_can_revoke_itself(tenant: Tenant) -> None:
    made = create_key(tenant.signed_in(), scopes=["admin:api-keys"])
    key = Client(made["key"])

    answers = [key.delete(f"{V1}/{made['apiKey']['id']}") for _ in range(2)]

    assert answers[0].status_code == 200
    assert outcome(answers[1]) == v1_rejected(401, "Unauthorized")


@pytest.mark.parametrize("name", [NOWHERE, NOWHERE.replace("-", ""), "nonsense", "'", "0" * 31])
def test_a_missing_key_is_not_found(tenant: Tenant, name: str) -> None:
    assert outcome(tenant.signed_in().delete(f"{V1}/{name}")) == V1_NOT_FOUND


def test_another_persons_key_is_not_found_and_still_works(tenant: Tenant, stranger: Tenant) -> None:
    theirs = create_key(
        Client(None, token=sessions.start(create_person(tenant, "admin"), address="", user_agent="").token)
    )

    answers = [
        session.delete(f"{V1}/{theirs['apiKey']['id']}")
        for session in (tenant.signed_in(), stranger.signed_in())
    ]

    assert [outcome(answer) for answer in answers] == [V1_NOT_FOUND] * 2
    assert is_accepted(theirs["key"])
