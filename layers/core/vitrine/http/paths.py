"""Paths of routes, as template.yaml writes them (`/api/media/{mediaId}`), matched as API Gateway matches
them.

A path is decoded before it is matched, so that an encoded slash (%2F) separates segments too. A slash at the
end counts. A variable takes one whole segment, which is not empty; a greedy one (`{rest+}`) takes all that
remain. Where several routes match, the one with the smallest `rank` is chosen.
"""

from __future__ import annotations

NO_ROUTE = "There is nothing at this address"  # the error where no route matches


def match(pattern: str, path: str) -> dict[str, str] | None:
    """Return the path's variables by name; None when the path does not match the pattern."""
    wanted, segments = pattern.split("/"), path.split("/")
    if is_greedy(wanted[-1]):
        if len(segments) < len(wanted):
            return None
        segments[len(wanted) - 1 :] = ["/".join(segments[len(wanted) - 1 :])]
    if len(segments) != len(wanted):
        return None
    variables: dict[str, str] = {}
    for segment, value in zip(wanted, segments, strict=True):
        name = variable(segment)
        if name and value:
            variables[name] = value
        elif segment != value:
            return None
    return variables


def rank(pattern: str) -> tuple[bool, list[int]]:
    """Return a sort key: a full match goes before a greedy one; then, from left to right, a fixed segment
    before a variable.
    """
    kinds = [2 if is_greedy(segment) else 1 if variable(segment) else 0 for segment in pattern.split("/")]
    return 2 in kinds, kinds


def variable(segment: str) -> str:
    """Return the name of the variable that a pattern's segment is; empty for a fixed segment."""
    return segment.strip("{}+") if segment.startswith("{") else ""


def is_greedy(segment: str) -> bool:
    return segment.endswith("+}")
