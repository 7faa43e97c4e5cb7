"""Measures what the layers' wheels unpack to: layers/sizes.json.

    python -m tools.layer_sizes            prints it
    python -m tools.layer_sizes --write    writes it

The wheels are those that `sam build` would choose for the template's runtime. pip downloads some 150 MB from
PyPI. A default test adds up the written sizes; a test of the long runs measures them again.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from zipfile import ZipFile

from tools.routes import ROOT, template

SIZES = ROOT / "layers/sizes.json"
LAYERS = ("core", "imaging", "video")
MACHINES = {
    "arm64": "aarch64",
    "x86_64": "x86_64",
}  # Lambda's name of an architecture -> the name that wheels have
SOURCES = ("pyvips",)  # has no wheel: `sam build` makes one, of Python alone
# `sam build` looks for wheels of these; Amazon Linux 2023 has glibc 2.34.
GLIBCS = ("manylinux2014", "manylinux_2_17", "manylinux_2_28", "manylinux_2_34")


def sizes() -> dict[str, dict[str, dict[str, int]]]:
    """Layer -> architecture -> name==version -> bytes, unpacked.

    Packages that a layer's packages need are included, even where its requirements do not name them.
    """
    return {
        layer: {architecture: _unpacked(layer, machine) for architecture, machine in MACHINES.items()}
        for layer in LAYERS
    }


def to_json(sizes: dict[str, dict[str, dict[str, int]]]) -> str:
    return json.dumps(sizes, indent=1) + "\n"


def _unpacked(layer: str, machine: str) -> dict[str, int]:
    """name==version -> bytes, in the order of names. Raises CalledProcessError where a wheel is missing."""
    requirements = f"layers/{layer}/requirements.txt"
    runtime = str(template()["Globals"]["Function"]["Runtime"]).removeprefix("python")
    platforms = [word for glibc in GLIBCS for word in ("--platform", f"{glibc}_{machine}")]
    with tempfile.TemporaryDirectory() as made, tempfile.TemporaryDirectory() as folder:
        for line in (ROOT / requirements).read_text().split():
            if line.partition("==")[0] in SOURCES:
                _pip("wheel", "--no-deps", "-w", made, line)
        _pip(
            "download",
            "--only-binary=:all:",
            "--implementation",
            "cp",
            "--python-version",
            runtime,
            *platforms,
            "--find-links",
            made,
            "-d",
            folder,
            "-r",
            requirements,
        )
        return dict(sorted(_size(wheel) for wheel in Path(folder).glob("*.whl")))


def _pip(*words: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", "--no-input", *words],
        cwd=ROOT,
        check=True,
    )


def _size(wheel: Path) -> tuple[str, int]:
    name, version = wheel.name.split("-")[:2]
    with ZipFile(wheel) as opened:
        return f"{name.lower().replace('_', '-')}=={version}", sum(
            file.file_size for file in opened.infolist()
        )


if __name__ == "__main__":
    text = to_json(sizes())
    if sys.argv[1:] == ["--write"]:
        SIZES.write_text(text)
    else:
        sys.stdout.write(text)
