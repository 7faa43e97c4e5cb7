"""The table of an upload's states agrees with the schema and with the statements that change a state."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, get_args
from uuid import UUID, uuid4

import pytest

from tests.given.people import select_as_owner
from vitrine.credentials import mint_id
from vitrine.models.people import Caller
from vitrine.models.uploads import UPLOAD_STATES, UploadState
from vitrine.queries import purges, uploads

if TYPE_CHECKING:
    from vitrine.db import Statement

ORGANIZATION, UPLOAD, LEASE = uuid4(), uuid4(), uuid4()
CALLER = Caller(uuid4(), "a@example.org", "A", None, None, ORGANIZATION, "A team", "editor")
DELETION = purges.Due(ORGANIZATION, mint_id(), "media", uuid4(), "purging")
NOW: Any = "now"
ITEMS: list[UUID] = [uuid4()]

STATEMENTS: dict[str, Statement[Any]] = {
    "sign": uploads.sign(ORGANIZATION, UPLOAD, 1, 60, CALLER),
    "lease": uploads.lease(ORGANIZATION, UPLOAD, "multipart", LEASE, 60, CALLER),
    "release": uploads.release(ORGANIZATION, UPLOAD, LEASE),
    "end_lease": uploads.end_lease(ORGANIZATION, UPLOAD, NOW),
    "abort": uploads.abort(ORGANIZATION, UPLOAD),
    "abort_in": uploads.abort_in(ORGANIZATION, uuid4()),
    "expire": uploads.expire(ORGANIZATION, UPLOAD, NOW),
    "mark_processing": uploads.mark_processing(ORGANIZATION, UPLOAD),
    "reject_uploads": purges.reject_uploads(DELETION, ITEMS, "why"),
}


def states(sql: str) -> set[str]:
    """Return the states that a condition names: `state in ('a', 'b')` or `state = 'a'`."""
    conditions = re.findall(r"state (?:in \(([^)]*)\)|= ('\w+'))", sql)
    return {state for condition in conditions for state in re.findall(r"'(\w+)'", "".join(condition))}


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_changes_a_state_as_the_table_allows(name: str) -> None:
    change, _, condition = re.split(
        r"(\bwhere\b)",
        STATEMENTS[name].sql.partition("update uploads")[2].partition("update objects")[0],
        maxsplit=1,
    )
    (target,) = states(change)

    before = states(condition)

    assert before
    assert {state for state, rules in UPLOAD_STATES.items() if target in rules.next} >= before


def test_the_table_has_the_states_of_the_schema() -> None:
    (definition,) = (
        each
        for (each,) in select_as_owner(
            "select pg_get_constraintdef(oid) from pg_constraint"
            " where conrelid = 'uploads'::regclass and contype = 'c'"
        )
        if "'uploading'" in each
    )

    assert UPLOAD_STATES.keys() == set(get_args(UploadState)) == set(re.findall(r"'(\w+)'::text", definition))


def test_open_states_are_those_of_the_schemas_indexes() -> None:
    (predicate,) = select_as_owner(
        "select pg_get_expr(indpred, indrelid) from pg_index where indexrelid = 'uploads_open'::regclass"
    )[0]

    is_open = {state for state, rules in UPLOAD_STATES.items() if rules.is_open}

    assert is_open == set(re.findall(r"'(\w+)'::text", predicate))


def test_final_states_are_followed_by_none() -> None:
    assert {state for state, rules in UPLOAD_STATES.items() if not rules.next} == {"rejected", "aborted"}
    assert {each for rules in UPLOAD_STATES.values() for each in rules.next} == {*UPLOAD_STATES} - {"created"}
