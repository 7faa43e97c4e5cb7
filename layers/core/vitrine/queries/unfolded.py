"""How many entries of the append-only ledgers wait to be folded. `fold_ledger` uses these counts, which cover
all organizations.
"""

from __future__ import annotations

from vitrine.db import Statement
from vitrine.queries.ledger import Folded


def storage(limit: int) -> Statement[Folded]:
    """Count the unfolded entries of the storage ledger, up to `limit`."""
    return Statement(
        "select count(*) as n from (select from storage_ledger where not folded limit %(limit)s) as waiting",
        Folded,
        limit=limit,
    )


def counts(limit: int) -> Statement[Folded]:
    """Count the unfolded entries of the count ledger, up to `limit`."""
    return Statement(
        "select count(*) as n from (select from count_ledger where not folded limit %(limit)s) as waiting",
        Folded,
        limit=limit,
    )
