"""Postgres, under the tenant wall: `read`, `write` and `transaction`, each opening just the organization of
who asks.

Round trips are the latency. `read` and `write` are one: a pipeline without BEGIN is one implicit transaction,
in which the setting and the
statements travel together. `transaction` sends begin, setting and its first statement together, and commits
together with whatever is queued.
"""

from __future__ import annotations

import atexit
import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generic, LiteralString, TypeVar

import psycopg
from psycopg import errors as sqlstate
from psycopg.rows import kwargs_row
from psycopg_pool import ConnectionPool, PoolTimeout

from vitrine.errors import AlreadyExists, ApiError, Conflict, Invalid, NotFound, ServiceUnavailable
from vitrine.models.people import Actor, Nobody, Worker
from vitrine.settings import settings

if TYPE_CHECKING:
    from collections.abc import Generator

T = TypeVar("T")

# seconds: after a longer pause (a thaw, a server's idle time-out) a connection is tried before it is used
IDLE_CHECK = 5.0
ATTEMPTS = 4  # of a transaction that lost against another


class Statement(Generic[T]):
    """One SQL statement with its values. `make` builds the result from a row: its arguments are the row's
    columns, by name.
    """

    __slots__ = ("make", "sql", "values")

    def __init__(self, sql: LiteralString, make: Callable[..., T], /, **values: Any) -> None:
        self.sql = sql
        self.make = make
        self.values = values


class _Connection(psycopg.Connection[Any]):
    used_at: float = 0.0


def read(who: Actor, statement: Statement[T]) -> list[T]:
    """The rows, in one round trip. Tried again once when the connection was lost: nothing but a reading
    may be sent here.
    """
    return read_all(who, statement)[0]


def read_all(who: Actor, *statements: Statement[Any]) -> list[list[Any]]:
    """The rows of several statements, in one round trip and one snapshot each."""
    try:
        return _at_once(who, statements)
    except psycopg.Error as error:
        if not _is_lost(error):
            raise _rejection(who, error) from error
        _drop_dead(who)
    try:
        return _at_once(who, statements)
    except psycopg.Error as error:
        raise _rejection(who, error) from error


def write(who: Actor, statement: Statement[T]) -> list[T]:
    """One statement, in a transaction of its own and one round trip. Never repeated."""
    try:
        return _at_once(who, [statement])[0]
    except psycopg.Error as error:
        raise _rejection(who, error) from error


def transaction(who: Actor, work: Callable[[Transaction], T]) -> T:
    """What `work` returns, committed whole; nothing of it where it raises.

    Called again, from the start, when it lost a race (serialization failure, deadlock): so it must have no
    effect but through its transaction.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with _checked_out(who) as connection, _begun(connection, who) as db:
                return work(db)
        except (sqlstate.SerializationFailure, sqlstate.DeadlockDetected) as lost:
            if attempt == ATTEMPTS:
                raise Conflict("Others were changing the same things at the same time; try again") from lost
            time.sleep(random.uniform(0, 0.02 * 2**attempt))
        except psycopg.Error as error:
            raise _rejection(who, error) from error
    raise AssertionError("unreachable")


class Transaction:
    """An open transaction. Statements are sent when their rows are asked for; queued ones ride along."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    def run(self, statement: Statement[T]) -> list[T]:
        """The rows (the statement must answer some, or none of them: `returning`). One round trip, which
        everything queued before shares.
        """
        return self.run_all(statement)[0]

    def run_all(self, *statements: Statement[Any]) -> list[list[Any]]:
        """The rows of several statements, each of which must answer some, or none of them. One round
        trip, and one snapshot each.
        """
        cursors: list[psycopg.Cursor[Any]] = []
        for statement in statements:
            cursor = self._connection.cursor(row_factory=kwargs_row(statement.make))
            cursor.execute(statement.sql, statement.values)
            cursors.append(cursor)
        return [cursor.fetchall() for cursor in cursors]  # the first fetch waits for all of them

    def first(self, statement: Statement[T]) -> T | None:
        """The first row, or None."""
        rows = self.run(statement)
        return rows[0] if rows else None

    def queue(self, statement: Statement[Any]) -> None:
        """The statement is run before the next one whose rows are asked for, or before the commit; its
        rows are thrown away.
        """
        self._connection.cursor().execute(statement.sql, statement.values)


def nothing(**_: object) -> None:
    """The row maker of a statement whose rows nobody reads."""


def close() -> None:
    """No connection of this process is left open."""
    with _opening:
        while _pools:
            _pools.popitem()[1].close()


_pools: dict[bool, ConnectionPool[_Connection]] = {}  # of the worker's role, and of the application's
_opening = threading.Lock()  # several threads may come first; functools.cache would open a pool for each
# From Python 3.13 on a pool that is still open when the interpreter ends waits 5 seconds for each of its
# threads.
atexit.register(close)


def _pool(*, worker: bool) -> ConnectionPool[_Connection]:
    with _opening:
        if worker not in _pools:
            chosen = settings()
            _pools[worker] = ConnectionPool(
                chosen.worker_database_url if worker else chosen.database_url,
                connection_class=_Connection,
                min_size=0,
                max_size=chosen.db_pool_size,
                num_workers=1,
                timeout=5,
                # Not the five minutes of the library: its pauses double, so a pool would sleep on long after
                # the server is back. One that has
                # given up tries at once when it is asked again.
                reconnect_timeout=2,
                # Never prepared: a pooler may hand the next statement to another server connection.
                kwargs={
                    "autocommit": True,
                    "prepare_threshold": None,
                    "application_name": "vitrine",
                    "connect_timeout": 5,
                },
                configure=_begin_use,
                open=True,
            )
        return _pools[worker]


def _begin_use(connection: _Connection) -> None:
    """A pool may open a connection that nobody comes for before the server ends it."""
    connection.used_at = time.time()


@contextmanager
def _checked_out(who: Actor) -> Generator[_Connection]:
    pool = _pool(worker=isinstance(who, Worker))
    connection = pool.getconn()
    # time.time and not monotonic: the monotonic clock may stand still while a function is frozen. Not the
    # pool's own check: it pauses, twice as
    # long each time, between connections that are dead, and a server that went down took all of them.
    if time.time() - connection.used_at > IDLE_CHECK and not _lives(connection):
        pool.putconn(connection)
        pool.check()
        connection = pool.getconn()
    try:
        yield connection
    finally:
        connection.used_at = time.time()
        pool.putconn(connection)


def _lives(connection: _Connection) -> bool:
    try:
        connection.execute("select 1")
    except psycopg.Error:
        # whatever is wrong with it: the caller gives it back to the pool, which makes another
        return False
    return True


def _open(connection: _Connection, who: Actor) -> None:
    opened = "" if isinstance(who, (Nobody, Worker)) else "{" + str(who.organization_id) + "}"
    connection.execute("select set_config('vitrine.organizations', %s, true)", [opened])


def _at_once(who: Actor, statements: Sequence[Statement[Any]]) -> list[list[Any]]:
    with _checked_out(who) as connection:
        cursors: list[psycopg.Cursor[Any]] = []
        # Results are fetched after the pipeline is left: inside, each fetch would cost a round trip of its
        # own.
        with connection.pipeline() if settings().db_pipeline else connection.transaction():
            _open(connection, who)
            for statement in statements:
                cursor = connection.cursor(row_factory=kwargs_row(statement.make))
                cursor.execute(statement.sql, statement.values)
                cursors.append(cursor)
        return [cursor.fetchall() if cursor.description is not None else [] for cursor in cursors]


@contextmanager
def _begun(connection: _Connection, who: Actor) -> Generator[Transaction]:
    if not settings().db_pipeline:
        with connection.transaction():
            _open(connection, who)
            yield Transaction(connection)
        return
    try:
        with connection.pipeline():
            connection.execute("begin")
            _open(connection, who)
            yield Transaction(connection)
            connection.execute("commit")
    except BaseException:
        if not connection.closed:
            connection.rollback()
        raise


_REFUSALS: dict[type[psycopg.Error], Callable[[], ApiError]] = {
    sqlstate.UniqueViolation: lambda: AlreadyExists("It exists already"),
    sqlstate.ForeignKeyViolation: lambda: NotFound("What this refers to is not there"),
    sqlstate.CheckViolation: lambda: Invalid("A value is outside what is allowed"),
    sqlstate.NotNullViolation: lambda: Invalid("A value is missing"),
    # a policy refused the row: another tenant's
    sqlstate.InsufficientPrivilege: lambda: NotFound("Not found"),
    sqlstate.LockNotAvailable: lambda: ServiceUnavailable("Others are changing the same things; try again"),
    sqlstate.QueryCanceled: lambda: ServiceUnavailable("The database took too long; try again"),
    sqlstate.UntranslatableCharacter: lambda: Invalid("A text holds a character that cannot be stored"),
    sqlstate.CharacterNotInRepertoire: lambda: Invalid("A text holds a character that cannot be stored"),
}


def _is_lost(error: psycopg.Error) -> bool:
    """The connection broke, or the server was going down: the statement left no trace and may be sent
    again if it only reads.
    """
    return (
        isinstance(error, psycopg.OperationalError)
        and not isinstance(error, PoolTimeout)
        and (error.sqlstate or "08").startswith(("08", "57P"))
    )


def _drop_dead(who: Actor) -> None:
    # A server that went down took every connection along, not only the one that found out.
    _pool(worker=isinstance(who, Worker)).check()


def _rejection(who: Actor, error: psycopg.Error) -> Exception:
    """What a caller is told of an error of the database, by SQLSTATE; the error itself where it is our
    own fault.
    """
    if _is_lost(error):
        _drop_dead(who)
    for kind, rejection in _REFUSALS.items():
        if isinstance(error, kind):
            return rejection()
    if isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout)):
        return ServiceUnavailable("The database is not answering; try again", retry_after=2)
    return error
