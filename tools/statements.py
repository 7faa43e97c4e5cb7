"""tests/given/statements-VERSION.json: the SQL of a release, for the test that a later schema still serves
it.

python -m tools.statements 0.1.0    writes the file of that release, when it is tagged, and removes older ones

Each function of vitrine.queries is called with values made from its annotations. Every alternative of a
literal or an optional parameter is tried once, so that the branches of composed SQL are covered. The file
records which roles can plan a statement, and whether it runs in a read-only transaction.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import pkgutil
import re
import sys
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin
from uuid import UUID

import psycopg
from psycopg.adapt import PyFormat, Transformer

from local.postgres import as_role
from tools.routes import ROOT
from tools.schema import fresh_database  # which puts the layer on the path
from vitrine import queries
from vitrine.db import Statement
from vitrine.queries.invariants import RULES

FOLDER = ROOT / "tests" / "given"
ROLES = ("vitrine_app", "vitrine_worker")
PASSWORD = "s"  # noqa: S105 - of a server that runs for a minute
PARAMETER = re.compile(r"%\((\w+)\)s|%%")

VALUES: dict[Any, Any] = {
    UUID: UUID("01990000-0000-7000-8000-000000000000"),
    str: "a",
    int: 1,
    float: 1.0,
    bool: True,
    bytes: b"0" * 32,
    datetime: datetime(2026, 1, 2, tzinfo=UTC),
    Any: {},
    object: {},
}

CHOSEN: dict[str, list[Any]] = {"rule": list(RULES)}  # parameters whose values are no matter of their type


@dataclass(frozen=True, slots=True)
class Recorded:
    """One statement of a release."""

    name: str  # module.function of vitrine.queries
    sql: str  # with $1, $2 ... as parameters
    types: tuple[str, ...]  # of the parameters, as psycopg sends them; `unknown` is inferred by the server
    roles: tuple[str, ...]  # that can plan it
    reads: bool  # it runs in a read-only transaction


def newest() -> list[Recorded]:
    """The statements of the latest release that was recorded."""
    [*_, file] = sorted(FOLDER.glob("statements-*.json"))
    return [
        Recorded(each["name"], each["sql"], tuple(each["types"]), tuple(each["roles"]), each["reads"])
        for each in json.loads(file.read_text())
    ]


def check(connection: psycopg.Connection[Any], statement: Recorded, *, run: bool) -> None:
    """Plan the statement as the connection's role; run it with nulls where `run`. Raises psycopg.Error."""
    types_ = f" ({', '.join(statement.types)})" if statement.types else ""
    nulls = f" ({', '.join(['null'] * len(statement.types))})" if statement.types else ""
    connection.execute("deallocate all")  # a prepared statement outlives its transaction
    with connection.transaction(force_rollback=True):
        connection.execute("set local transaction_read_only = on")
        connection.execute("set local plan_cache_mode = force_generic_plan")
        connection.execute(f"prepare recorded{types_} as {statement.sql}".encode())
        connection.execute(f"explain execute recorded{nulls}".encode())
        if run:
            connection.execute(f"execute recorded{nulls}".encode())


def present(owner_url: str) -> list[Recorded]:
    """The statements of the present code, tried on this database."""
    connections = [psycopg.connect(as_role(owner_url, role, PASSWORD), autocommit=True) for role in ROLES]
    found: dict[str, Recorded] = {}
    for module in pkgutil.iter_modules(queries.__path__):
        for name, function in inspect.getmembers(
            importlib.import_module(f"{queries.__name__}.{module.name}"), inspect.isfunction
        ):
            if _is_query(function, module.name):
                for statement in _statements(function):
                    recorded = _tried(f"{module.name}.{name}", statement, connections)
                    found.setdefault(recorded.sql, recorded)
    for connection in connections:
        connection.close()
    return list(found.values())


def _is_query(function: types.FunctionType, module: str) -> bool:
    annotation = str(inspect.signature(function).return_annotation)
    ours = function.__module__.endswith(f".{module}") and not function.__name__.startswith("_")
    return ours and annotation.startswith("Statement[")


def _tried(name: str, statement: Statement[Any], connections: Sequence[psycopg.Connection[Any]]) -> Recorded:
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[1] is None:
            return "%"
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    text = PARAMETER.sub(number, statement.sql)
    adapters = Transformer(connections[0])
    oids = [
        0
        if statement.values[each] is None
        else adapters.get_dumper(statement.values[each], PyFormat.AUTO).oid
        for each in names
    ]
    types_ = tuple(_type(oid, connections[0]) for oid in oids)
    candidate = Recorded(name, text, types_, (), reads=False)
    roles = [
        role
        for role, connection in zip(ROLES, connections, strict=True)
        if _works(connection, candidate, run=False)
    ]
    if not roles:
        check(connections[0], candidate, run=False)  # raises the reason
    by_role: dict[str, psycopg.Connection[Any]] = dict(zip(ROLES, connections, strict=True))
    reads = all(_works(by_role[role], candidate, run=True) for role in roles)
    return Recorded(name, text, types_, tuple(roles), reads)


def _type(oid: int, connection: psycopg.Connection[Any]) -> str:
    known = connection.adapters.types.get(oid)
    if known is None:
        return "unknown"
    return f"{known.name}[]" if oid == known.array_oid else known.name


def _works(connection: psycopg.Connection[Any], statement: Recorded, *, run: bool) -> bool:
    try:
        check(connection, statement, run=run)
    except psycopg.Error:
        return False
    return True


# Values for the arguments.


def _statements(function: types.FunctionType) -> Iterator[Statement[Any]]:
    """The function's statement, and one for each further alternative of each parameter."""
    parameters = inspect.signature(function).parameters.values()
    choices = {
        each.name: CHOSEN.get(each.name) or _alternatives(_evaluated(each.annotation, function.__module__))
        for each in parameters
    }
    first = {name: values[0] for name, values in choices.items()}
    calls = [first] + [{**first, name: value} for name, values in choices.items() for value in values[1:]]
    positional = [each.name for each in parameters if each.kind is not each.KEYWORD_ONLY]
    for call in calls:
        keywords = {name: value for name, value in call.items() if name not in positional}
        yield function(*(call[name] for name in positional), **keywords)


def _evaluated(annotation: str | object, module: str) -> Any:
    return eval(annotation, _names(module)) if isinstance(annotation, str) else annotation  # noqa: S307 - our own


@cache
def _names(module: str) -> dict[str, Any]:
    """What the module's annotations may name: its globals, and what it imports for type checkers alone."""
    names = dict(vars(sys.modules[module]))
    for node in ast.parse(inspect.getsource(sys.modules[module])).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            exec(compile(ast.Module(node.body, []), module, "exec"), names)  # noqa: S102 - our own imports
    return names


def _alternatives(annotation: Any) -> list[Any]:
    if annotation in VALUES:
        return [False, True] if annotation is bool else [VALUES[annotation]]
    if annotation in (None, type(None)):
        return [None]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return [value for argument in arguments for value in _alternatives(argument)]
    if origin is Literal:
        return list(arguments)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return [{}]
    if origin is tuple:
        inner = [each for each in arguments if each is not Ellipsis]
        return [tuple(_alternatives(each)[0] for each in inner)]
    if origin is not None:  # a list or another collection
        return [[_alternatives(arguments[0])[0]]]
    if hasattr(annotation, "__supertype__"):
        return _alternatives(annotation.__supertype__)
    if is_dataclass(annotation) or hasattr(annotation, "_fields"):
        return [_instance(annotation)]
    if isinstance(annotation, type) and "__init__" not in vars(annotation):  # the class of a sentinel
        return [annotation()]
    raise TypeError(f"No value for {annotation!r}: add one")


def _instance(kind: Any) -> Any:
    annotated = (
        {field.name: field.type for field in fields(kind)}
        if hasattr(kind, "__dataclass_fields__")
        else kind.__annotations__
    )
    return kind(
        **{name: _alternatives(_evaluated(each, kind.__module__))[0] for name, each in annotated.items()}
    )


if __name__ == "__main__":
    [version] = sys.argv[1:]
    with fresh_database(password=PASSWORD) as database:
        statements = present(database)
    for file in FOLDER.glob("statements-*.json"):
        file.unlink()
    document = [
        {"name": each.name, "sql": each.sql, "types": each.types, "roles": each.roles, "reads": each.reads}
        for each in statements
    ]
    (FOLDER / f"statements-{version}.json").write_text(json.dumps(document, indent=1) + "\n")
