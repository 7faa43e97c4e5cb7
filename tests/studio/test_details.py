"""The errors of Studio and the upload protocol for wrong input: each wrong field, with a sentence of ours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field
from pydantic_core import from_json

from functions.create_collection.handler import Body as NewCollection
from functions.create_folder.handler import Body as NewFolder
from tests.given.loops import call
from tests.v1.zod.cases import OF_ANY_TYPE
from tools.openapi import operations
from vitrine.dialects.formats import Input
from vitrine.dialects.studio import STUDIO
from vitrine.dialects.studio.browse import BrowseQuery
from vitrine.dialects.studio.links import LinkQuery
from vitrine.dialects.uploads import UPLOADS, BatchQuery, Finished, Key, NewMultipart, NewPost, PartQuery
from vitrine.errors import Invalid
from vitrine.http.endpoint import Request, endpoint

if TYPE_CHECKING:
    from vitrine.models.people import Nobody

ID = "0" * 32
NOT_AN_ID = "Must be an id of 32 hexadecimal digits, hyphens allowed"
SIZE = 2**63 - 1
PART = {"PartNumber": 1, "ETag": '"e"'}
ALGORITHMS = "Must be one of CRC64NVME, CRC32C, SHA256"
FORM = "Is not in the right form"


def errors_of(model: type[BaseModel], given: object) -> dict[str, str]:
    """Return the sentence of each wrong field; {} where the input is valid."""
    try:
        (UPLOADS if model.__module__.endswith("dialects.uploads") else STUDIO).read_body(model, given)
    except Invalid as rejected:
        return {".".join(map(str, issue.path)): issue.message for issue in rejected.issues}
    return {}


@pytest.mark.parametrize("model", [NewCollection, NewFolder, NewMultipart, Finished, Key])
@pytest.mark.parametrize("given", [None, [], [{}], "text", 1, True], ids=repr)
def test_a_body_is_an_object(model: type[BaseModel], given: object) -> None:
    assert errors_of(model, given) == {"": "Must be an object"}


@pytest.mark.parametrize(
    ("model", "given", "issues"),
    [
        (NewCollection, {}, {"name": "Required"}),
        (NewCollection, {"name": None}, {"name": "Must be a string"}),
        (NewCollection, {"name": ["a"], "icon": 5}, {"name": "Must be a string", "icon": "Must be a string"}),
        (NewCollection, {"name": "n", "icon": None, "unknown": [{}]}, {}),
        (NewFolder, {}, {"datasetId": "Required", "name": "Required"}),
        (NewFolder, {"datasetId": ID[1:], "name": "n"}, {"datasetId": NOT_AN_ID}),
        (NewFolder, {"datasetId": ID + "0", "name": "n"}, {"datasetId": NOT_AN_ID}),
        (NewFolder, {"datasetId": None, "name": "n"}, {"datasetId": NOT_AN_ID}),
        (NewFolder, {"datasetId": [ID], "name": "n"}, {"datasetId": NOT_AN_ID}),
        (
            NewFolder,
            {"datasetId": ID, "name": "n", "path": 1, "reuse": "perhaps"},
            {"path": "Must be a string", "reuse": "Must be true or false"},
        ),
        (NewFolder, {"datasetId": ID, "name": "n", "reuse": None}, {"reuse": "Must be true or false"}),
        (NewFolder, {"datasetId": ID, "name": "n", "reuse": []}, {"reuse": "Must be true or false"}),
        (BrowseQuery, {"limit": "0"}, {"limit": "Must be 1 or more"}),
        (BrowseQuery, {"limit": "1"}, {}),
        (BrowseQuery, {"limit": "1000"}, {}),
        (BrowseQuery, {"limit": "1001"}, {"limit": "Must be 1000 or less"}),
        (BrowseQuery, {"limit": "1.5"}, {"limit": "Must be a whole number"}),
        (BrowseQuery, {"limit": "NaN"}, {"limit": "Must be a whole number"}),
        (BrowseQuery, {"limit": "Infinity"}, {"limit": "Must be a whole number"}),
        (BrowseQuery, {"limit": "1e3"}, {"limit": "Must be a whole number"}),
        (BrowseQuery, {"limit": "0x10"}, {"limit": "Must be a whole number"}),
        (BrowseQuery, {"limit": "٥"}, {"limit": "Must be a whole number"}),
        (BrowseQuery, {"limit": "9" * 30}, {"limit": "Must be 1000 or less"}),
        (BrowseQuery, {"limit": "9" * 5000}, {"limit": "Must be a smaller number"}),
        (BrowseQuery, {"offset": "-1"}, {"offset": "Must be 0 or more"}),
        (BrowseQuery, {"offset": "9007199254740991"}, {}),
        (BrowseQuery, {"offset": "9007199254740992"}, {"offset": "Must be 9007199254740991 or less"}),
        (BrowseQuery, {"type": "audio"}, {"type": "Must be one of image, video, folder, all"}),
        (BrowseQuery, {"sortDirection": "ASC"}, {"sortDirection": "Must be one of asc, desc"}),
        (
            BrowseQuery,
            {"limit": "x", "offset": "y", "type": "z", "sortBy": "size", "unknown": "1"},
            {
                "limit": "Must be a whole number",
                "offset": "Must be a whole number",
                "type": "Must be one of image, video, folder, all",
                "sortBy": "Must be one of name, createdAt, type, description, prompt, takenAt, sizeBytes",
            },
        ),
        (
            LinkQuery,
            {"size": "huge", "original": "maybe"},
            {"size": "Must be one of frame, thumbnail", "original": "Must be true or false"},
        ),
        (NewMultipart, {}, {"filename": "Required"}),
        (
            NewMultipart,
            {"filename": "f", "type": "null", "metadata": None, "size": "", "checksum": "null"},
            {},
        ),
        (NewMultipart, {"filename": "f", "metadata": []}, {"metadata": "Must be an object"}),
        (
            NewMultipart,
            {"filename": "f", "metadata": "x", "checksum": 1},
            {"metadata": "Must be an object", "checksum": "Must be an object"},
        ),
        (NewMultipart, {"filename": "f", "size": SIZE, "partSize": SIZE}, {}),
        (NewMultipart, {"filename": "f", "size": SIZE + 1}, {"size": f"Must be {SIZE} or less"}),
        (
            NewMultipart,
            {"filename": "f", "partSize": 10**400},
            {"partSize": f"Must be {SIZE} or less"},
        ),
        (
            NewMultipart,
            {"filename": "f", "size": float("inf")},
            {"size": "Must be a finite number"},
        ),
        (NewMultipart, {"filename": "f", "size": 1.5}, {"size": "Must be a whole number"}),
        (NewMultipart, {"filename": "f", "size": {}}, {"size": "Must be a whole number"}),
        (
            NewMultipart,
            {
                "filename": "f",
                "metadata": {"title": "t" * 255, "alt": "a" * 500, "caption": "\U0001f600" * 1000},
            },
            {},
        ),
        (
            NewMultipart,
            {
                "filename": "f",
                "metadata": {
                    "title": "t" * 256,
                    "alt": "a" * 501,
                    "caption": "\U0001f600" * 1001,
                    "datasetId": 5,
                    "size": "many",
                },
            },
            {
                "metadata.title": "Must have at most 255 characters",
                "metadata.alt": "Must have at most 500 characters",
                "metadata.caption": "Must have at most 1000 characters",
                "metadata.datasetId": NOT_AN_ID,
                "metadata.size": "Must be a whole number",
            },
        ),
        (
            NewMultipart,
            {"filename": "f", "checksum": {}},
            {"checksum.algorithm": "Required", "checksum.value": "Required"},
        ),
        (
            NewMultipart,
            {"filename": "f", "checksum": {"algorithm": "MD5", "value": "?"}},
            {"checksum.algorithm": ALGORITHMS, "checksum.value": FORM},
        ),
        (
            NewMultipart,
            {"filename": "f", "checksum": {"algorithm": None, "value": "A" * 89}},
            {"checksum.algorithm": ALGORITHMS, "checksum.value": "Must have at most 88 characters"},
        ),
        (
            NewPost,
            {"metadata": {"organizationId": "x"}},
            {"filename": "Required", "metadata.organizationId": NOT_AN_ID},
        ),
        (Key, {"key": ""}, {"key": "Must have at least 1 character"}),
        (Key, {"key": "k" * 1024}, {}),
        (Key, {"key": "k" * 1025}, {"key": "Must have at most 1024 characters"}),
        (
            PartQuery,
            {"key": "k", "size": "x", "checksum": "x"},
            {"size": "Must be a whole number", "checksum": FORM},
        ),
        (
            BatchQuery,
            {"key": "k", "partNumbers": "1" * 1001},
            {"partNumbers": "Must have at most 1000 characters"},
        ),
        (Finished, {}, {}),
        (Finished, {"parts": None}, {"parts": "Must be an array"}),
        (Finished, {"parts": {"0": PART}}, {"parts": "Must be an array"}),
        (Finished, {"parts": [PART] * 10_000}, {}),
        (Finished, {"parts": [PART] * 10_001}, {"parts": "Must have at most 10000 elements"}),
        (
            Finished,
            {
                "parts": [
                    PART,
                    {},
                    {"PartNumber": 0, "ETag": ""},
                    {"PartNumber": 10_001, "ETag": "e" * 201},
                    [],
                    None,
                ]
            },
            {
                "parts.1.PartNumber": "Required",
                "parts.1.ETag": "Required",
                "parts.2.PartNumber": "Must be 1 or more",
                "parts.2.ETag": "Must have at least 1 character",
                "parts.3.PartNumber": "Must be 10000 or less",
                "parts.3.ETag": "Must have at most 200 characters",
                "parts.4": "Must be an object",
                "parts.5": "Must be an object",
            },
        ),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_every_wrong_field_has_a_sentence(
    model: type[BaseModel], given: object, issues: dict[str, str]
) -> None:
    assert errors_of(model, given) == issues


SPECS = [operation.spec for operation in operations() if not operation.path.startswith("/api/v1/")]
MODELS = {
    f"{model.__module__}.{model.__name__}": model
    for spec in SPECS
    for model in (spec.body, spec.query)
    if model
}
WORDS = re.compile(r"Required|Must (be|have) [^'{}]*|Is not in the right form")


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_no_input_is_answered_with_a_sentence_of_pydantics(model: type[BaseModel]) -> None:
    for name, field in model.model_fields.items():
        for value in OF_ANY_TYPE:
            for given in (
                from_json(value.text),
                [from_json(value.text)],
                {"datasetId": from_json(value.text), "PartNumber": [1]},
            ):
                assert [
                    message
                    for message in errors_of(model, {field.alias or name: given}).values()
                    if not WORDS.fullmatch(message)
                ] == []


class Foreseeable(Input):
    """Types of fields that no model has yet."""

    score: Annotated[float, Field(ge=0, lt=1)] = 0
    names: list[Annotated[str, Field(min_length=2)]] = Field(default_factory=list, min_length=1, max_length=1)
    tags: dict[str, list[str]] = Field(default_factory=dict)
    kind: Literal["one"] = "one"
    free: dict[str, Any] = Field(default_factory=dict)


@pytest.mark.parametrize(
    ("given", "issues"),
    [
        ({"score": "NaN"}, {"score": "Must be a finite number"}),
        ({"score": "-Infinity"}, {"score": "Must be a finite number"}),
        ({"score": float("inf")}, {"score": "Must be a finite number"}),
        ({"score": 1}, {"score": "Must be less than 1"}),
        ({"score": None}, {"score": "Must be a number"}),
        ({"score": "high"}, {"score": "Must be a number"}),
        ({"score": -1}, {"score": "Must be 0 or more"}),
        ({"names": []}, {"names": "Must have at least 1 element"}),
        ({"names": ["ab", "cd"]}, {"names": "Must have at most 1 element"}),
        ({"names": ["a"]}, {"names.0": "Must have at least 2 characters"}),
        ({"tags": {"color": "red"}}, {"tags.color": "Must be an array"}),
        ({"tags": []}, {"tags": "Must be an object"}),
        ({"kind": "two"}, {"kind": "Must be one"}),
    ],
)
def test_types_that_no_model_has_yet_have_sentences(given: object, issues: dict[str, str]) -> None:
    assert errors_of(Foreseeable, given) == issues


@pytest.mark.parametrize("free", [b"1e999", b"[-1e999]", b'{"deep": [[{"er": 1e400}]]}'])
def test_a_number_beyond_a_double_is_rejected(free: bytes) -> None:
    @endpoint(STUDIO, public=True, body=Foreseeable, returns=dict)
    def app(request: Request[Foreseeable], _: Nobody) -> dict[str, Any]:
        """POST /api/free - the field as it was sent."""
        return request.body().free

    answer = call(app, "POST", "/api/free", content=b'{"free": {"x": ' + free + b"}}")

    assert (answer.status_code, answer.json()) == (
        400,
        {"error": "A number is too large to be kept", "code": "invalid"},
    )
