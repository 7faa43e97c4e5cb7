"""Access to Postgres under row-level security: `read`, `write` and `transaction`, each opening the caller's
organization alone.

Round trips are the latency. `read` and `write` are one: a pipeline without BEGIN is one implicit transaction,
in which the setting and the statements travel together. `transaction` sends begin, the setting and its first
statement together, and the commit together with whatever is queued.
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
from psycopg.rows import kwargs_row
from psycopg_pool import ConnectionPool, PoolTimeout

from vitrine.errors import AlreadyExists, ApiError, Conflict, Invalid, NotFound, ServiceUnavailable
from vitrine.models.people import Actor, Nobody, Worker
from vitrine.settings import settings

if TYPE_CHECKING:
    from collections.abc import Generator

T = TypeVar("T")

# seconds: after a longer pause (a thaw, the server's idle time-out) a connection is tested first
IDLE_CHECK = 5.0
ATTEMPTS = 4  # of a transaction that loses against another


class Statement(Generic[T]):
    """One SQL statement with its values. `make` builds a result from a row's columns, given as keywords."""

    __slots__ = ("make", "sql", "values")

    def __init__(self, sql: LiteralString, make: Callable[..., T], /, **values: Any) -> None:
        self.sql: LiteralString = sql
        self.make = make
        self.values = values


class _Connection(psycopg.Connection[Any]):
    used_at: float = 0.0


def read(who: Actor, statement: Statement[T]) -> list[T]:
    """Return the rows, in one round trip.

    The statement must only read: it is sent again, once, when the connection was lost.
    """
    return read_all(who, statement)[0]


def read_all(who: Actor, *statements: Statement[Any]) -> list[list[Any]]:
    """Return the rows of several reading statements, in one round trip. Each has a snapshot of its own."""
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
    """Run one statement in its own transaction and one round trip, and return its rows. Never repeated."""
    try:
        return _at_once(who, [statement])[0]
    except psycopg.Error as error:
        raise _rejection(who, error) from error


def transaction(who: Actor, work: Callable[[Transaction], T]) -> T:
    """Run `work` in a transaction, commit, and return its result; roll back where it raises.

    `work` runs again, from the start, after a serialization failure or a deadlock. So it must have no effect
    but through its transaction. Raises Conflict when every attempt was lost, else the error of the SQLSTATE.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with _checked_out(who) as connection, _begun(connection, who) as db:
                return work(db)
        except (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected) as lost:
            if attempt == ATTEMPTS:
                raise Conflict("Others were changing the same things at the same time; try again") from lost
            time.sleep(random.uniform(0, 0.02 * 2**attempt))
        except psycopg.Error as error:
            raise _rejection(who, error) from error
    raise AssertionError("unreachable")


class Transaction:
    """An open transaction. A statement is sent when its rows are requested; queued ones travel along."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    def run(self, statement: Statement[T]) -> list[T]:
        """Return the rows of a statement that returns rows (`select`, `returning`), possibly none.

        One round trip, which everything queued before shares.
        """
        return self.run_all(statement)[0]

    def run_all(self, *statements: Statement[Any]) -> list[list[Any]]:
        """Return the rows of several statements that return rows, possibly none.

        One round trip, in which each statement has a snapshot of its own.
        """
        cursors: list[psycopg.Cursor[Any]] = []
        for statement in statements:
            cursor = self._connection.cursor(row_factory=kwargs_row(statement.make))
            cursor.execute(statement.sql, statement.values)
            cursors.append(cursor)
        return [cursor.fetchall() for cursor in cursors]  # the first fetch waits for all of them

    def first(self, statement: Statement[T]) -> T | None:
        """Return the first row, or None."""
        rows = self.run(statement)
        return rows[0] if rows else None

    def queue(self, statement: Statement[Any]) -> None:
        """Run the statement before the next one whose rows are requested, or before the commit; discard its
        rows.
        """
        self._connection.cursor().execute(statement.sql, statement.values)


def nothing(**_: object) -> None:
    """Make nothing of a row, for statements whose rows are not read."""


def close() -> None:
    """Close every connection of this process."""
    with _opening:
        while _pools:
            _pools.popitem()[1].close()


# True: of the role vitrine_worker; False: of vitrine_app
_pools: dict[bool, ConnectionPool[_Connection]] = {}
_opening = threading.Lock()  # functools.cache would open a pool for each of several first threads
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
                # Seconds. Psycopg's default is five minutes with doubling pauses, so a pool would still wait
                # long after the server is back. A pool that has given up tries again at the next request.
                reconnect_timeout=2,
                # Statements are not prepared: a pooler may use another server connection for the next one.
                kwargs={
                    "autocommit": True,
                    "prepare_threshold": None,
                    "application_name": "vitrine",
                    "connect_timeout": 5,
                },
                configure=_note_opened,
                open=True,
            )
        return _pools[worker]


def _note_opened(connection: _Connection) -> None:
    # A pool may open a connection that is not used before the server ends it.
    connection.used_at = time.time()


@contextmanager
def _checked_out(who: Actor) -> Generator[_Connection]:
    pool = _pool(worker=isinstance(who, Worker))
    connection = pool.getconn()
    # The clock is time.time, because the monotonic one may stand still while a function is frozen. The pool's
    # own check is not used: it pauses between dead connections, twice as long each time, and a server that
    # restarts ends all of them.
    if time.time() - connection.used_at > IDLE_CHECK and not _answers(connection):
        pool.putconn(connection)
        pool.check()
        connection = pool.getconn()
    try:
        yield connection
    finally:
        connection.used_at = time.time()
        pool.putconn(connection)


def _answers(connection: _Connection) -> bool:
    try:
        connection.execute("select 1")
    except psycopg.Error:  # whatever the error: the caller returns it to the pool, which opens another
        return False
    return True


def _open(connection: _Connection, who: Actor) -> None:
    opened = "" if isinstance(who, (Nobody, Worker)) else "{" + str(who.organization_id) + "}"
    connection.execute("select set_config('vitrine.organizations', %s, true)", [opened])


def _at_once(who: Actor, statements: Sequence[Statement[Any]]) -> list[list[Any]]:
    with _checked_out(who) as connection:
        cursors: list[psycopg.Cursor[Any]] = []
        # Results are fetched after the pipeline has ended: within it, each fetch would cost a round trip.
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


_ERRORS: dict[type[psycopg.Error], Callable[[], ApiError]] = {
    psycopg.errors.UniqueViolation: lambda: AlreadyExists("It exists already"),
    psycopg.errors.ForeignKeyViolation: lambda: NotFound("What this refers to is not there"),
    psycopg.errors.CheckViolation: lambda: Invalid("A value is outside what is allowed"),
    psycopg.errors.NotNullViolation: lambda: Invalid("A value is missing"),
    # a policy rejected the row, which belongs to another tenant
    psycopg.errors.InsufficientPrivilege: lambda: NotFound("Not found"),
    psycopg.errors.LockNotAvailable: lambda: ServiceUnavailable(
        "Others are changing the same things; try again"
    ),
    psycopg.errors.QueryCanceled: lambda: ServiceUnavailable("The database took too long; try again"),
    psycopg.errors.UntranslatableCharacter: lambda: Invalid("A text holds a character that cannot be stored"),
    psycopg.errors.CharacterNotInRepertoire: lambda: Invalid(
        "A text holds a character that cannot be stored"
    ),
}


def _is_lost(error: psycopg.Error) -> bool:
    # The connection broke, or the server was shutting down (SQLSTATE classes 08 and 57P): the statement had
    # no effect.
    return (
        isinstance(error, psycopg.OperationalError)
        and not isinstance(error, PoolTimeout)
        and (error.sqlstate or "08").startswith(("08", "57P"))
    )


def _drop_dead(who: Actor) -> None:
    # A server that restarts ends every connection, not only the one that noticed.
    _pool(worker=isinstance(who, Worker)).check()


def _rejection(who: Actor, error: psycopg.Error) -> Exception:
    """Return the error for the caller, by SQLSTATE, or the database's error itself where it is an internal
    error.
    """
    if _is_lost(error):
        _drop_dead(who)
    for kind, make_error in _ERRORS.items():
        if isinstance(error, kind):
            return make_error()
    if isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout)):
        return ServiceUnavailable("The database is not answering; try again", retry_after=2)
    return error
