"""A function fits into the size that Lambda allows: the packages of its layers, their code, and its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.structure.source_tree import Function, functions
from tests.structure.test_imports import pins, requirements
from tools.layer_sizes import LAYERS, MACHINES, SIZES, sizes, to_json
from tools.routes import ROOT, template

# Bytes of a function and its layers, unpacked. AWS documents 250 MB and rejects more than 262,144,000: the
# smaller number is within both.
ALLOWED = 250_000_000
MEASURED: dict[str, dict[str, dict[str, int]]] = json.loads(SIZES.read_text())
FOLDERS = {
    "CoreLayer": "layers/core",
    "ImagingLayer": "layers/imaging",
    "VideoLayer": "layers/video",
    "MigrationsLayer": "migrations",
}


def test_layer_sizes_list_every_pinned_version_and_no_other() -> None:
    pinned = {
        layer: {f"{name}=={version}" for name, version in pins(requirements(layer))} for layer in LAYERS
    }

    # After a raised version run `make layer-sizes`. A package on the right alone is one that another package
    # needs and no requirement names.
    assert {layer: dict.fromkeys(MACHINES, pinned[layer]) for layer in LAYERS} == {
        layer: {architecture: set(packages) for architecture, packages in by_architecture.items()}
        for layer, by_architecture in MEASURED.items()
    }


def test_a_function_and_its_layers_fit() -> None:
    unpacked = {
        (function.folder, architecture): size(function, architecture)
        for function in functions()
        for architecture in MACHINES
    }
    unpacked |= {
        ("all layers", architecture): sum(size_of_layer(layer, architecture) for layer in FOLDERS)
        for architecture in MACHINES
    }

    assert {which: taken for which, taken in unpacked.items() if taken > ALLOWED} == {}
    assert min(unpacked.values()) > 20_000_000  # the sizes of layers are included


def size(function: Function, architecture: str) -> int:
    return size_of(function.source.parent) + sum(
        size_of_layer(layer, architecture) for layer in function.layers
    )


def size_of_layer(layer: str, architecture: str) -> int:
    """Bytes of a layer. A package that two layers have counts in each."""
    folder = ROOT / FOLDERS[layer]
    return size_of(folder) + sum(MEASURED.get(folder.name, {}).get(architecture, {}).values())


def size_of(folder: Path) -> int:
    return sum(
        file.stat().st_size
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    )


def test_layers_are_built_for_the_runtime_of_the_functions() -> None:
    resources, common = template()["Resources"], template()["Globals"]["Function"]
    layers = {
        name: resource
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Serverless::LayerVersion"
    }

    assert {name: layer["Properties"]["ContentUri"].rstrip("/") for name, layer in layers.items()} == FOLDERS
    for name, layer in layers.items():
        built = (
            layer.get("Metadata"),
            layer["Properties"].get("CompatibleRuntimes"),
            layer["Properties"].get("CompatibleArchitectures"),
        )
        assert built == (
            (None, None, None)
            if name == "MigrationsLayer"
            else (
                {"BuildMethod": common["Runtime"], "BuildArchitecture": common["Architectures"][0]},
                [common["Runtime"]],
                common["Architectures"],
            )
        )


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_the_written_sizes_are_those_of_the_wheels_on_pypi() -> None:
    assert SIZES.read_text() == to_json(sizes())  # downloads from PyPI
