"""The virtual environment of a Python. The tests work on files alone; nothing is installed."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local import CLONE

if TYPE_CHECKING:
    from types import ModuleType

MINE = ".".join(map(str, sys.version_info[:2]))


@pytest.fixture
def install(tmp_path: Path) -> ModuleType:
    """local/install.py of a clone without an environment."""
    (tmp_path / "local").mkdir()
    copy = shutil.copy(CLONE / "local/install.py", tmp_path / "local")
    spec = importlib.util.spec_from_file_location("install_of_a_clone", copy)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make_environment(folder: Path, version: str) -> None:
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/python").touch()
    (folder / "pyvenv.cfg").write_text(f"home = /usr/bin\nversion = {version}\n")


@pytest.mark.parametrize(
    ("version", "name"),
    [
        (None, ".venv"),
        (f"{MINE}.0", ".venv"),
        (f"{MINE}.99", ".venv"),
        ("3.2.1", f".venv-{MINE}"),
        (f"{MINE}1.0", f".venv-{MINE}"),
    ],
)
def test_another_python_has_an_environment_beside_the_first(
    install: ModuleType, tmp_path: Path, version: str | None, name: str
) -> None:
    if version is not None:
        make_environment(tmp_path / ".venv", version)

    assert install.environment() == str(tmp_path / name)


def test_an_environment_without_its_python_is_created_again(install: ModuleType, tmp_path: Path) -> None:
    make_environment(tmp_path / ".venv", "3.2.1")
    (tmp_path / ".venv/bin/python").unlink()
    (tmp_path / ".venv/bin/python").symlink_to(tmp_path / "removed")

    assert install.environment() == str(tmp_path / ".venv")
