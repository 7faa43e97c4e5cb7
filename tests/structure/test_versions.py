"""The layers pin what the lock files install, and tests run with these versions on the deployed Python."""

from __future__ import annotations

import re
import sys
from importlib.metadata import version

from packaging.requirements import Requirement

from tests.structure.source_tree import LAYERS
from tests.structure.test_imports import pins, requirements
from tools.routes import ROOT, template

DEPLOYED = template()["Globals"]["Function"]["Runtime"].removeprefix("python")
RUNNING = ".".join(map(str, sys.version_info[:2]))
CI = (ROOT / ".ci/run").read_text()
TESTED = set(re.findall(r"^py\w+=\$\(find_python (\d\.\d+)\)", CI, re.MULTILINE))


def locked(python: str) -> dict[str, str]:
    """Name -> version of each package that lock/run.txt installs on a Python such as "3.13"."""
    lines = (
        line.rstrip(" \\") for line in (ROOT / "lock/run.txt").read_text().splitlines() if line[:1].isalnum()
    )
    found = [Requirement(line) for line in lines]
    return {
        each.name: str(each.specifier).removeprefix("==")
        for each in found
        if each.marker is None
        or each.marker.evaluate({"python_version": python, "python_full_version": f"{python}.0"})
    }


def pinned() -> dict[str, str]:
    """Name -> version of each package that a layer pins."""
    return {name: number for layer in LAYERS.values() for name, number in pins(requirements(layer))}


def test_the_layers_pin_what_the_lock_installs_on_the_deployed_python() -> None:
    assert pinned().items() <= locked(DEPLOYED).items()


def test_the_installed_versions_are_the_locked_ones() -> None:
    wanted = locked(RUNNING)

    assert {name: version(name) for name in wanted} == wanted
    if RUNNING == DEPLOYED:
        assert {name: version(name) for name in pinned()} == pinned()


def test_newer_pythons_get_newer_decoders() -> None:
    """PyAV 19 has wheels from Python 3.12 on; 18.1 is the last one for 3.11."""
    assert {python: locked(python)["av"].split(".")[0] for python in ("3.11", "3.12", "3.13", "3.14")} == {
        "3.11": "18",
        "3.12": "19",
        "3.13": "19",
        "3.14": "19",
    }


def test_ci_runs_the_suite_on_the_pythons_that_the_readme_names() -> None:
    found = re.search(
        r"^Tested on Python ([\d.]+)\b.*? and ([\d.]+)\b",
        (ROOT / "README.md").read_text(),
        re.MULTILINE | re.DOTALL,
    )

    assert found is not None
    assert {*found.groups()} == TESTED == {DEPLOYED, "3.11"}
    assert [line.split()[1:3] for line in CI.splitlines() if line.startswith("make test ")] == [
        ["test", 'PYTHON="$py311"'],
        ["test", 'PYTHON="$py313"'],
    ]
