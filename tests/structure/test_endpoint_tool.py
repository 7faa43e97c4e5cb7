"""`make endpoint` writes an endpoint into a temporary copy: handler, event, test, block of the template."""

from __future__ import annotations

import ast
import importlib
import json
import re
import runpy
import shutil
from pathlib import Path

import pytest

from local.template import document, read
from tools import endpoint
from tools.routes import ROOT, routes


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "template.yaml", tmp_path)
    return tmp_path


def test_it_writes_three_files_and_changes_the_template(copy: Path) -> None:
    new = endpoint.parse("get_sample", "GET /api/dataset/{datasetId}/sample", copy)

    files = endpoint.write(new, copy)

    assert [str(file.relative_to(copy)) for file in files] == [
        "functions/get_sample/handler.py",
        "template.yaml",
        "events/get_sample.json",
        "tests/studio/test_get_sample.py",
    ]
    handler = ast.parse(files[0].read_text())
    assert (ast.get_docstring(handler) or "").startswith("GET /api/dataset/{datasetId}/sample - ")
    assert (
        'operation="collection.read", item=("datasetId", "collection"), returns=Sample'
        in files[0].read_text()
    )
    event = json.loads(files[2].read_text())
    known = json.loads((ROOT / "events/get_collection.json").read_text())
    assert event.keys() == known.keys()
    assert event["rawPath"] == known["rawPath"] + "/sample"
    assert event["pathParameters"] == known["pathParameters"]
    assert 'tenant.studio.get(f"/api/dataset/{tenant.collection_id.hex}/sample")' in files[3].read_text()


def test_the_block_stands_among_the_functions_of_its_noun(copy: Path) -> None:
    endpoint.write(endpoint.parse("get_sample", "GET /api/dataset/{datasetId}/sample", copy), copy)

    before, after = document(ROOT / "template.yaml"), document(copy / "template.yaml")
    added = after["Resources"].pop("GetSampleFunction")
    assert after == before
    assert added == {
        "Type": "AWS::Serverless::Function",
        "Properties": {
            "CodeUri": "functions/get_sample/",
            "Events": {
                "Route": {
                    "Type": "HttpApi",
                    "Properties": {
                        "ApiId": {"Ref": "Api"},
                        "Method": "GET",
                        "Path": "/api/dataset/{datasetId}/sample",
                    },
                }
            },
        },
    }
    order = [route.function for route in read(copy / "template.yaml").routes]
    assert order.index("create_collection") < order.index("get_sample") < order.index("create_folder")


@pytest.mark.parametrize(
    ("name", "route", "section"),
    [
        ("copy_media", "POST /api/media/{mediaId}/copy", "studio"),
        ("v1_copy_media", "POST /api/v1/media/{id}/copy", "v1"),
        ("rename_key", "PATCH /api/auth/api-keys/{id}/name", "accounts"),
        ("pause_upload", "POST /api/upload/s3/multipart/{uploadId}/pause", "uploads"),
    ],
)
def test_every_section_of_an_api_may_get_one(copy: Path, name: str, route: str, section: str) -> None:
    files = endpoint.write(endpoint.parse(name, route, copy), copy)

    assert runpy.run_path(str(files[0]))["app"].spec.name == route
    assert missing_names(files[0]) == []
    ast.parse(files[3].read_text())
    assert files[3].parent.name == section
    template = files[1].read_text()
    assert len(re.findall(rf"CodeUri: functions/{name}/\n", template)) == 1
    heading = re.findall(r"# =+ (\w+) =+", template.partition(f"functions/{name}/")[0])[-1]
    assert heading == section
    assert len(read(copy / "template.yaml").routes) == len(read(ROOT / "template.yaml").routes) + 1


def missing_names(module: Path) -> list[str]:
    """The names that the module imports and that do not exist."""
    return [
        f"{node.module}.{name.name}"
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.module != "__future__"
        for name in node.names
        if not hasattr(importlib.import_module(node.module), name.name)
    ]


def test_a_name_that_was_renamed_is_found(tmp_path: Path) -> None:
    module = tmp_path / "handler.py"
    module.write_text("from vitrine.errors import NotFound, NotServed\n")

    assert missing_names(module) == ["vitrine.errors.NotServed"]


@pytest.mark.parametrize(
    ("name", "route", "sentence"),
    [
        ("stats", "GET /api/sample", "NAME is a verb and a noun"),
        ("get_sample", "/api/sample", "ROUTE is a method and a path"),
        ("get_sample", "GET /sample", "belongs to no API"),
        ("get_sample", "GET /api/v1/sample", "begin with v1_"),
        ("get_it", "GET /api/me", "is the route of get_me"),
    ],
)
def test_it_rejects_in_a_sentence(copy: Path, name: str, route: str, sentence: str) -> None:
    with pytest.raises(endpoint.Wrong, match=sentence):
        endpoint.parse(name, route, copy)


def test_it_names_what_remains() -> None:
    new = endpoint.parse("get_sample", "GET /api/dataset/{datasetId}/sample", ROOT / "nowhere")

    steps = endpoint.remaining(new)

    assert {
        each
        for each in re.findall(r"(?:layers|tests|functions)/[\w./]*[\w/]", steps)
        if "get_sample" not in each
    }
    assert [
        path
        for path in re.findall(r"((?:layers|tests)/[\w./]*[\w/])", steps)
        if "get_sample" not in path and not (ROOT / path).exists()
    ] == []
    assert "make docs" in steps
    assert len(routes()) > 100
