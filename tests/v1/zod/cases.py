"""The inputs that zod was given: for each schema the text of a body, or a query as in a URL.

`node.py` has its answers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlencode

SAFE = 2**53 - 1
WHOLE = {"url": "https://example.org/a.jpg", "filename": "a.jpg", "fileSize": 1, "mimeType": "image/jpeg"}


class Case(NamedTuple):
    schema: str
    input: str


class Raw(NamedTuple):
    """JSON text that is used unchanged."""

    text: str


NOT_OBJECTS = ["null", "true", "0", "-0", "1e999", '"text"', '""', "[]", "[{}]", '["tagId"]']
OF_ANY_TYPE = [
    Raw(text)
    for text in (
        "null",
        "true",
        "false",
        "0",
        "-0",
        "-0.0",
        "1",
        "1.0",
        "1e0",
        "10e-1",
        "1.5",
        "-1",
        "-1.5",
        "-1e-400",
        "1e-400",
        "1e21",
        "1e999",
        "-1e999",
        "9007199254740991",
        "9007199254740992",
        "9007199254740993",
        "-9007199254740991",
        "-9007199254740992",
        "9007199254740991.4",
        "1" + "0" * 400,
        "-1" + "0" * 400,
        '""',
        '" "',
        '"1"',
        '"NaN"',
        '"Infinity"',
        '"\\u0041"',
        "[]",
        "[null]",
        '["a"]',
        "[[]]",
        "{}",
        '{"a": 1}',
        '{"length": 0}',
        '{"length": 2000}',
        '{"length": null}',
        '{"length": false}',
        '{"length": "0x10"}',
        '{"length": "long"}',
        '{"length": [[2000]]}',
        '{"length": [1, 2]}',
        '{"length": [true]}',
        '{"length": []}',
        '{"length": {}}',
        '{"length": 1e999}',
        '{"constructor": {"name": "x"}}',
        '{"__proto__": {"length": 2000}}',
    )
]
TEXTS = ["a", "é", "\U0001f600", "e\u0301", "\u2028", "\u007f", "\U0001f468\u200d\U0001f469\u200d\U0001f467"]
URLS = [
    "http://a",
    "HTTPS://EXAMPLE.ORG",
    "http:a.b",
    "http:/a",
    "https:\\\\a",
    "http:///a",
    "http://",
    "http:",
    "http",
    "",
    " ",
    "//a.b/c",
    "/uploads/x.jpg",
    "a.b/c",
    "ftp://a.b",
    "javascript:alert(1)",
    "data:,x",
    "file:///etc/passwd",
    "mailto:a@b",
    "blob:http://a/b",
    "ws://a",
    "httpss://a",
    "http//a",
    " http://a.b/c ",
    "\u00a0\ufeffhttp://a.b\u2028",
    "\u0085http://a.b",
    "\u200bhttp://a.b",
    "\u001chttp://a.b",
    "ht\ntp://a.b",
    "http://a.b/c d",
    "http://a b/",
    "http://a.b:80",
    "http://a.b:",
    "http://a.b:65535",
    "http://a.b:65536",
    "http://a.b:x",
    "http://:80",
    "http://u@",
    "http://u:p@a.b",
    "http://a@b@c",
    "http://a..b",
    "http://.",
    "http://-a-",
    "http://a_b",
    "http://a%20b",
    "http://a%41b",
    "http://a%00b",
    "http://a%zz",
    "http://a<b",
    "http://a|b",
    "http://a^b",
    "http://a\\b",
    "http://a[b",
    "http://[::1]",
    "http://[::1",
    "http://[1::2::3]",
    "http://[::ffff:1.2.3.4]",
    "http://[fe80::1%25eth0]",
    "http://1.2.3.4",
    "http://1.2.3.4.5",
    "http://1.2.3.256",
    "http://256",
    "http://4294967296",
    "http://0x7f.1",
    "http://08",
    "http://1.2.3.4.",
    "http://1.0x",
    "http://a.0x",
    "http://a.1",
    "http://ß.de",
    "http://日本.jp",
    "http://\u00ad",
    "http://a\u00adb",
    "http://xn--a",
    "http://xn--zca.de",
    "http://xn--",
    "http://\uff41.b",
    "http://a\u3002b",
    "http://\u2460.b",
    "http://" + "a" * 64 + ".b",
    "http://" + "a." * 150,
    "http://a.b/" + "c" * 300,
    "http://a.b?c#d",
    "http://a.b/%",
    "http://a.b/\U0001f600",
    "http://localhost",
    "http://169.254.169.254/",
    "http://a.b/" + "c" * 2037,
    "http://a.b/" + "c" * 2038,
    " http://a.b/" + "c" * 2037,
    "x" * 2049,
]


def cases() -> list[Case]:
    """Each once, in order."""
    return list(dict.fromkeys([*bodies(), *(Case("ListQuery", query) for query in queries())]))


def bodies() -> Iterator[Case]:
    for schema in ("CreateMedia", "UpdateMedia", "AddTag", "SetTags"):
        for text in (
            *NOT_OBJECTS,
            "{}",
            '{"unknown": [{}]}',
            '{"__proto__": {"title": 1, "tagId": "a"}, "constructor": 1}',
        ):
            yield Case(schema, text)

    for change in (
        *changes("title", 255, TEXTS),
        *changes("alt", 500, TEXTS[:3]),
        *changes("caption", 1000, TEXTS[:3]),
    ):
        yield body("UpdateMedia", change)
    for change in (
        *changes("title", 255, TEXTS[:3]),
        *changes("filename", 255, TEXTS[:3]),
        *changes("caption", 1000, []),
    ):
        yield body("CreateMedia", WHOLE | change)
    for name in WHOLE:
        yield body("CreateMedia", {key: value for key, value in WHOLE.items() if key != name})
    for change in (
        {"mimeType": "m" * 255},
        {"mimeType": "m" * 256},
        {"width": 2**31 - 1, "height": 2**31},
        {"width": 2**53},
    ):
        yield body("CreateMedia", WHOLE | change)
    for name in ("url", "fileSize", "mimeType", "width", "height", "import"):
        for value in OF_ANY_TYPE:
            yield body("CreateMedia", WHOLE | {name: value})
    for url in URLS:
        yield body("CreateMedia", WHOLE | {"url": url})
    yield body(
        "CreateMedia", WHOLE | {"id": "x", "teamId": "y", "userId": 1, "status": "deleted", "length": 5}
    )
    yield body(
        "CreateMedia",
        {
            "title": "t" * 256,
            "fileSize": -SAFE - 1,
            "width": 1.5,
            "height": 0,
            "import": "yes",
            "filename": "",
            "url": "x",
        },
    )
    yield body(
        "CreateMedia",
        {
            "import": None,
            "caption": [],
            "alt": {},
            "title": 0,
            "height": "",
            "width": True,
            "mimeType": "",
            "fileSize": "1",
        },
    )
    yield Case("UpdateMedia", '{"title": 1, "title": "the last counts", "alt": "a", "alt": 2}')
    yield Case("UpdateMedia", ' \t\r\n{ "caption" : "\\ud83d\\ude00\\n\\"\\\\\\/" } \n')

    for tag in (*OF_ANY_TYPE, *TEXTS):
        yield body("AddTag", {"tagId": tag})
        yield body("SetTags", {"tagIds": tag})
        yield body("SetTags", {"tagIds": Raw(f'["a", {to_json(tag)}]')})
    for text in ("a" * 100, "a" * 101, "\U0001f600" * 50, "\U0001f600" * 51):
        yield body("AddTag", {"tagId": text})
        yield body("SetTags", {"tagIds": ["a", text]})
    for tags in (["a"] * 500, ["a"] * 501, [*["a"] * 501, 1], [""] * 2):
        yield body("SetTags", {"tagIds": tags})
    yield body("SetTags", {"tagIds": ["", "a", None, "", 1, [], ["", ""], {}, False, "b", "b"]})


def changes(name: str, most: int, texts: list[str]) -> Iterator[dict[str, Any]]:
    """Yield values for a text with a limit: other types, and each text repeated to just below, at and above
    the limit.
    """
    for value in OF_ANY_TYPE:
        yield {name: value}
    for text in texts:
        units = len(text.encode("utf-16-le")) // 2
        for count in (1, most // units - 1, most // units, most // units + 1, most):
            yield {name: text * count}
    for count in (most, most + 1):
        yield {name: ["a"] * count}
        yield {name: {"length": count}}


def body(schema: str, fields: dict[str, Any]) -> Case:
    return Case(
        schema, "{" + ", ".join(f'"{name}": {to_json(value)}' for name, value in fields.items()) + "}"
    )


def to_json(value: object) -> str:
    return value.text if isinstance(value, Raw) else json.dumps(value, ensure_ascii=False)


NUMBERS = [
    "",
    " ",
    "\u00a0\ufeff\u2028",
    "\u0085",
    "\u200b",
    "\u180e",
    "\u001c",
    "0",
    "-0",
    "+0",
    "1",
    "01",
    "+1",
    "-1",
    "--1",
    "1.0",
    "1.",
    ".5",
    ".",
    "1.5",
    "99",
    "100",
    "101",
    "1e1",
    "1E2",
    "1e-1",
    "10e-1",
    "1e",
    "e1",
    "1e+2",
    "0x10",
    "0X1f",
    "0x",
    "-0x10",
    "0x1.8",
    "0b101",
    "0B2",
    "0o17",
    "0o8",
    "017",
    "1_000",
    "1,5",
    "1 0",
    " 5 ",
    "\n5\t",
    "5n",
    "5px",
    "NaN",
    "nan",
    "Infinity",
    "-Infinity",
    "+Infinity",
    "infinity",
    "inf",
    "INF",
    "1e308",
    "1e309",
    "-1e309",
    "1e-400",
    "9007199254740991",
    "9007199254740992",
    "9007199254740993",
    "-9007199254740991",
    "-9007199254740992",
    "9" * 400,
    "0x" + "f" * 256,
    "0x8" + "0" * 255,
    "0x1fffffffffffff",
    "0x20000000000000",
    "0b1" + "0" * 1024,
    "٥",
    "５",
    "½",
    "true",
    "null",
    "undefined",
    "[]",
    "[5]",
    "\U0001f600",
]


AS_THEY_STAND = [
    "",
    "unknown=1",
    "status=deleted&limit=5",
    "limit",
    "offset",
    "limit=&offset=",
    "limit=1&limit=x",
    "limit=x&limit=1",
    "__proto__=1&constructor=2",
    "limit=+5+",
    "limit=%205%20",
    "limit=%ff",
    "limit=5;offset=x",
    "limit=5&&offset=1",
    "=5",
    "limit==5",
    "search=%e2%82",
    "search=a+b%2Bc",
    "tagIds=,,a",
]
CHOICES = [
    "",
    " ",
    "asc",
    "desc",
    "DESC",
    "createdAt",
    "createdat",
    "filename",
    "fileSize",
    "image",
    "video",
    "all",
    "pdf",
    " all",
    "a\U0001f600",
]


def queries() -> Iterator[str]:
    yield from AS_THEY_STAND
    for name in ("limit", "offset"):
        for text in NUMBERS:
            yield urlencode({name: text})
    for name in ("orderBy", "orderDir", "type"):
        for text in CHOICES:
            yield urlencode({name: text})
    for name in ("search", "tagIds", "tagSlugs"):
        for text in ("", " a ", "%", "a,b", "\U0001f600", "x" * 200):
            yield urlencode({name: text})
    yield urlencode(
        {"type": "pdf", "orderDir": "UP", "orderBy": "", "offset": "-1", "limit": "0", "search": "s"}
    )
    yield urlencode({"limit": "1e300", "offset": "-1e300", "orderDir": "asc"})
