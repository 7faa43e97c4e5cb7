"""Tags: values in groups. One store for both APIs: Studio shows all groups, v1 the group `tags`."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from vitrine.credentials import mint_id
from vitrine.errors import Invalid
from vitrine.library import clean_name
from vitrine.queries import tags as queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from vitrine.db import Transaction

SLUGGED = "tags"          # the group that v1 sees, the only one with slugs
MAX_TAGS = 1000           # of an item, over all groups


def clean(groups: Mapping[str, Sequence[str]]) -> list[queries.Label]:
    """Groups and values as they are kept: trimmed, composed (NFC), each once; exact and case-sensitive beyond that. Raises Invalid."""
    labels = {
        queries.Label(clean_name(group.strip(), "A tag's group"), clean_name(value.strip(), "A tag's value"))
        for group, values in groups.items() for value in values
    }
    if len(labels) > MAX_TAGS:
        raise Invalid(f"An item can have {MAX_TAGS} tags, and no more")
    return sorted(labels)


def replace(db: Transaction, organization: UUID, item: UUID, labels: Sequence[queries.Label], *, actor: UUID | None = None) -> None:
    """The item, whose row is held, has these tags and no others; but those that are switched off, which nobody was shown, stay as they are."""
    new = [queries.New(mint_id(), label, _slug(label)) for label in labels]
    db.queue(queries.put(organization, new, actor))
    # A slug that another tag has keeps its tag out: it gets one that nobody has.
    db.queue(queries.put(organization, [queries.New(each.id, each.label, f"{each.slug}-{each.id.hex[-12:]}") for each in new if each.slug], actor))
    db.queue(queries.take(organization, item, labels))
    db.queue(queries.give(organization, item, labels, actor))


def _slug(label: queries.Label) -> str | None:
    """What an address can call it; None outside the group that has slugs."""
    if label.group != SLUGGED:
        return None
    plain = unicodedata.normalize("NFKD", label.name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:80]
    return slug if len(slug) > 1 else "tag"

