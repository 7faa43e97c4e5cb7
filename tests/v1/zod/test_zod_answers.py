"""v1's bodies and queries against zod 4.3's answers to the same input: byte for byte, with errors as the API
sends them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from pydantic import Field, create_model
from pydantic_core import from_json, to_json
from starlette.datastructures import QueryParams

from tests.given.loops import call
from tests.v1.zod.cases import cases
from tests.v1.zod.node import recorded
from tools.openapi import operations
from vitrine.dialects.formats import Input
from vitrine.dialects.v1 import V1
from vitrine.dialects.v1.media import CreateMedia, ListQuery, UpdateMedia
from vitrine.dialects.v1.tags import AddTag, SetTags
from vitrine.dialects.v1.zod import MAX_ISSUES, Mismatch, Schema
from vitrine.http.endpoint import Endpoint, Request, endpoint

if TYPE_CHECKING:
    from tests.v1.zod.cases import Case
    from vitrine.models.people import Nobody

SCHEMAS = {schema.__name__: schema for schema in (CreateMedia, UpdateMedia, AddTag, SetTags, ListQuery)}
ANSWERS = recorded()


def answered(case: Case) -> str:
    """Return our answer in the format of zod's."""
    schema = SCHEMAS[case.schema]
    try:
        read = (
            V1.read_query(schema, dict(QueryParams(case.input)))
            if schema is ListQuery
            else V1.read_body(schema, from_json(case.input))
        )
    except Mismatch as rejected:
        return to_json({"issues": rejected.zod}).decode()
    return to_json({"data": read.model_dump(by_alias=True, exclude_unset=True)}).decode()


def echo(schema: type[Any]) -> Endpoint:
    query = schema is ListQuery

    @endpoint(V1, public=True, body=None if query else schema, query=schema if query else None, returns=dict)
    def app(request: Request[Any, Any], _: Nobody) -> dict[str, Any]:
        """POST /api/v1/validated - the validated input."""
        read = request.query() if query else request.body()
        validated: dict[str, Any] = read.model_dump(by_alias=True, exclude_unset=True)
        return validated

    return app


APPS = {name: echo(schema) for name, schema in SCHEMAS.items()}


def test_every_case_has_its_answer() -> None:
    assert [case for case, _ in ANSWERS] == cases()


@pytest.mark.parametrize("schema", SCHEMAS)
def test_input_is_accepted_and_rejected_as_by_zod(schema: str) -> None:
    asked = [(case, answer) for case, answer in ANSWERS if case.schema == schema]

    unlike = [(case.input, answered(case), answer) for case, answer in asked if answered(case) != answer]

    assert unlike == []
    assert {answer[:6] for _, answer in asked} == {'{"data', '{"issu'}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_the_answer_over_http_has_the_same_bytes(schema: str) -> None:
    """One case for each set of issues. Cases that differ only in paths and values were compared above."""
    asked = {
        "".join(
            f"{issue['code']} {issue['path']} {issue.get('received')};"
            for issue in json.loads(answer).get("issues", [])
        ): (case, answer)
        for case, answer in ANSWERS
        if case.schema == schema
    }.values()

    for case, answer in asked:
        if schema == "ListQuery":
            answered = call(APPS[schema], "POST", f"/api/v1/validated?{case.input}")
        else:
            answered = call(APPS[schema], "POST", "/api/v1/validated", content=case.input.encode())
        expected = (
            '{"success":false,"error":"Validation failed","code":"HTTP_400","details":{"errors":'
            + answer[len('{"issues":') : -1]
            + '},"info":'
        )
        assert answered.text.startswith(
            answer[len('{"data":') : -1] if answered.status_code == 200 else expected
        ), (
            case,
            answered.text,
        )


def test_fields_that_were_sent_are_distinguished_from_absent_ones() -> None:
    assert V1.read_body(UpdateMedia, {"alt": None, "status": "deleted"}).model_fields_set == {"alt"}
    assert V1.read_body(UpdateMedia, {}).model_fields_set == set()


def test_an_absent_field_has_its_default() -> None:
    whole = V1.read_body(
        CreateMedia, {"url": " http://a ", "filename": "a", "fileSize": 1.0, "mimeType": "b"}
    )
    listed = V1.read_query(ListQuery, {})

    assert whole.model_dump() == {
        "url": "http://a",
        "filename": "a",
        "fileSize": 1,
        "mimeType": "b",
        "width": None,
        "height": None,
        "title": None,
        "alt": None,
        "caption": None,
        "import_": False,
    }
    assert listed.model_dump() == {
        "limit": 20,
        "offset": 0,
        "orderBy": "createdAt",
        "orderDir": "desc",
        "type": "all",
        "search": "",
        "tagIds": "",
        "tagSlugs": "",
    }


def test_a_list_of_a_million_wrong_elements_is_not_answered_with_a_million_issues() -> None:
    with pytest.raises(Mismatch) as rejected:
        V1.read_body(SetTags, {"tagIds": [1] * 1_000_000})

    assert len(rejected.value.zod) == MAX_ISSUES + 1  # and the issue that the list is too long


def test_a_model_that_is_not_a_schema_is_not_read() -> None:
    with pytest.raises(TypeError, match="not a Schema"):
        V1.read_body(Input, {})


def test_all_bodies_and_queries_of_v1_are_schemas() -> None:
    models = [
        model
        for operation in operations()
        if operation.path.startswith("/api/v1/")
        for model in (operation.spec.body, operation.spec.query)
    ]

    assert [model for model in models if model is not None and not issubclass(model, Schema)] == []


@pytest.mark.parametrize(
    "field",
    [float, dict[str, str], tuple[int, ...], Annotated[int, Field(lt=5)], Annotated[str, Field(pattern="a")]],
)
def test_a_field_without_a_known_validator_of_zod_is_an_internal_error(field: Any) -> None:
    unknown = create_model("Unknown", __base__=Schema, field=(field, ...))

    with pytest.raises(TypeError, match="of zod is known"):
        unknown.read({})
