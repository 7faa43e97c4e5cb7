"""A `dataclass` decorator for the many small records of the library, which takes less than half the time of
the standard library's: a cold start creates all of these classes.

    if TYPE_CHECKING:
        from dataclasses import dataclass
    else:
        from vitrine.records import dataclass

The standard library generates and compiles `__init__`, `__repr__`, `__eq__` and `__hash__` of each class when
the class is created. Here all classes share one `__repr__`, `__eq__` and `__hash__`, which read the class's
fields, and a class's `__init__` is compiled when it is first called: a function uses a few of the fifty
classes. Everything else is the standard library's: `fields`, `replace` and `asdict` work, and tests compare
both.

With the standard library alone the leanest endpoint (`get_me`) imports in 1.33 to 1.38 times the CPU time of
bare pydantic and psycopg on Python 3.13, and with this module in 1.24 to 1.32. At most 1.38 is allowed, so
without this module no change would have any room (docs/decisions/requests.md, "Dataclasses whose methods are
compiled when they are used").
"""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def dataclass(*, frozen: bool, slots: bool) -> Any:
    """Decorate a class as `dataclasses.dataclass` does with these arguments. The class has no `__post_init__`
    and no InitVar.

    Methods that the class defines itself stay. A frozen class is hashable.
    """

    def make(cls: type) -> type:
        methods: dict[str, Any] = {"__repr__": _repr, "__eq__": _eq, "__hash__": _hash if frozen else None}
        for name, method in methods.items():
            if name not in cls.__dict__:
                setattr(cls, name, method)
        made: Any = dataclasses.dataclass(frozen=frozen, slots=slots, repr=False, eq=False, init=False)(cls)

        def first(self: object, *values: object, **named: object) -> None:
            made.__init__ = _initializer(made)
            made.__init__(self, *values, **named)

        made.__init__ = first
        return made  # type: ignore[no-any-return]

    return make


def _initializer(cls: Any) -> Callable[..., None]:
    """Compile the class's `__init__`, as the standard library does when it makes the class."""
    fields = dataclasses.fields(cls)
    names: dict[str, Any] = {"_set": object.__setattr__, "_MISSING": dataclasses.MISSING}
    lines: list[str] = []
    parameters: dict[bool, list[str]] = {False: [], True: []}  # True: keyword-only
    for field in fields:
        name, default = field.name, ""
        value = name
        if field.default is not dataclasses.MISSING:
            names[f"_default_{name}"] = field.default
            default = f"=_default_{name}"
        elif field.default_factory is not dataclasses.MISSING:
            names[f"_factory_{name}"] = field.default_factory
            default, value = "=_MISSING", f"_factory_{name}() if {name} is _MISSING else {name}"
        parameters[bool(field.kw_only)].append(name + default)
        lines.append(f"    _set(self, {name!r}, {value})")
    signature = ["self", *parameters[False], *(["*", *parameters[True]] if parameters[True] else [])]
    exec(f"def __init__({', '.join(signature)}):\n" + ("\n".join(lines) or "    pass"), names)  # noqa: S102 - compiles the names of our own fields
    made: Callable[..., None] = names["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made


@cache
def _compared_fields(cls: Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(cls) if field.compare)


@cache
def _repr_fields(cls: Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(cls) if field.repr)


def _eq(self: Any, other: object) -> bool:
    if self is other:
        return True
    names = _compared_fields(self.__class__)
    if other.__class__ is not self.__class__:
        return NotImplemented  # type: ignore[no-any-return]
    return all(getattr(self, name) == getattr(other, name) for name in names)


def _hash(self: Any) -> int:
    return hash(tuple(getattr(self, name) for name in _compared_fields(self.__class__)))


def _repr(self: Any) -> str:
    values = ", ".join(f"{name}={getattr(self, name)!r}" for name in _repr_fields(self.__class__))
    return f"{self.__class__.__qualname__}({values})"
