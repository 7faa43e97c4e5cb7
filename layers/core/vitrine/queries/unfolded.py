"""How much of the append-only ledgers waits to be folded."""

from __future__ import annotations

from vitrine.db import Statement
from vitrine.queries.ledger import Folded


def storage(limit: int) -> Statement[Folded]:
    """Entries of the storage ledger, `limit` at most; for the job, which crosses organizations."""
    return Statement(
        "select count(*) as n from (select from storage_ledger where not folded limit %(limit)s) as waiting",
        Folded,
        limit=limit,
    )


def counts(limit: int) -> Statement[Folded]:
    """The same of the numbers of items."""
    return Statement(
        "select count(*) as n from (select from count_ledger where not folded limit %(limit)s) as waiting",
        Folded,
        limit=limit,
    )
