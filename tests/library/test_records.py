"""Records behave as the standard library's dataclasses with the same fields."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import field
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    from vitrine.records import dataclass


@dataclass(frozen=True, slots=True)
class Base:
    id: int
    names: list[str] = field(default_factory=list[str])
    secret: str | None = field(default=None, repr=False)
    seen: int = field(default=0, compare=False)
    by: str = field(default="me", kw_only=True)


@dataclass(frozen=True, slots=True)
class Derived(Base):
    more: tuple[int, ...] = ()


def standard_classes() -> tuple[Any, Any]:
    """Return dataclasses of the standard library with the names and fields of Base and Derived."""
    fields = {"id": int, "names": list[str], "secret": str | None, "seen": int, "by": str}
    values = {
        "names": field(default_factory=list[str]),
        "secret": field(default=None, repr=False),
        "seen": field(default=0, compare=False),
        "by": field(default="me", kw_only=True),
    }
    base: Any = dataclasses.dataclass(frozen=True, slots=True)(
        type("Base", (), {"__annotations__": fields, **values})
    )
    derived = type("Derived", (base,), {"__annotations__": {"more": tuple[int, ...]}, "more": ()})
    return base, dataclasses.dataclass(frozen=True, slots=True)(derived)


def behaviour(base: Any, derived: Any) -> list[object]:
    one, other = base(1, ["a"], "s", 3, by="you"), derived(1, ["a"], more=(2,))
    errors = list[str]()
    for wrong in (
        lambda: base(),
        lambda: base(1, [], None, 0, "by"),
        lambda: base(1, x=2),
        lambda: setattr(one, "id", 2),
        lambda: hash(one),
    ):
        with pytest.raises((TypeError, dataclasses.FrozenInstanceError)) as error:
            wrong()
        errors.append(f"{type(error.value).__name__} {error.value}")
    return [
        repr(one),
        repr(other),
        one == base(1, ["a"], "s", 4, by="you"),
        one == base(1, ["a"], "t", 3, by="you"),
        one == other,
        one == 1,
        base(1).names is base(1).names,
        dataclasses.asdict(other),
        repr(dataclasses.replace(other, id=5, by="her")),
        errors,
        hash(derived(1, (), more=(3,))) == hash(derived(1, (), seen=9, more=(3,))),
        repr(copy.copy(other)),
        base.__match_args__,
        hasattr(one, "__dict__"),
    ]


def test_a_record_behaves_as_a_dataclass_of_the_standard_library() -> None:
    assert behaviour(Base, Derived) == behaviour(*standard_classes())
    assert pickle.loads(pickle.dumps(Derived(1, ["x"]))) == Derived(1, ["x"])
