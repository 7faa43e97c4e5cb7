"""The published APIs. Each package here is one; `dialect` and `formats` have what they share."""

from __future__ import annotations

from vitrine.dialects.dialect import Answer, Check, Dialect, MethodNotAllowed

__all__ = ["Answer", "Check", "Dialect", "MethodNotAllowed"]
