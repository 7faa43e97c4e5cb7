"""Which exceptions mean that a decoding library could not read a file. Every other exception is an error of
our own code, and propagates.

A library has exception types of its own, and raises built-in ones as well. A built-in type counts only where
the library's code raised it: our own
code raises ValueError and IndexError too. TypeError, AttributeError, NameError, ImportError and
AssertionError never count. They mean that our code
and the library do not fit together.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Final

from vitrine.models.derived import Undecodable

_OURS: Final = frozenset({"vitrine", "vitrine_imaging", "vitrine_video", "__main__"})


@dataclass(frozen=True, slots=True)
class Library:
    packages: frozenset[str]  # import names
    own: tuple[type[Exception], ...]  # types that nobody else raises
    common: tuple[type[Exception], ...]  # built-in types that it raises for files that it cannot read

    def could_not_read(self, error: Exception) -> bool:
        """Whether the library raised this exception because of the file. MemoryError is not: the file may
        be whole.
        """
        if isinstance(error, (Undecodable, MemoryError)):
            return False
        return isinstance(error, self.own) or (
            isinstance(error, self.common) and self._raised(error.__traceback__)
        )

    @contextmanager
    def undecodable(self, reason: Callable[[Exception], str]) -> Generator[None]:
        """Raise Undecodable where the library cannot read the file."""
        try:
            yield
        except Exception as error:
            if not self.could_not_read(error):
                raise
            raise Undecodable(reason(error)) from None

    @contextmanager
    def ignored(self) -> Generator[None]:
        """Leave the block where the library cannot read the file."""
        try:
            yield
        except Exception as error:
            if not self.could_not_read(error):
                raise

    def _raised(self, trace: TracebackType | None) -> bool:
        """Whether the innermost frame that is the library's or ours is the library's. The standard
        library works for both.
        """
        found = False
        while trace is not None:
            packages = _packages(trace)
            if packages & self.packages:
                found = True
            elif packages & _OURS:
                found = False
            trace = trace.tb_next
        return found


def _packages(trace: TracebackType) -> frozenset[str]:
    """The package that a frame belongs to, by its module. A module compiled by Cython may have no name:
    its file has, "av/container/core.py".
    """
    code, module = trace.tb_frame.f_code, trace.tb_frame.f_globals.get("__name__")
    return frozenset({str(module).partition(".")[0] if module else code.co_filename.partition("/")[0]})
