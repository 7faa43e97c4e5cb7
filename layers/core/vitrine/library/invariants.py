"""invariants(): rows, ledger, folded usage, kept counts and the store, held against each other. Every
disagreement is named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vitrine import queries, storage
from vitrine.db import read, read_all
from vitrine.models.people import Worker

if TYPE_CHECKING:
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A rule that does not hold, for what, and how."""

    rule: str
    item: str
    details: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.item}: {self.details}"


def invariants(organization: UUID | None = None, *, finished: bool = False) -> list[Disagreement]:
    """Every disagreement, of one organization or of all; none is the right answer.

    The store is listed whole: for operators and tests. What is under way is no disagreement: an object may be
    there that is planned or doomed,
    a multipart upload be open that has a session. With `finished` nothing is under way any more, so those are
    disagreements too:
    call it so after the jobs have run.
    """
    rules = list(queries.invariants.RULES)
    answers = read_all(Worker(), *(queries.invariants.broken(rule, organization) for rule in rules))
    found = [
        Disagreement(rule, each.item, each.details)
        for rule, rows in zip(rules, answers, strict=True)
        for each in rows
    ]
    return found + _store(organization, finished=finished)


def stuck() -> list[str]:
    """A line for each thing that waits longer than it should: uploads, objects, messages, jobs."""
    return [
        f"{each.what} {each.item} waits since {each.since}"
        for each in read(Worker(), queries.invariants.stuck())
    ]


def _store(organization: UUID | None, *, finished: bool) -> list[Disagreement]:
    # The store first: what is put after this look has its row before it.
    prefixes = (
        [""] if organization is None else [f"{area}/{organization.hex}/" for area in ("originals", "derived")]
    )
    there = {stored.key: stored for prefix in prefixes for stored in storage.list_objects(prefix)}
    opened = list(storage.list_multiparts())
    registry = {entry.key: entry for entry in read(Worker(), queries.invariants.registry(organization))}
    sessions = {each.store_upload_id for each in read(Worker(), queries.invariants.open_sessions())}

    found: list[Disagreement] = []
    for key, stored in there.items():
        entry = registry.get(key)
        if entry is None:
            if storage.head(key) is not None:  # else it was discarded between the two looks
                found.append(
                    Disagreement("an object in the store has a row", key, f"{stored.bytes} bytes, no row")
                )
        elif entry.state == "live" and (entry.bytes, entry.etag) != (stored.bytes, stored.etag):
            details = f"{entry.bytes} bytes {entry.etag}, store {stored.bytes} {stored.etag}"
            found.append(Disagreement("the store holds what the manifest says", key, details))
        elif finished and entry.state != "live":
            found.append(Disagreement("what is not live is not in the store", key, entry.state))
    for key, entry in registry.items():
        if entry.state == "live" and key not in there and storage.head(key) is None:
            found.append(Disagreement("a live object is in the store", key, "not there"))
    if finished:
        found += [
            Disagreement("an open multipart upload has a session", each.key, each.upload_id)
            for each in opened
            if each.upload_id not in sessions and (organization is None or organization.hex in each.key)
        ]
    return found
