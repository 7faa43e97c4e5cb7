"""Check that rows, ledger, folded usage, counts and the store agree."""

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
    """A broken rule, the item that breaks it (an id or a key), and the values that disagree."""

    rule: str
    item: str
    details: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.item}: {self.details}"


def invariants(organization: UUID | None = None, *, finished: bool = False) -> list[Disagreement]:
    """Return every disagreement in one organization, or (None) in all; an empty list is the right answer.

    The store is listed whole, so this is for operators and tests. Work in progress is no disagreement: an
    object may exist that is planned or marked for deletion, and an open upload may
    have a multipart upload. With `finished`, these are disagreements too: use it after the jobs have run.
    """
    rules = list(queries.invariants.RULES)
    answers = read_all(Worker(), *(queries.invariants.broken(rule, organization) for rule in rules))
    disagreements = [
        Disagreement(rule, each.item, each.details)
        for rule, rows in zip(rules, answers, strict=True)
        for each in rows
    ]
    return disagreements + _compare_store(organization, finished=finished)


def stuck() -> list[str]:
    """Return a line for each upload, version, object, message and job that waits longer than it should."""
    return [
        f"{each.what} {each.item} waits since {each.since}"
        for each in read(Worker(), queries.invariants.stuck())
    ]


def _compare_store(organization: UUID | None, *, finished: bool) -> list[Disagreement]:
    # The store is listed first: an object that is put later has its row before it.
    prefixes = (
        [""] if organization is None else [f"{area}/{organization.hex}/" for area in ("originals", "derived")]
    )
    objects = {stored.key: stored for prefix in prefixes for stored in storage.list_objects(prefix)}
    opened = list(storage.list_multiparts())
    registry = {entry.key: entry for entry in read(Worker(), queries.invariants.registry(organization))}
    expected = {each.store_upload_id for each in read(Worker(), queries.invariants.open_multiparts())}

    disagreements: list[Disagreement] = []
    for key, stored in objects.items():
        entry = registry.get(key)
        if entry is None:
            if storage.head(key) is not None:  # else it was deleted between the two readings
                disagreements.append(
                    Disagreement("an object in the store has a row", key, f"{stored.bytes} bytes, no row")
                )
        elif entry.state == "live" and (entry.bytes, entry.etag) != (stored.bytes, stored.etag):
            details = f"{entry.bytes} bytes {entry.etag}, store {stored.bytes} {stored.etag}"
            disagreements.append(Disagreement("the store agrees with the object registry", key, details))
        elif finished and entry.state != "live":
            disagreements.append(Disagreement("only live objects are in the store", key, entry.state))
    for key, entry in registry.items():
        if entry.state == "live" and key not in objects and storage.head(key) is None:
            disagreements.append(Disagreement("a live object is in the store", key, "missing"))
    if finished:
        disagreements += [
            Disagreement("an open multipart upload has a session", each.key, each.upload_id)
            for each in opened
            if each.upload_id not in expected and (organization is None or organization.hex in each.key)
        ]
    return disagreements
