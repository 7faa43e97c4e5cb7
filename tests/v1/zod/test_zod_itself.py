"""zod itself, in Node, with the recorded cases and with cases that Hypothesis generates."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.v1.zod.cases import NUMBERS, OF_ANY_TYPE, SAFE, URLS, WHOLE, Case, Raw, body, cases
from tests.v1.zod.node import ANSWERS, HERE, Zod, file_text
from tests.v1.zod.test_zod_answers import SCHEMAS, answered

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

SLOW = [
    HealthCheck.too_slow,
    HealthCheck.data_too_large,
    HealthCheck.filter_too_much,
    HealthCheck.large_base_example,
]
pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def zod() -> Iterator[Zod]:
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=HERE, check=True, capture_output=True)
    with Zod() as running:
        yield running


def test_the_recorded_answers_are_zods(zod: Zod) -> None:
    assert ANSWERS.read_text() == file_text([(case, zod.answer(case)) for case in cases()])


NUMBER = st.one_of(
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-3, 3).map(lambda near: SAFE + near),
    st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?", fullmatch=True).map(Raw),
)
TEXT = st.one_of(
    st.text(max_size=20),
    st.builds(lambda text, count: text * count, st.text(min_size=1, max_size=3), st.integers(80, 600)),
)
VALUE = st.one_of(
    st.sampled_from(OF_ANY_TYPE),
    NUMBER,
    TEXT,
    st.booleans(),
    st.none(),
    st.lists(TEXT, max_size=5),
    st.lists(st.one_of(st.none(), st.booleans(), st.integers(), TEXT), max_size=5),
    st.dictionaries(
        st.sampled_from(["length", "a"]),
        st.one_of(st.integers(), st.text(max_size=5), st.none(), st.booleans()),
        max_size=2,
    ),
)
# ASCII, and no generated punycode: Node 20 accepts host names that the URL Standard rejects for their text
# direction or their punycode; we do not.
PIECES = [".", "0x", "255", "%41", "%2e", "[::", "]", ":80", "@", "a"]
HOST = st.lists(st.one_of(st.characters(max_codepoint=0x7F), st.sampled_from(PIECES)), max_size=8)
URL = st.one_of(
    st.sampled_from(URLS),
    st.builds(
        "{}{}{}{}".format,
        st.sampled_from(["http:", "https:", "HTTP:", " http:", ""]),
        st.sampled_from(["//", "/", "", "\\\\", "///"]),
        HOST.map("".join),
        st.text(st.characters(max_codepoint=0x7F), max_size=5).map(lambda text: f"/{text}" if text else ""),
    ),
    st.text(st.characters(max_codepoint=0x7F), max_size=10),
)
KEYS = {
    name: [field.alias or key for key, field in schema.model_fields.items()]
    for name, schema in SCHEMAS.items()
}


def bodies(schema: str) -> SearchStrategy[Case]:
    fields = dict.fromkeys(KEYS[schema], VALUE)
    if schema == "CreateMedia":
        fields["url"] = st.one_of(
            URL, VALUE.filter(lambda value: not isinstance(value, str) or value.isascii())
        )
    partly = st.fixed_dictionaries({}, optional={**fields, "unknown": VALUE, "__proto__": VALUE})
    whole = {key: value for key, value in WHOLE.items() if schema == "CreateMedia"}
    changed = st.one_of(
        *(
            st.builds(lambda key, value: whole | {key: value}, st.just(key), value)
            for key, value in fields.items()
        )
    )
    return st.one_of(partly, changed).map(lambda given: body(schema, given))


PARAMETER = st.one_of(
    st.sampled_from(NUMBERS),
    st.integers().map(str),
    st.floats().map(str),
    st.text(max_size=6),
    st.from_regex(
        r"\s?[+-]?(0[xobXOB])?[0-9a-fA-F]{0,4}\.?[0-9]{0,3}([eE][+-]?[0-9]{0,3})?\s?", fullmatch=True
    ),
    st.sampled_from(["asc", "desc", "all", "image", "createdAt"]),
)
PAIR = st.tuples(st.sampled_from([*KEYS["ListQuery"], "unknown"]), PARAMETER)
QUERIES = st.lists(PAIR, max_size=6).map(lambda pairs: Case("ListQuery", urlencode(pairs)))


@pytest.mark.parametrize("schema", SCHEMAS)
def test_generated_input_is_answered_as_by_zod(zod: Zod, schema: str) -> None:
    @settings(derandomize=True, max_examples=1000, deadline=None, database=None, suppress_health_check=SLOW)
    @given(QUERIES if schema == "ListQuery" else bodies(schema))
    def compare(case: Case) -> None:
        assert answered(case) == zod.answer(case)

    compare()


def test_a_text_is_a_url_where_zod_accepts_it(zod: Zod) -> None:
    @settings(derandomize=True, max_examples=3000, deadline=None, database=None, suppress_health_check=SLOW)
    @given(URL)
    def compare(url: str) -> None:
        case = Case("CreateMedia", json.dumps(WHOLE | {"url": url}))
        assert answered(case) == zod.answer(case)

    compare()
