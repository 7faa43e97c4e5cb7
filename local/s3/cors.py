"""The bucket's CORS rules, applied as S3 applies them.

A response has CORS headers only when a rule allows the origin and the method. A preflight is answered with
200 only when the rule also allows every header that it names. Nothing is reflected that no rule allows.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from local.s3.errors import S3Error

_METHODS = frozenset({"GET", "PUT", "POST", "DELETE", "HEAD"})
_VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"


@dataclass(frozen=True)
class CorsRule:
    """One rule: CloudFormation's `AWS::S3::Bucket CorsRule`. An origin or header may contain one `*`."""

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    max_age: int | None = None  # seconds

    def allows(self, origin: str, method: str, headers: Iterable[str] = ()) -> bool:
        return (
            any(_matches(pattern, origin) for pattern in self.origins)
            and method in self.methods
            and all(any(_matches(pattern.lower(), header) for pattern in self.headers) for header in headers)
        )


def read_cors(file: Path) -> tuple[CorsRule, ...]:
    """Read the rules of a JSON file in the form of CloudFormation's CorsConfiguration.

    Example: `{"CorsRules": [{"AllowedOrigins": ...}]}`.
    """
    return tuple(
        CorsRule(
            tuple(rule.AllowedOrigins),
            tuple(rule.AllowedMethods),
            tuple(rule.AllowedHeaders),
            tuple(rule.ExposedHeaders),
            rule.MaxAge,
        )
        for rule in _Configuration.model_validate(json.loads(file.read_text("utf-8"))).CorsRules
    )


def preflight(rules: Sequence[CorsRule], request: Mapping[str, str]) -> dict[str, str]:
    """The headers of the answer to an OPTIONS request (its headers in lower case).

    Raises S3Error when no rule allows the request.
    """
    origin, method = request.get("origin"), request.get("access-control-request-method")
    if origin is None:
        raise S3Error("BadRequest", "Insufficient information. Origin request header needed.")
    if method not in _METHODS:
        raise S3Error("BadRequest", f"Invalid Access-Control-Request-Method: {method or 'null'}")
    if not rules:
        raise S3Error(
            "AccessForbidden",
            "CORSResponse: CORS is not enabled for this bucket.",
            Method=method,
            ResourceType="OBJECT",
        )

    wanted = [
        name.strip().lower()
        for name in request.get("access-control-request-headers", "").split(",")
        if name.strip()
    ]
    rule = next((rule for rule in rules if rule.allows(origin, method, wanted)), None)
    if rule is None:
        raise S3Error(
            "AccessForbidden",
            "CORSResponse: This CORS request is not allowed. This is usually because the evalution of "
            "Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are "
            "not whitelisted by the resource's CORS spec.",
            Method=method,
            ResourceType="OBJECT",
        )
    return _headers(rule, origin) | ({"access-control-allow-headers": ", ".join(wanted)} if wanted else {})


def response_headers(rules: Sequence[CorsRule], origin: str | None, method: str) -> dict[str, str]:
    """The CORS headers of a response that is no preflight; only `vary` when no rule allows it."""
    if origin is None or not rules:
        return {}
    rule = next((rule for rule in rules if rule.allows(origin, method)), None)
    return {"vary": _VARY} if rule is None else _headers(rule, origin)


def _headers(rule: CorsRule, origin: str) -> dict[str, str]:
    headers = {
        # With credentials a browser does not accept "*". S3 allows credentials exactly where it names the
        # origin.
        **(
            {"access-control-allow-origin": "*"}
            if "*" in rule.origins
            else {"access-control-allow-origin": origin, "access-control-allow-credentials": "true"}
        ),
        "access-control-allow-methods": ", ".join(rule.methods),
        "vary": _VARY,
    }
    if rule.exposed:
        headers["access-control-expose-headers"] = ", ".join(rule.exposed)
    if rule.max_age is not None:
        headers["access-control-max-age"] = str(rule.max_age)
    return headers


def _matches(pattern: str, text: str) -> bool:
    return re.fullmatch(".*".join(re.escape(piece) for piece in pattern.split("*")), text) is not None


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid")

    Id: str = ""
    AllowedOrigins: list[str] = Field(min_length=1)
    AllowedMethods: list[str] = Field(min_length=1)
    AllowedHeaders: list[str] = []
    ExposedHeaders: list[str] = []
    MaxAge: int | None = None


class _Configuration(BaseModel):
    model_config = ConfigDict(extra="forbid")

    CorsRules: list[_Rule]
