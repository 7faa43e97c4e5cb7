"""The SQL statements: one typed function is one statement, in modules by noun.

    from vitrine import queries
    item = db.run(queries.media.lock(organization, id))

Every query names its organization, although row-level security would filter the rows too: a policy alone does
not let PostgreSQL use the index's order. A module is imported when it is first used, so a function loads only
the queries that it needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, LiteralString

if TYPE_CHECKING:
    from types import ModuleType

    # A type checker reads a repeated name as "exported".
    from vitrine.queries import browse as browse
    from vitrine.queries import bulk as bulk
    from vitrine.queries import collections as collections
    from vitrine.queries import counts as counts
    from vitrine.queries import deletions as deletions
    from vitrine.queries import devices as devices
    from vitrine.queries import duplicates as duplicates
    from vitrine.queries import expired as expired
    from vitrine.queries import externals as externals
    from vitrine.queries import files as files
    from vitrine.queries import folders as folders
    from vitrine.queries import frames as frames
    from vitrine.queries import idempotency as idempotency
    from vitrine.queries import identity as identity
    from vitrine.queries import invariants as invariants
    from vitrine.queries import job_runs as job_runs
    from vitrine.queries import keys as keys
    from vitrine.queries import ledger as ledger
    from vitrine.queries import likenesses as likenesses
    from vitrine.queries import links as links
    from vitrine.queries import media as media
    from vitrine.queries import media_columns as media_columns
    from vitrine.queries import members as members
    from vitrine.queries import objects as objects
    from vitrine.queries import operators as operators
    from vitrine.queries import organizations as organizations
    from vitrine.queries import outbox as outbox
    from vitrine.queries import people as people
    from vitrine.queries import processing as processing
    from vitrine.queries import purges as purges
    from vitrine.queries import reprocessing as reprocessing
    from vitrine.queries import sessions as sessions
    from vitrine.queries import tags as tags
    from vitrine.queries import team_tags as team_tags
    from vitrine.queries import trash as trash
    from vitrine.queries import unfolded as unfolded
    from vitrine.queries import uploads as uploads
    from vitrine.queries import usage as usage
    from vitrine.queries import versions as versions


# The columns that every change of an item or a collection sets, for an `update ... set` with the value
# `actor`. `row_version` backs ETag and If-Match.
TOUCHED: LiteralString = "row_version = row_version + 1, updated_at = now(), updated_by = %(actor)s"


def __getattr__(name: str) -> ModuleType:
    """Import the module `vitrine.queries.<name>`. Raises AttributeError when there is no such module."""
    try:
        return import_module(f"vitrine.queries.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"vitrine.queries.{name}":
            raise  # the module exists, and one that it imports does not
        raise AttributeError(name) from error
