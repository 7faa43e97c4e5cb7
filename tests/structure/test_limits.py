"""The README's limits are those of the settings."""

from __future__ import annotations

import re
from dataclasses import fields

from tools.routes import ROOT
from vitrine.settings import GIB, MIB, Settings


def shown(name: str, value: object) -> str:
    """As the table has it."""
    assert isinstance(value, int)
    if not name.endswith("_bytes"):
        return f"{value:,}"
    return f"{value // GIB} GiB" if value % GIB == 0 else f"{value // MIB} MiB"


def test_the_readme_has_the_limits_of_the_settings() -> None:
    table = (ROOT / "README.md").read_text().partition("<!-- limits -->")[2].partition("<!-- /limits -->")[0]
    defaults = {field.name: field.default for field in fields(Settings)}

    rows = dict(re.findall(r"^\| .* \| `([A-Z0-9_]+)` \| (.*) \|$", table, re.MULTILINE))

    assert rows == {name: shown(name.lower(), defaults[name.lower()]) for name in rows}
    assert {name.upper() for name in defaults if name.endswith("_limit")} <= set(rows)  # every rate is there
