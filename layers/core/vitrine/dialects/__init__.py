"""The published APIs: each module or package here is the format of one. What they share is in `dialect` and `formats`."""

from __future__ import annotations

from vitrine.dialects.dialect import Answer, Check, Dialect, MethodNotAllowed

__all__ = ["Answer", "Check", "Dialect", "MethodNotAllowed"]
