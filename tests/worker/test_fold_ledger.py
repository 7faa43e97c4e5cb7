"""fold_ledger: appended entries are folded into the kept sums."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg

from vitrine.db import transaction
from vitrine.library import ledger as folding
from vitrine.library import usage
from vitrine.queries import ledger
from vitrine.settings import settings

if TYPE_CHECKING:
    from tests.given.tenants import Tenant
    from vitrine.db import Transaction


def unfolded(tenant: Tenant) -> int:
    with psycopg.connect(settings().worker_database_url) as connection:
        row = connection.execute(
            "select count(*) from storage_ledger where organization_id = %s and not folded", [tenant.id]
        ).fetchone()
    assert row
    count: int = row[0]
    return count


def test_usage_is_the_same_before_and_after_a_fold(tenant: Tenant) -> None:
    def work(db: Transaction) -> None:
        for number in range(3):
            db.queue(
                ledger.entry(
                    tenant.id,
                    uuid4(),
                    uuid4(),
                    100 + number,
                    1,
                    "original",
                    "active",
                    "uploaded",
                    f"test:{number}",
                )
            )

    transaction(tenant.owner, work)
    before = usage.read(tenant.owner)

    while unfolded(tenant):
        importlib.import_module("functions.fold_ledger.handler").handler(
            {"scheduledAt": "2026-11-20T23:20:00Z", "dryRun": False}, None
        )

    assert (before.active_bytes, before.active_count) == (303, 3)
    assert usage.read(tenant.owner) == before


def test_a_dry_run_folds_nothing() -> None:
    batch = folding.fold_storage(datetime.now(UTC), None, 10_000_000, dry_run=True)

    assert batch.cursor is None
    assert all(done.deed == "would be folded" for done in batch.done)
