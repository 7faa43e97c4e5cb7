"""docs/schema.sql: the database as the migrations leave it, written from the catalogs of a fresh database.

python -m tools.schema            prints it
python -m tools.schema --write    writes it into docs/schema.sql
"""

from __future__ import annotations

import re
import sys
import tempfile
import textwrap
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row

from local.postgres import Postgres
from tools.routes import ROOT

sys.path[:0] = [str(ROOT), str(ROOT / "layers/core")]

from vitrine import migrations

FILE = ROOT / "docs" / "schema.sql"
HEAD = """\
-- The schema as the migrations leave it, for reading: tables by name, then types and signatures of functions.
-- `make docs` writes this file from the catalogs of a fresh database; reasons and bodies are in migrations/.
"""
WIDTH = 110

TABLES = """
    select c.oid, c.relname as name, c.relpersistence = 'u' as unlogged, c.relrowsecurity as isolated,
           obj_description(c.oid, 'pg_class') as comment
      from pg_class c
     where c.relnamespace = 'public'::regnamespace
       and c.relkind in ('r', 'p')
     order by c.relname
"""
COLUMNS = """
    select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as required,
           a.attidentity <> '' as identity, a.attgenerated <> '' as generated,
           pg_get_expr(d.adbin, d.adrelid) as value, col_description(a.attrelid, a.attnum) as comment,
           case when a.attcollation <> t.typcollation then l.collname end as collation
      from pg_attribute a
      join pg_type t on t.oid = a.atttypid
      left join pg_collation l on l.oid = a.attcollation
      left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
     where a.attrelid = %(table)s
       and a.attnum > 0
       and not a.attisdropped
     order by a.attnum
"""
CONSTRAINTS = """
    select pg_get_constraintdef(oid, true) as definition
      from pg_constraint
     where conrelid = %(table)s
       and contype in ('p', 'u', 'f', 'c')
     order by array_position('{p,u,f,c}'::"char"[], contype), 1
"""
# Without the indexes that constraints made.
INDEXES = """
    select pg_get_indexdef(i.indexrelid, 0, true) as definition
      from pg_index i
     where i.indrelid = %(table)s
       and not exists (select from pg_constraint k
                        where k.conindid = i.indexrelid and k.contype in ('p', 'u'))
     order by 1
"""
POLICIES = """
    select polname as name, array_to_string(polroles::regrole[], ', ') as roles,
           pg_get_expr(polqual, polrelid) as visible, pg_get_expr(polwithcheck, polrelid) as writable
      from pg_policy
     where polrelid = %(table)s
     order by polname
"""
GRANTS = """
    select role, string_agg(privilege, ', ' order by privilege) as privileges
      from (select acl.grantee::regrole::text as role, lower(acl.privilege_type) as privilege
              from pg_class c, aclexplode(c.relacl) acl
             where c.oid = %(table)s and acl.grantee <> c.relowner
            union all
            select acl.grantee::regrole::text, format('%%s (%%s)', lower(acl.privilege_type), a.attname)
              from pg_attribute a, aclexplode(a.attacl) acl
             where a.attrelid = %(table)s) as each
     group by role
     order by role
"""
TRIGGERS = """
    select pg_get_triggerdef(oid, true) as definition
      from pg_trigger
     where tgrelid = %(table)s
       and not tgisinternal
     order by tgname
"""
TYPES = """
    select t.typname as name,
           string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' order by a.attnum)
             as columns
      from pg_type t
      join pg_class c on c.oid = t.typrelid and c.relkind = 'c'
      join pg_attribute a on a.attrelid = c.oid
     where t.typnamespace = 'public'::regnamespace
     group by t.typname
     order by t.typname
"""
FUNCTIONS = """
    select p.proname as name, pg_get_function_arguments(p.oid) as arguments,
           pg_get_function_result(p.oid) as result,
           case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end
             as volatility,
           p.prosecdef as definer, obj_description(p.oid, 'pg_proc') as comment,
           (select string_agg(case acl.grantee when 0 then 'public' else acl.grantee::regrole::text end,
                              ', ' order by acl.grantee::regrole::text)
              from aclexplode(p.proacl) acl
             where acl.grantee <> p.proowner) as roles
      from pg_proc p
     where p.pronamespace = 'public'::regnamespace
       and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
     order by p.proname, 2
"""


def describe(owner_url: str) -> str:
    """The text of docs/schema.sql for the database of this URL.

    Tables in the order of their names, each with its columns, constraints, indexes, triggers, policies and
    grants; then types and the signatures of functions. Functions of extensions are left out.
    """
    with psycopg.connect(owner_url, row_factory=namedtuple_row) as connection:
        connection.execute("set local search_path = public")
        tables = [_table(connection, row) for row in connection.execute(TABLES)]
        rows: list[Any] = connection.execute(TYPES).fetchall()
        types = [f"create type {row.name} as ({_plain(row.columns)});" for row in rows]
        functions = [_function(row) for row in connection.execute(FUNCTIONS)]
    lines = "\n\n".join([HEAD.strip(), *tables, *types, *functions]).splitlines()
    return "\n".join(short for line in lines for short in _shortened(line)) + "\n"


def _shortened(line: str) -> list[str]:
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    wrapped = textwrap.wrap(
        line,
        WIDTH,
        subsequent_indent=indent,
        replace_whitespace=False,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return wrapped if len(line) > WIDTH else [line]


def _table(connection: psycopg.Connection[Any], table: Any) -> str:
    at = {"table": table.oid}
    columns = connection.execute(COLUMNS, at).fetchall()
    constraints = [row.definition for row in connection.execute(CONSTRAINTS, at)]
    name_width = max(len(column.name) for column in columns)
    types = [_plain(column.type) for column in columns]
    type_width = max(map(len, types))
    lines = [*_comment(table.comment), f"create {'unlogged ' if table.unlogged else ''}table {table.name} ("]
    for number, (column, type_) in enumerate(zip(columns, types, strict=True)):
        if column.comment:
            lines += [f"  {line}" for line in _comment(column.comment)]
        comma = "," if constraints or number < len(columns) - 1 else ""
        parts = f"  {column.name:<{name_width}} {type_:<{type_width}} {_modifiers(column)}"
        lines.append(parts.rstrip() + comma)
    lines += [
        f"  {_plain(definition)}{',' if number < len(constraints) - 1 else ''}"
        for number, definition in enumerate(constraints)
    ]
    lines.append(");")
    for query in (INDEXES, TRIGGERS):
        lines += [f"{_plain(row.definition)};" for row in connection.execute(query, at)]
    if table.isolated:
        lines.append(f"alter table {table.name} enable row level security;")
    for policy in connection.execute(POLICIES, at):
        lines.append(f"create policy {policy.name} on {table.name} to {policy.roles}")
        lines.append(f"  using ({_plain(policy.visible)})")
        lines += [f"  with check ({_plain(policy.writable)})"] if policy.writable else []
        lines[-1] += ";"
    lines += [
        f"grant {row.privileges} on {table.name} to {row.role};" for row in connection.execute(GRANTS, at)
    ]
    return "\n".join(lines)


def _modifiers(column: Any) -> str:
    words = [f'collate "{column.collation}"'] if column.collation else []
    words += ["not null"] if column.required else []
    if column.identity:
        words.append("generated always as identity")
    elif column.generated:
        words.append(f"generated always as ({_plain(column.value)}) stored")
    elif column.value is not None:
        words.append(f"default {_plain(column.value)}")
    return " ".join(words)


def _function(row: Any) -> str:
    definer = " security definer" if row.definer else ""
    lines = [
        *_comment(row.comment),
        *textwrap.wrap(
            f"create function {row.name}({_plain(row.arguments)}) returns {_plain(row.result)}",
            WIDTH,
            subsequent_indent="  ",
        ),
        f"  {row.volatility}{definer};",
    ]
    if row.roles:
        lines.append(f"grant execute on function {row.name} to {row.roles};")
    return "\n".join(lines)


def _comment(text: str | None) -> list[str]:
    return textwrap.wrap(text or "", WIDTH - 2, initial_indent="-- ", subsequent_indent="-- ")


def _plain(definition: str) -> str:
    """Lower the keywords, remove casts of literals to text, and write `in` for `= any (array[])`."""
    pieces = re.split(
        r"""('(?:[^']|'')*'|"[^"]*")""", definition
    )  # literals and quoted names: every second piece
    text = "".join(piece if number % 2 else piece.lower() for number, piece in enumerate(pieces))
    text = re.sub(r"(?<=')::(text|jsonb|character varying)\b", "", text)
    text = text.replace("timestamp with time zone", "timestamptz").replace(" using btree (", " (")
    return re.sub(r"= any \(array\[([^\]]*)\]\)", r"in (\1)", text)


@contextmanager
def fresh_database(*, password: str | None = None) -> Generator[str]:
    """The owner's URL of a new database with all migrations, in a server of its own.

    The roles vitrine_app and vitrine_worker get the password where it is given.
    """
    with tempfile.TemporaryDirectory(prefix="vitrine-schema-") as folder:
        Path(folder).chmod(0o711)  # started by root, the database runs under another account
        server = Postgres(Path(folder) / "postgres", durable=False)
        try:
            url = server.start()
            migrations.apply(url, ROOT / "migrations", app_password=password, worker_password=password)
            yield url
        finally:
            server.stop()


if __name__ == "__main__":
    with fresh_database() as database:
        written = describe(database)
    if sys.argv[1:] == ["--write"]:
        FILE.write_text(written)
    else:
        sys.stdout.write(written)
