"""Tenant isolation: what an organization never reads, writes or refers to of another, tried on the database
and on every route.
"""

from __future__ import annotations

import os
import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier
from typing import TYPE_CHECKING, Any, LiteralString, NamedTuple, cast
from uuid import UUID

import psycopg
import pytest
from psycopg import errors as sqlstate
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from local.template import read as read_template
from tests.given import isolation_cases
from tests.given.isolation_cases import (
    FILL,
    NOWHERE,
    PUBLIC,
    ROUTES,
    STATUSES,
    UNKNOWN_KEY,
    PopulatedTenant,
    RequestParts,
    Targets,
    ask,
    owner,
    spec_of,
)
from tests.given.tenants import Client
from tools.routes import ROOT
from vitrine import db
from vitrine.credentials import fingerprint, mint_id
from vitrine.db import Statement
from vitrine.errors import NotFound
from vitrine.models.people import Consumer, Nobody
from vitrine.permissions import PERMISSIONS, ROLES, Permission
from vitrine.settings import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tools.routes import Route
    from vitrine.db import Transaction
    from vitrine.models.people import Actor, Role

OUR_ROLES = ("vitrine_app", "vitrine_worker")
UNTENANTED = {
    "users",
    "sessions",
    "api_keys",
    "device_codes",
    "rate_limits",
    "idempotency_keys",
    "job_runs",
    "applied_migrations",
}
CALLABLE = {  # functions that the application may call
    "opened_organizations",
    "subtree",
    "authenticate",
    "link_target",
    "upload_by_key",
    "count_request",
    "open_session",
    "claim_request",
    "finish_request",
    "lock_api_keys",
    "api_keys_of",
    "api_key_of",
    "put_api_key",
    "change_api_key",
    "end_api_key",
    "open_device_code",
    "find_device_code",
    "decide_device_code",
    "poll_device_code",
    # organizations and their members
    "organizations_of",
    "create_organization",
    "set_active_organization",
    "accept_invitation",
    "organization_members",
    "rename_organization",
    "add_member_by_email",
    "change_member_role",
    "remove_member",
    "invite_member",
    "cancel_invitation",
    # people
    "account_by_email",
    "account_by_id",
    "sign_up",
    "replace_password",
    "end_other_sessions",
    "end_sessions",
    "current_session",
    "count_sign_in",
    "uncount_request",
    "open_session_by_password",
    "folder_summary",
    "matching_files",
    "search_keys",  # v1's search
    "working_key_scopes",  # when an upload is finalized
}
THREADS = 32

Row = dict[str, Any]


@pytest.fixture(scope="module")
def pair() -> tuple[PopulatedTenant, PopulatedTenant]:
    """Two tenants, each with a row in every table."""
    return PopulatedTenant.make(), PopulatedTenant.make()


@pytest.fixture(scope="module")
def targets(pair: tuple[PopulatedTenant, PopulatedTenant]) -> Targets:
    return Targets(pair[0])


# The tables.


class Table(NamedTuple):
    """A table on which the application has some privilege."""

    name: str
    tenant: str  # the column with the tenant of a row
    verbs: frozenset[str]  # select, insert, update, delete

    def who(self, only: UUID | None = None) -> sql.Composed:
        """The query for the tenants that have rows in it."""
        query = sql.SQL("select distinct {} as tenant from {}").format(
            sql.Identifier(self.tenant), sql.Identifier(self.name)
        )
        return (
            query
            if only is None
            else query + sql.SQL(" where {} = {}").format(sql.Identifier(self.tenant), sql.Literal(only))
        )


def granted() -> list[Table]:
    """All granted tables, from the catalog: a new table joins by itself."""
    with owner() as connection:
        rows = connection.execute(
            """
            select c.relname as name, array_agg(verb) as verbs,
                   exists (select from pg_attribute
                     where attrelid = c.oid and attname = 'organization_id') as tenanted
              from pg_class c
              cross join unnest(array['select', 'insert', 'update', 'delete']) as verb
             where c.relkind in ('r', 'p', 'v', 'm', 'f')
               and c.relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
               and c.relnamespace::regnamespace::text !~ '^pg_toast'
               and (has_table_privilege('vitrine_app', c.oid, verb)
                    or verb <> 'delete' and has_any_column_privilege('vitrine_app', c.oid, verb))
             group by c.oid
            """
        ).fetchall()
    return [
        Table(row["name"], "organization_id" if row["tenanted"] else "id", frozenset(row["verbs"]))
        for row in rows
    ]


def as_app(opened: str | None) -> psycopg.Connection[Row]:
    """A connection in the role of the application with this setting. None: the setting was never made."""
    connection = psycopg.Connection[Row].connect(os.environ["DATABASE_URL"], row_factory=dict_row)
    if opened is not None:
        connection.execute("select set_config('vitrine.organizations', %s, true)", [opened])
    return connection


def braces(*organizations: UUID) -> str:
    return "{" + ",".join(map(str, organizations)) + "}"


def the_tenant(*, tenant: UUID) -> UUID:
    return tenant


def seen_through(who: Actor, tables: Iterable[Table]) -> dict[str, set[UUID]]:
    statements = [Statement(cast("Any", table.who().as_string()), the_tenant) for table in tables]
    return {table.name: set(rows) for table, rows in zip(tables, db.read_all(who, *statements), strict=True)}


def seen_with(connection: psycopg.Connection[Row], tables: Iterable[Table]) -> dict[str, set[UUID]]:
    return {table.name: {row["tenant"] for row in connection.execute(table.who())} for table in tables}


def test_both_tenants_have_a_row_in_every_table_that_the_application_may_read(
    pair: tuple[PopulatedTenant, PopulatedTenant],
) -> None:
    with owner() as connection:
        there = {
            (table.name, each.id): connection.execute(table.who(each.id)).fetchall()
            for table in granted()
            for each in pair
        }

    assert len(there) > 40
    assert [place for place, rows in there.items() if not rows] == []
    assert [table.name for table in granted() if "select" not in table.verbs] == []


def test_a_transaction_sees_its_own_tenants_rows_of_every_table_and_no_others(
    pair: tuple[PopulatedTenant, PopulatedTenant],
) -> None:
    tables = granted()

    for each in pair:
        with as_app(braces(each.id)) as raw:
            seen = [
                seen_through(each.tenant.owner, tables),
                seen_through(Consumer(each.id), tables),
                seen_with(raw, tables),
            ]

        assert seen == [{table.name: {each.id} for table in tables}] * 3


def test_without_an_organization_nothing_is_seen(pair: tuple[PopulatedTenant, PopulatedTenant]) -> None:
    tables = granted()
    nothing: dict[str, set[UUID]] = {table.name: set() for table in tables}

    assert seen_through(Nobody(), tables) == nothing
    for opened in (None, "", "{}", braces(UUID(NOWHERE))):
        with as_app(opened) as raw:
            assert seen_with(raw, tables) == nothing, opened


def test_what_one_transaction_opened_the_next_on_its_connection_does_not_see(
    pair: tuple[PopulatedTenant, PopulatedTenant],
) -> None:
    tables = granted()

    with as_app(braces(pair[0].id)) as raw:
        assert seen_with(raw, tables) == {table.name: {pair[0].id} for table in tables}
        raw.rollback()
        after_rollback = seen_with(raw, tables)
        raw.execute("select set_config('vitrine.organizations', %s, true)", [braces(pair[0].id)])
        raw.commit()
        after_commit = seen_with(raw, tables)

    assert [after_rollback, after_commit] == [{table.name: set() for table in tables}] * 2


def test_a_malformed_setting_is_an_error_and_shows_nothing(
    pair: tuple[PopulatedTenant, PopulatedTenant],
) -> None:
    for opened in ("*", str(pair[1].id), "{*}", "{null"):
        with as_app(opened) as raw, pytest.raises(sqlstate.InvalidTextRepresentation):
            raw.execute("select id from media")


def test_tables_without_an_organization_have_no_grants(pair: tuple[PopulatedTenant, PopulatedTenant]) -> None:
    with owner() as connection:
        tables = {
            row["name"]
            for row in connection.execute(
                "select relname as name from pg_class "
                "where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
            )
        }
    mine = {table.name for table in granted()}

    assert tables - mine == UNTENANTED
    for name in UNTENANTED:
        with as_app(braces(pair[0].id)) as raw, pytest.raises(sqlstate.InsufficientPrivilege):
            raw.execute(sql.SQL("select from {}").format(sql.Identifier(name)))


def test_row_level_security_is_on_for_every_table() -> None:
    with owner() as connection:
        open_tables = connection.execute(
            """
            select relname as name
              from pg_class
             where relnamespace = 'public'::regnamespace
               and relkind in ('r', 'p')
               and not relrowsecurity
               and relname <> 'applied_migrations'       -- of the owner alone, from before there are policies
            """
        ).fetchall()
        views = connection.execute(
            "select relname from pg_class "
            "where relnamespace = 'public'::regnamespace and relkind in ('v', 'm')"
        ).fetchall()

    assert (open_tables, views) == ([], [])  # a view reads with its owner's rights


def test_our_roles_own_nothing_and_cannot_bypass_row_level_security() -> None:
    with owner() as connection:
        rights = connection.execute(
            """
            select rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication,
                   (select count(*) from pg_class where relowner = r.oid)
                     + (select count(*) from pg_proc where proowner = r.oid)
                     + (select count(*) from pg_namespace where nspowner = r.oid)
                     + (select count(*) from pg_database where datdba = r.oid) as owns,
                   (select count(*) from pg_auth_members where member = r.oid) as belongs_to,
                   has_schema_privilege(r.oid, 'public', 'create')
                     or has_database_privilege(r.oid, current_database(), 'create') as creates,
                   (select count(*) from pg_class c where relnamespace = 'public'::regnamespace
                       and relkind in ('r', 'p')
                         and has_table_privilege(r.oid, c.oid, 'truncate, references, trigger')) as more
              from pg_roles r
             where rolname = any(%s)
             order by rolname
            """,
            [list(OUR_ROLES)],
        ).fetchall()

    assert rights == [
        {
            "rolname": role,
            "rolsuper": False,
            "rolbypassrls": False,
            "rolcreaterole": False,
            "rolcreatedb": False,
            "rolreplication": False,
            "owns": 0,
            "belongs_to": 0,
            "creates": False,
            "more": 0,
        }
        for role in OUR_ROLES
    ]


@pytest.mark.parametrize(
    "way",
    [
        "set local row_security = off",
        "set local role vitrine_worker",
        "set local session authorization vitrine_worker",
    ],
)
def test_the_application_cannot_turn_row_level_security_off(
    way: LiteralString, pair: tuple[PopulatedTenant, PopulatedTenant]
) -> None:
    with as_app(braces(pair[0].id)) as raw:
        answered = result_of(lambda: (raw.execute(way), raw.execute("select id from media").fetchall()))

    assert answered == "InsufficientPrivilege"


# Writing.


class Reference(NamedTuple):
    """A foreign key that goes through the organization."""

    constraint: str
    table: str
    columns: tuple[str, ...]  # without the organization
    target: str
    target_columns: tuple[str, ...]


def references() -> list[Reference]:
    """All foreign keys of the granted tables, except those that refer to an organization alone."""
    names = [table.name for table in granted()]
    with owner() as connection:
        rows = connection.execute(
            """
            select k.conname as constraint, k.conrelid::regclass::text as "table",
                   k.confrelid::regclass::text as target,
                   array_agg(a.attname::text order by place.n)
                     filter (where a.attname <> 'organization_id') as columns,
                   array_agg(b.attname::text order by place.n)
                     filter (where a.attname <> 'organization_id') as target_columns
              from pg_constraint k
              cross join unnest(k.conkey, k.confkey) with ordinality as place (own, other, n)
              join pg_attribute a on a.attrelid = k.conrelid and a.attnum = place.own
              join pg_attribute b on b.attrelid = k.confrelid and b.attnum = place.other
             where k.contype = 'f'
               and k.conrelid::regclass::text = any(%s)
             group by k.oid
            """,
            [names],
        ).fetchall()
    return [
        Reference(
            row["constraint"],
            row["table"],
            tuple(row["columns"]),
            row["target"],
            tuple(row["target_columns"]),
        )
        for row in rows
        if row["columns"]
    ]


def test_a_reference_between_tenants_tables_goes_through_the_organization() -> None:
    with owner() as connection:
        loose = connection.execute(
            """
            select k.conname as name, k.confrelid::regclass::text as target
              from pg_constraint k
             where k.contype = 'f'
               and k.conrelid::regclass::text = any(%s)
               and not exists (select from pg_attribute a
                                where a.attrelid = k.conrelid and a.attnum = any(k.conkey)
                                  and a.attname = 'organization_id')
            """,
            [[table.name for table in granted()]],
        ).fetchall()

    # The check of a foreign key bypasses policies.
    assert {row["target"] for row in loose} <= UNTENANTED, loose


class Shelf:
    """The rows and unique keys of the tables, as the owner sees them: the material for rows of a tenant."""

    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self._connection = connection

    def row(self, table: str, tenant: UUID, *, having: str | None = None) -> Row:
        """A row with the columns that can be written. Where one exists, it has a value in `having`, and few
        references to it.
        """
        columns = [
            each["name"]
            for each in self._connection.execute(
                "select attname as name from pg_attribute "
                "where attrelid = %s::regclass and attnum > 0 and not attisdropped"
                "   and attgenerated = '' and attidentity = ''",
                [table],
            )
        ]
        order = (
            sql.SQL(" order by {} is null").format(sql.Identifier(having))
            if having
            else sql.SQL(" order by 1")
        )
        order += sql.SQL("").join(
            sql.SQL(", " + preferred) for name, preferred in _PREFERRED.items() if name in columns
        )
        found = self._connection.execute(
            sql.SQL("select {} from {} where organization_id = %s").format(
                sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(table)
            )
            + order,
            [tenant],
        ).fetchone()
        assert found is not None, table
        return found

    def target(self, reference: Reference, tenant: UUID) -> Row:
        """The columns of a row to refer to. Where one exists, it is a row without references, so that no
        unique key is in the way.
        """
        there, here = map(sql.Identifier, (reference.target, reference.table))
        same = sql.SQL(" and ").join(
            sql.SQL("{}.{} = pointing.{}").format(there, sql.Identifier(target), sql.Identifier(own))
            for target, own in zip(reference.target_columns, reference.columns, strict=True)
        )
        found = self._connection.execute(
            sql.SQL(
                "select {} from {} where organization_id = %s order by exists (select from {} pointing "
                "where {})"
            ).format(sql.SQL(", ").join(map(sql.Identifier, reference.target_columns)), there, here, same),
            [tenant],
        ).fetchone()
        assert found is not None, reference
        return found

    def fresh(self, table: str, row: Row) -> Row:
        """A copy of the row under new keys, except for key columns that a foreign key determines."""
        unique = {
            each["name"]: each
            for each in self._connection.execute(
                """
            select distinct a.attname as name, a.atttypid::regtype::text as type, a.attnotnull as needed,
                            a.attname = 'id' as is_id,
                   exists (select from pg_constraint k
                     where k.contype = 'f' and k.conrelid = a.attrelid and a.attnum = any(k.conkey)) as refers
              from pg_index i
              join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
             where i.indrelid = %s::regclass and i.indisunique and a.attgenerated = '' and a.attidentity = ''
               and a.attname <> 'organization_id'
            """,
                [table],
            )
        }
        return (
            row
            | {
                name: _new(each["type"], row[name])
                for name, each in unique.items()
                if not each["refers"] or each["is_id"]
            }
            | {name: None for name, each in unique.items() if each["refers"] and not each["needed"]}
        )


_PREFERRED: dict[str, LiteralString] = {  # column -> the order of its table's rows
    "is_default": "is_default",
    "path": "path is not null",
    "deletion_id": "deletion_id is null",
}


def _new(kind: str, old: object) -> object:
    made: dict[str, Callable[[], object]] = {
        "uuid": mint_id,
        "text": lambda: f"new {mint_id()}",
        "integer": lambda: random.randrange(10**4, 10**9),
        "boolean": lambda: False,
    }
    return made[kind]() if old is not None else None


def insert(connection: psycopg.Connection[Row], table: str, row: Row) -> int:
    return connection.execute(
        sql.SQL("insert into {} ({}) values ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join(sql.Placeholder() * len(row)),
        ),
        [_bound(value) for value in row.values()],
    ).rowcount


def _bound(value: object) -> object:
    return Jsonb(value) if isinstance(value, dict) or value == [] else value


def result_of(deed: Callable[[], object]) -> str:
    """The outcome: the SQLSTATE's name and, where it names one, the constraint."""
    try:
        return f"did it: {deed()}"
    except psycopg.Error as error:
        return " ".join(filter(None, [type(error).__name__, error.diag.constraint_name]))


def test_no_row_can_be_inserted_for_another_tenant(pair: tuple[PopulatedTenant, PopulatedTenant]) -> None:
    mine, other = pair[0].id, pair[1].id
    written = {table.name for table in granted() if "insert" in table.verbs}

    answered: dict[str, tuple[str, str]] = {}
    with owner() as connection:
        shelf = Shelf(connection)
        rows = {
            name: (shelf.fresh(name, shelf.row(name, mine)), shelf.fresh(name, shelf.row(name, other)))
            for name in written
        }
    for name, (own, others) in rows.items():
        answered[name] = (put_in(mine, name, others), put_in(mine, name, own))

    # The row is accepted for the tenant itself: so row-level security alone rejected the other one. Every
    # column of their keys is a reference: there is no new key.
    linked = {
        name: f"UniqueViolation {name}_pkey"
        for name in ("media_tags", "folder_paths", "perceptual_hashes", "likenesses")
    }
    assert answered == {name: ("InsufficientPrivilege", linked.get(name, "did it: 1")) for name in written}


def put_in(opened: UUID, table: str, row: Row) -> str:
    """The outcome of the insert, which is rolled back."""
    with as_app(braces(opened)) as raw:
        answered = result_of(lambda: insert(raw, table, row))
        raw.rollback()
    return answered


def test_no_row_of_another_tenant_can_be_changed_moved_or_deleted(
    pair: tuple[PopulatedTenant, PopulatedTenant],
) -> None:
    mine, other = pair[0].id, pair[1].id
    tables = [table for table in granted() if table.tenant == "organization_id"]

    def tried(statement: LiteralString, table: Table) -> str:
        values = {"mine": mine, "other": other}
        with as_app(braces(mine)) as raw:
            answered = result_of(
                lambda: raw.execute(sql.SQL(statement).format(sql.Identifier(table.name)), values).rowcount
            )
            raw.rollback()
        return answered

    answered = {
        table.name: (
            tried("update {} set organization_id = organization_id where organization_id = %(other)s", table),
            tried("update {} set organization_id = %(mine)s where organization_id = %(other)s", table),
            tried("update {} set organization_id = %(other)s where organization_id = %(mine)s", table),
            tried("delete from {} where organization_id = %(other)s", table),
        )
        for table in tables
    }

    rejected = "InsufficientPrivilege"
    assert answered == {
        table.name: (
            *(["did it: 0", "did it: 0", rejected] if "update" in table.verbs else [rejected] * 3),
            "did it: 0" if "delete" in table.verbs else rejected,
        )
        for table in tables
    }


def test_no_row_can_refer_to_a_row_of_another_tenant(pair: tuple[PopulatedTenant, PopulatedTenant]) -> None:
    mine, other = pair[0].id, pair[1].id
    verbs = {table.name: table.verbs for table in granted()}
    tried = [reference for reference in references() if reference.target not in UNTENANTED]

    alone: dict[str, set[str]] = {}
    whole: set[str] = set()
    with owner() as connection:
        shelf = Shelf(connection)
        for reference in tried:
            own = shelf.row(reference.table, mine, having=reference.columns[-1])
            fresh = shelf.fresh(reference.table, own)
            across = dict(zip(reference.columns, shelf.target(reference, other).values(), strict=True))
            # the columns that identify the row among its neighbours
            last = {reference.columns[-1]: across[reference.columns[-1]]}
            does = [verb for verb in ("insert", "update") if verb in verbs[reference.table]]
            alone[reference.constraint] = {pointed(reference, own, fresh | last, last, verb) for verb in does}
            whole |= {pointed(reference, own, fresh | across, across, verb) for verb in does}

    assert len(tried) >= 20
    assert alone == {
        reference.constraint: {f"ForeignKeyViolation {reference.constraint}"} for reference in tried
    }
    # sometimes another constraint comes first
    assert {each.split(" ")[0] for each in whole} <= {"ForeignKeyViolation", "UniqueViolation"}


def pointed(reference: Reference, own: Row, new: Row, crossing: Row, verb: str) -> str:
    """The outcome of a row of the tenant, new or changed, whose columns refer to another tenant's row."""
    with as_app(braces(own["organization_id"])) as raw:
        raw.execute(sql.SQL("set constraints {} immediate").format(sql.Identifier(reference.constraint)))
        if verb == "insert":
            answered = result_of(lambda: insert(raw, reference.table, new))
        else:
            key = [name for name in ("id", "media_id", "tag_id", "folder_id") if name in own]
            answered = result_of(
                lambda: (
                    raw.execute(
                        sql.SQL("update {} set {} where {}").format(
                            sql.Identifier(reference.table),
                            sql.SQL(", ").join(
                                sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(value))
                                for name, value in crossing.items()
                            ),
                            sql.SQL(" and ").join(
                                sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(own[name]))
                                for name in key
                            ),
                        )
                    ).rowcount
                )
            )
        raw.rollback()
    return answered


# The definer functions.


def test_the_application_may_call_the_few_functions_it_needs_and_no_other() -> None:
    with owner() as connection:
        found = connection.execute(
            """
            select p.proname as name, p.prosecdef as definer,
                   coalesce(array_to_string(p.proconfig, ','), '') as config,
                   has_function_privilege('vitrine_app', p.oid, 'execute') as called,
                   has_function_privilege('public', p.oid, 'execute') as by_all
              from pg_proc p
             where p.pronamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
               and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
            """
        ).fetchall()

    assert {row["name"] for row in found if row["called"]} == CALLABLE
    assert [row["name"] for row in found if row["by_all"]] == []
    assert {row["config"] for row in found if row["definer"]} == {"search_path=public, pg_temp"}


@pytest.mark.parametrize(
    "call",
    [
        "add_person(gen_random_uuid(), 'x@example.org', 'X')",
        "add_organization(gen_random_uuid(), 'X', 'x', gen_random_uuid(), gen_random_uuid(), 'X')",
        "add_member(gen_random_uuid(), gen_random_uuid(), 'owner')",
        "add_api_key(gen_random_uuid(), gen_random_uuid(), 'x', 'x', '', '{*}', null)",
        "operator_people('', 1)",
        "operator_add_person(gen_random_uuid(), 'x@example.org', 'X', null)",
        "operator_set_password(gen_random_uuid(), 'x')",
        "operator_remove_member(gen_random_uuid(), gen_random_uuid())",
    ],
)
def test_the_application_does_not_call_what_is_for_the_operator(call: LiteralString) -> None:
    with as_app("") as raw, pytest.raises(sqlstate.InsufficientPrivilege):
        raw.execute("select " + call)


def test_a_definer_function_returns_nothing_of_another_tenant(
    pair: tuple[PopulatedTenant, PopulatedTenant],
) -> None:
    mine, other = pair
    with owner() as connection:
        key = connection.execute("select key from uploads where organization_id = %s", [other.id]).fetchone()
    assert key is not None

    def answered(call: LiteralString, **values: object) -> list[Row]:
        with as_app(braces(mine.id)) as raw:
            return raw.execute("select * from " + call, values).fetchall()

    # Each returns its own tenant's data ...
    assert len(answered("subtree(%(folder)s)", folder=UUID(mine.folder))) == 2
    assert (
        len(answered("link_target(%(item)s, %(token)s)", item=UUID(other.photo), token=other.link_token)) == 1
    )
    assert len(answered("upload_by_key(%(key)s)", key=key["key"])) == 1
    # both have one of that name
    assert {row["id"] for row in answered("matching_files('photo')")} == {UUID(mine.photo)}
    # ... and nothing of another tenant.
    assert answered("subtree(%(folder)s)", folder=UUID(other.folder)) == []
    assert answered("subtree(%(folder)s)", folder=other.tenant.collection_id) == []
    for token in (mine.link_token, "", "%", other.link_token[:-1], other.link_token.swapcase()):
        assert answered("link_target(%(item)s, %(token)s)", item=UUID(other.photo), token=token) == []
    for wrong in ("", "%", key["key"][:-1], key["key"] + " ", key["key"].upper()):
        assert answered("upload_by_key(%(key)s)", key=wrong) == []


def test_a_link_of_a_deleted_item_leads_nowhere() -> None:
    with owner() as connection:
        deleted = connection.execute(
            "select id, link_token from media where status = 'deleted' and verified_at is not null limit 1"
        ).fetchone()
    assert deleted is not None

    with as_app("") as raw:
        assert (
            raw.execute("select from link_target(%s, %s)", [deleted["id"], deleted["link_token"]]).fetchall()
            == []
        )


def test_authentication_reports_another_tenants_item_only_as_elsewhere(
    pair: tuple[PopulatedTenant, PopulatedTenant],
) -> None:
    mine, other = pair
    call = """
        select role, organization_state, item_state
          from authenticate(array[%(hash)s::bytea], '', null, 'media', %(item)s, null, %(decides)s, false,
                            null, null, null)
    """

    with as_app("") as raw:
        values = {"hash": fingerprint(mine.tenant.studio.key or ""), "item": UUID(other.photo)}
        by_item = raw.execute(call, {**values, "decides": True}).fetchall()
        by_own = raw.execute(call, {**values, "decides": False}).fetchall()
        by_nobody = raw.execute(
            call, {**values, "hash": fingerprint(UNKNOWN_KEY), "decides": True}
        ).fetchall()

    assert by_item == [{"role": None, "organization_state": "stranger", "item_state": "elsewhere"}]
    assert by_own == [{"role": "owner", "organization_state": "member", "item_state": "elsewhere"}]
    assert by_nobody == [{"role": None, "organization_state": "none", "item_state": "none"}]


# Many at once.


def test_two_tenants_on_many_threads_never_see_each_others_rows(
    pair: tuple[PopulatedTenant, PopulatedTenant],
) -> None:
    seen = Statement("select distinct organization_id as tenant from collections", the_tenant)

    def put(tenant: UUID) -> Statement[UUID]:
        return Statement(
            """
            insert into audit_log (organization_id, id, actor, operation)
            values (%(tenant)s, %(id)s, %(id)s, 'thread')
            returning organization_id as tenant
            """,
            the_tenant,
            tenant=tenant,
            id=mint_id(),
        )

    def puts_and_looks(t: Transaction, me: UUID) -> list[UUID]:
        return [*t.run(put(me)), *t.run(seen)]

    def breaks_off(t: Transaction) -> None:
        t.queue(put(UUID(NOWHERE)))
        t.run(seen)

    def worked(number: int) -> list[object]:
        chance = random.Random(number)
        me, other = (each.id for each in (pair if number % 2 else reversed(pair)))
        who = Consumer(me)
        wrong: list[object] = []
        for _ in range(25):
            deed = chance.randrange(6)
            if deed == 0:
                wrong += [row for row in db.read(who, seen) if row != me]
            elif deed == 1:
                wrong += [row for rows in db.read_all(who, seen, seen) for row in rows if row != me]
            elif deed == 2:
                wrong += [row for row in db.write(who, put(me)) if row != me]
            elif deed == 3:
                wrong += [row for row in db.transaction(who, lambda t: puts_and_looks(t, me)) if row != me]
            elif deed == 4:
                shown = db.read(Nobody(), seen)
                wrong += shown
            else:
                for rejected in (lambda: db.write(who, put(other)), lambda: db.transaction(who, breaks_off)):
                    with suppress(NotFound):
                        wrong.append(("not rejected", rejected()))
        return wrong

    with ThreadPoolExecutor(THREADS) as threads:
        wrong = [each for found in threads.map(worked, range(THREADS)) for each in found]

    assert wrong == []
    with owner() as connection:
        assert (
            connection.execute("select from audit_log where organization_id = %s", [UUID(NOWHERE)]).fetchall()
            == []
        )


def test_simultaneous_first_threads_share_one_pool() -> None:
    db.close()
    together = Barrier(THREADS)

    def asked(_: int) -> int:
        together.wait()
        return db.read(Nobody(), Statement("select pg_backend_pid() as pid", the_process))[0]

    with ThreadPoolExecutor(THREADS) as threads:
        connections = set(threads.map(asked, range(THREADS)))

    most = settings().db_pool_size
    assert len(connections) <= most


def the_process(*, pid: int) -> int:
    return pid


# Every route.


def filled(route: Route, targets: Targets, of: Client | None = None) -> RequestParts:
    if route.function not in FILL:
        pytest.fail(
            f'add "{route.function}" to FILL in tests/given/isolation_cases.py: how a request of it is made'
        )
    return FILL[route.function](targets, of)


def other_owner(other: PopulatedTenant, route: Route) -> Client:
    """The owner of another tenant, with whatever credential this route accepts."""
    return other.tenant.signed_in() if permission_of(route).session else other.tenant.studio


def outcome(answer: Any) -> tuple[int, object]:
    return answer.status_code, answer.json()


def permission_of(route: Route) -> Permission:
    return PERMISSIONS[str(spec_of(route).operation)]


ABOUT_ITEMS = [
    (route, item) for route in ROUTES if (item := spec_of(route).item) and spec_of(route).operation
]
NOT_THERE = [  # a malformed id in a body or query is the endpoint's own 400
    (route, name)
    for route, item in ABOUT_ITEMS
    for name in (NOWHERE, NOWHERE.replace("-", ""), "nonsense", "%00", "'")
    if name.startswith("01900000") or item.where == "path" or item.kind == "upload_key"
]
IN_AN_ORGANIZATION = [
    route
    for route in ROUTES
    if route.function not in PUBLIC and (spec_of(route).item or permission_of(route).roles)
]
each_guarded_route = pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.function not in PUBLIC], ids=lambda route: route.key
)


def test_every_route_of_the_template_is_tried() -> None:
    # ANY of a fixed path invokes the function of $default.
    declared = [
        each
        for each in read_template(ROOT / "template.yaml").routes
        if each.method != "ANY" or each.path == "$default"
    ]
    guarded = [route for route in ROUTES if spec_of(route).operation is not None]
    public = [route for route in ROUTES if spec_of(route).operation is None]

    assert len(ROUTES) == len(declared) == len(guarded) + len(public)
    assert {route.function for route in public} == PUBLIC
    assert {route.function for route in ROUTES} == FILL.keys()
    assert [
        route.key
        for route in ROUTES
        if route.key != "$default" and tuple(route.key.split(" ")) not in spec_of(route).routes
    ] == []


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.function in PUBLIC], ids=lambda route: route.key
)
def test_a_public_route_asks_for_no_credentials(route: Route, targets: Targets) -> None:
    answers = [
        ask(client, route, filled(route, targets))
        for client in (Client(None), Client(UNKNOWN_KEY), Client("nonsense"))
    ]

    assert {answer.status_code for answer in answers} == {STATUSES.get(route.function, spec_of(route).status)}


@each_guarded_route
@pytest.mark.parametrize(
    "key", [None, "nonsense", UNKNOWN_KEY], ids=["no key", "no key's form", "nobody's key"]
)
def test_a_request_without_credentials_is_rejected(route: Route, key: str | None, targets: Targets) -> None:
    answer = ask(Client(key), route, filled(route, targets))

    assert outcome(answer) == isolation_cases.unauthorized(spec_of(route))


@pytest.mark.parametrize("route", IN_AN_ORGANIZATION, ids=lambda route: route.key)
def test_another_tenants_key_does_not_reach_this_tenants_item(
    route: Route, targets: Targets, pair: tuple[PopulatedTenant, PopulatedTenant]
) -> None:
    spec = spec_of(route)
    named = {} if spec.item else {"x-team-id": str(targets.tenant.id)}

    answer = ask(other_owner(pair[1], route), route, filled(route, targets), **named)

    assert outcome(answer) == isolation_cases.other_tenant(spec)


@pytest.mark.parametrize("route", [route for route, _ in ABOUT_ITEMS], ids=lambda route: route.key)
def test_naming_another_organization_does_not_reach_this_tenants_item(
    route: Route, targets: Targets, pair: tuple[PopulatedTenant, PopulatedTenant]
) -> None:
    spec = spec_of(route)

    answer = ask(other_owner(pair[1], route), route, filled(route, targets), **{"x-team-id": str(pair[1].id)})

    assert outcome(answer) in (isolation_cases.other_tenant(spec), isolation_cases.not_there(spec))


@pytest.mark.parametrize(
    ("route", "name"), NOT_THERE, ids=lambda each: each if isinstance(each, str) else each.key
)
def test_a_missing_item_is_not_found(route: Route, name: str, targets: Targets) -> None:
    spec = spec_of(route)
    assert spec.item is not None

    answer = ask(
        targets.client(session=permission_of(route).session),
        route,
        filled(route, targets).naming(spec.item, name),
    )

    assert outcome(answer) == isolation_cases.not_there(spec)


@each_guarded_route
def test_a_key_without_the_scope_is_rejected(route: Route, targets: Targets) -> None:
    spec = spec_of(route)
    scope = permission_of(route).scope
    if permission_of(route).session:
        assert outcome(ask(targets.client(), route, filled(route, targets))) == isolation_cases.lacks_session(
            spec
        )
        return
    if scope is None:
        client = targets.client(scopes=("admin:users",))
        assert ask(client, route, filled(route, targets, client)).status_code == STATUSES.get(
            route.function, spec.status
        )
        return

    answer = ask(
        targets.client(scopes=isolation_cases.scopes_without(*permission_of(route).scopes)),
        route,
        filled(route, targets),
    )

    assert outcome(answer) == isolation_cases.lacks_scope(spec)


@each_guarded_route
@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_what_the_permission_table_lists_and_no_more(
    route: Route, role: Role, targets: Targets
) -> None:
    spec = spec_of(route)
    permission = permission_of(route)
    allowed = permission.roles is None or role in permission.roles
    client = targets.client(role, (permission.scope or "media:read",), session=permission.session)

    answer = ask(
        client,
        route,
        filled(route, targets, targets.client(role, session=permission.session) if allowed else None),
    )

    if allowed:
        assert answer.status_code == STATUSES.get(route.function, spec.status), answer.text
    else:
        assert outcome(answer) == isolation_cases.lacks_role(spec, role)
