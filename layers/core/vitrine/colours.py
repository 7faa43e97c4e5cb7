"""How the colours of a HEIF, an AVIF or a PNG are coded, by the file's first kilobytes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vitrine import containers, heif
from vitrine.containers import Span, Truncated

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Colours:
    """How colours are coded, in the numbers of ITU-T H.273."""

    primaries: int
    transfer: int
    # nits of the brightest pixel (MaxCLL), or else of the screen that the picture was made on
    brightest: float | None = None


def read_colours(head: bytes) -> Colours | None:
    """The coding that a HEIF, an AVIF or a PNG with these first bytes states in numbers.

    None where an ICC profile describes the colours, or nothing does. Never raises.
    """
    try:
        if head.startswith(containers.PNG_SIGNATURE):
            return _colours_of_png(containers.bytes_span(head))
        return _colours_of_heif(containers.bytes_span(head)) if head[4:8] == b"ftyp" else None
    except Truncated:
        return None


def _colours_of_heif(file: Span) -> Colours | None:
    """The primary item's `colr` of the kind `nclx` (ISO 23008-12, 6.5.5), where it has none with an ICC
    profile.
    """
    coded, brightest, screen = None, None, None
    for name, box in heif.properties(file):
        if name == b"colr" and box.available(0, 4) in {b"prof", b"rICC"}:
            return None
        if name == b"colr" and box.available(0, 4) == b"nclx":
            coded = Colours(box.number(4, 2), box.number(6, 2))
        elif name == b"clli":
            brightest = box.number(0, 2)
        elif name == b"mdcv":
            screen = box.number(16, 4) / 10_000
    return coded and replace(coded, brightest=brightest or screen or None)


def _colours_of_png(png: Span) -> Colours | None:
    """`cICP`, which goes before any profile (PNG, third edition, 4.3). Light is counted in ten-thousandths of
    a nit.
    """
    coded, brightest, screen = None, None, None
    for name, chunk in _before_the_pixels(png):
        if name == b"cICP":
            coded = Colours(chunk.number(0, 1), chunk.number(1, 1))
        elif name == b"cLLI":
            brightest = chunk.number(0, 4) / 10_000
        elif name == b"mDCV":
            screen = chunk.number(16, 4) / 10_000
    return coded and replace(coded, brightest=brightest or screen or None)


def _before_the_pixels(png: Span) -> Iterator[tuple[bytes, Span]]:
    for name, chunk in containers.png_chunks(png):
        if name in {b"IDAT", b"IEND"}:
            return
        yield name, chunk
