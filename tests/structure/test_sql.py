"""SQL follows the house style and is no newer than PostgreSQL 16: a hosted database may be a major version or
two behind the laptop's.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.structure.source_tree import modules
from tools.routes import ROOT

NEWER = re.compile(  # new in 17 or 18
    r"""
      \buuidv[47]\s*\(                        # 18
    | \buuid_extract_\w+\s*\(                 # 17
    | \breturning\s+(old|new)\b(?!_)          # 18
    | \breturning\b[^;]*\b(old|new)\.         # 18
    | \breturning\s+with\s*\(                 # 18
    | \bmerge\b[^;]*\breturning\b             # 17
    | \bmerge_action\s*\(                     # 17
    | \bnot\s+matched\s+by\s+source\b         # 17
    | \bvirtual\b                             # 18
    | \bgenerated\s+always\s+as\s*\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)(?!\s*stored)   # 18: then virtual
    | \bjson_(table|exists|query|value|scalar|serialize)\s*\(   # 17
    | \bwithout\s+overlaps\b | \bperiod\b\s+\w+\s*\)            # 18
    | \bnot\s+enforced\b                      # 18
    | \bnot\s+null\s+not\s+valid\b            # 18
    | \barray_(sort|reverse)\s*\(             # 18
    | \bcasefold\s*\( | \bcrc32c?\s*\(        # 18
    | \brandom\s*\(\s*[^)\s]                  # 17: with bounds
    | \bto_(bin|oct)\s*\(                     # 17
    | \btransaction_timeout\b                 # 17
    | \bpg_unicode_fast\b | \bbuiltin\b       # 17, 18: collations
    | \bon_error\b                            # 17: copy
    """,
    re.VERBOSE | re.IGNORECASE,
)
STATEMENT = re.compile(
    r"\s*(--.*\n\s*)*(select|insert|update|delete|with|merge|values|begin|set|call|create|alter)\b",
    re.IGNORECASE,
)

every_migration = pytest.mark.parametrize(
    "file", sorted(ROOT.glob("migrations/*.sql")), ids=lambda file: file.name
)


@every_migration
def test_a_migration_runs_on_postgresql_16(file: Path) -> None:
    assert newer(file.read_text()) == []


def test_a_query_runs_on_postgresql_16() -> None:
    written = {
        name: [text for node in ast.walk(ast.parse(file.read_text())) for text in statements(node)]
        for name, file in modules().items()
    }

    assert {name: newer("\n".join(texts)) for name, texts in written.items() if newer("\n".join(texts))} == {}


def statements(node: ast.AST) -> list[str]:
    return (
        [node.value]
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and STATEMENT.match(node.value)
        else []
    )


def newer(sql: str) -> list[str]:
    return [" ".join(found.group().split()) for found in NEWER.finditer(code(sql))]


@every_migration
def test_a_migration_is_in_lower_case(file: Path) -> None:
    assert re.findall(r"\b[A-Z]{2,}\b", code(file.read_text())) == []


def code(sql: str) -> str:
    """SQL without its comments, texts and quoted names. The content of dollar quotes is code as well."""
    return re.sub(
        r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"[^\"]*\"",
        lambda found: "''" if found.group()[0] == "'" else " ",
        sql,
        flags=re.DOTALL,
    )


@pytest.mark.parametrize(
    "sql",
    [
        "select uuidv7()",
        "update t set a = 1 returning old.a",
        "insert into t values (1) returning\n  id, new.id",
        "select random(1, 6)",
        "create table t (a int, b int generated always as (coalesce(a, (1 + 2))) virtual)",
        "create table t (a int, b int generated always as (f(a, g(1))))",
        "merge into t using u on t.a = u.a when matched then do nothing returning t.a",
        "select * from json_table(a, '$')",
    ],
)
def test_newer_sql_is_detected(sql: str) -> None:
    assert newer(sql) != []


@pytest.mark.parametrize(
    "sql",
    [
        "select gen_random_uuid(), random()",
        "update t set a = 1 returning id, old_path, new_name",
        "-- virtual\nselect 'uuidv7()'",
        "create table t (a int, b int generated always as (coalesce(a, (1 + 2))) stored)",
        "create trigger x after update on t referencing old table as old",
    ],
)
def test_older_sql_is_accepted(sql: str) -> None:
    assert newer(sql) == []
