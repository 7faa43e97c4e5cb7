"""A function has one name everywhere.

Folder sign_part = SignPartFunction = events/sign_part.json = tests/uploads/test_sign_part.py.
"""

from __future__ import annotations

from tests.structure.source_tree import functions
from tools.routes import ROOT


def test_a_resource_is_named_after_its_folder() -> None:
    named = {function.folder: function.resource for function in functions()}

    assert named == {
        folder: "".join(word.capitalize() for word in folder.split("_")) + "Function" for folder in named
    }


def test_the_template_names_all_folders_and_no_others() -> None:
    existing = {file.parent.name for file in ROOT.glob("functions/*/handler.py")}

    assert existing == {function.folder for function in functions()}


def test_every_function_has_its_event_and_every_event_its_function() -> None:
    existing = {file.name for file in ROOT.glob("events/*")}

    assert existing == {f"{function.folder}.json" for function in functions()}


def test_an_endpoint_has_a_test_of_its_name() -> None:
    assert {
        function.folder
        for function in functions()
        if function.routes and not list(ROOT.glob(f"tests/*/test_{function.folder}.py"))
    } == set()
