"""Which exceptions mean that a decoding library could not read a file. Every other exception is an error of
our own code, and propagates.

A library has exception types of its own, and raises built-in ones as well. A built-in type counts only where
the library's code raised it, because our own code raises ValueError and IndexError too. TypeError,
AttributeError, NameError, ImportError and AssertionError never count: they mean that our code and the library
do not fit together.
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
    library_types: tuple[type[Exception], ...]  # types that no other code raises
    builtin_types: tuple[type[Exception], ...]  # built-in types that it raises for files that it cannot read

    def could_not_read(self, error: Exception) -> bool:
        """Whether the library raised this exception because of the file. MemoryError is not: the file may be
        whole.
        """
        if isinstance(error, (Undecodable, MemoryError)):
            return False
        return isinstance(error, self.library_types) or (
            isinstance(error, self.builtin_types) and self._raised(error.__traceback__)
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
        """Whether, of the stack frames that are the library's or ours, the innermost is the library's.

        Frames of the standard library are skipped, since both call it.
        """
        is_librarys = False
        while trace is not None:
            packages = _packages(trace)
            if packages & self.packages:
                is_librarys = True
            elif packages & _OURS:
                is_librarys = False
            trace = trace.tb_next
        return is_librarys


def _packages(trace: TracebackType) -> frozenset[str]:
    """The package of a stack frame, by its module's name. A module compiled by Cython may have none: then by
    its file, "av/container/core.py".
    """
    code, module = trace.tb_frame.f_code, trace.tb_frame.f_globals.get("__name__")
    return frozenset({str(module).partition(".")[0] if module else code.co_filename.partition("/")[0]})
