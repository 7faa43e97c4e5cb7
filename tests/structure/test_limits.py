"""README's table of limits has the defaults of the settings."""

from __future__ import annotations

import re
from dataclasses import fields

from tools.routes import ROOT
from vitrine.settings import GIB, MIB, Settings


def cell(name: str, value: object) -> str:
    """The default value of a setting as the table shows it."""
    assert isinstance(value, int)
    if not name.endswith("_bytes"):
        return f"{value:,}"
    return f"{value // GIB} GiB" if value % GIB == 0 else f"{value // MIB} MiB"


def test_the_readme_has_the_limits_of_the_settings() -> None:
    table = (ROOT / "README.md").read_text().partition("<!-- limits -->")[2].partition("<!-- /limits -->")[0]
    defaults = {field.name: field.default for field in fields(Settings)}

    rows = dict(re.findall(r"^\| .* \| `([A-Z0-9_]+)` \| (.*) \|$", table, re.MULTILINE))

    assert rows == {name: cell(name.lower(), defaults[name.lower()]) for name in rows}
    # Every rate limit is in the table.
    assert {name.upper() for name in defaults if name.endswith("_limit")} <= set(rows)
