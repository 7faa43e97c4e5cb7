"""Whether files are there already: advice for who is about to upload them, and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitrine.db import read
from vitrine.queries import duplicates as queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vitrine.models import Caller, Existing, Likeness

MOST_SHOWN = 5   # for each


def find(caller: Caller, files: Sequence[Likeness]) -> list[list[Existing]]:
    """For each of these, in their order, the organization's newest verified files of the same bytes, or of the same name and size; five at most."""
    found: list[list[Existing]] = [[] for _ in files]
    for each in read(caller, queries.find(caller.organization_id, files, MOST_SHOWN)):
        found[each.place].append(each.existing)
    return found
