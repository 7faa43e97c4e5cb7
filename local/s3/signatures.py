"""Verification of AWS Signature Version 4: in the Authorization header, in a presigned URL, over a POST
policy.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import reduce
from urllib.parse import quote, unquote_to_bytes

from local.s3.errors import S3Error

UNSIGNED = "UNSIGNED-PAYLOAD"
CHUNKED = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

_ALGORITHM = "AWS4-HMAC-SHA256"
_MAX_SKEW = 15 * 60  # seconds between the client's clock and ours
_MAX_EXPIRES = 7 * 24 * 3600  # seconds, of a presigned URL
_QUERY = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
    "X-Amz-Expires",
)


@dataclass(frozen=True)
class Credentials:
    """The one key pair, which may do everything. With a session token, every request must have it."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class SignedRequest:
    """The parts of a request that are signed."""

    method: str
    path: bytes  # as sent, percent-encoded
    query: tuple[tuple[str, str], ...]  # decoded
    headers: tuple[tuple[str, str], ...]  # names in lower case

    def header(self, name: str) -> str | None:
        """The header's value; several of one name are joined with commas. None: it was not sent."""
        values = [" ".join(value.split()) for sent, value in self.headers if sent == name]
        return ",".join(values) if values else None


@dataclass(frozen=True)
class Verifier:
    """Verifies signatures. Every method raises S3Error where S3 would reject the request."""

    credentials: Credentials
    region: str
    clock: Callable[[], float]  # seconds since 1970

    def verify(self, request: SignedRequest) -> str:
        """Verify the request. Returns the signed x-amz-content-sha256: a hex SHA-256, UNSIGNED or CHUNKED."""
        query = dict(request.query)
        authorization = request.header("authorization")
        presigned = any(name in query for name in _QUERY)
        if presigned and authorization is not None:
            raise S3Error(
                "InvalidArgument",
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query "
                "string parameter or the Authorization header should be specified",
                ArgumentName="Authorization",
                ArgumentValue=authorization,
            )
        if presigned:
            return self._verify_url(request, query)
        if authorization is not None:
            return self._verify_header(request, authorization)
        raise S3Error("AccessDenied")

    def verify_policy(self, fields: Mapping[str, str]) -> None:
        """Verify the signature of a form's policy. policy.py checks the policy's conditions."""
        if fields.get("x-amz-algorithm") != _ALGORITHM:
            raise S3Error(
                "InvalidArgument", f"Only {_ALGORITHM} is supported", ArgumentName="x-amz-algorithm"
            )
        scope = self._scope(fields.get("x-amz-credential", ""), "InvalidArgument", "x-amz-credential")
        date = _parse_time(fields.get("x-amz-date", ""))
        if date is None or not fields["x-amz-date"].startswith(scope.day):
            raise S3Error("AccessDenied", "Invalid according to Policy: Policy Condition failed: x-amz-date")
        self._check_token(fields.get("x-amz-security-token"))
        self._compare(scope, fields["policy"], fields.get("x-amz-signature", ""))

    def _verify_url(self, request: SignedRequest, query: Mapping[str, str]) -> str:
        if not all(name in query for name in _QUERY):
            raise S3Error("AuthorizationQueryParametersError")
        if query["X-Amz-Algorithm"] != _ALGORITHM:
            raise S3Error(
                "AuthorizationQueryParametersError", f'X-Amz-Algorithm only supports "{_ALGORITHM}"'
            )
        scope = self._scope(
            query["X-Amz-Credential"], "AuthorizationQueryParametersError", "X-Amz-Credential"
        )
        date = _parse_time(query["X-Amz-Date"])
        if date is None or not query["X-Amz-Date"].startswith(scope.day):
            raise S3Error(
                "AuthorizationQueryParametersError",
                "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"",
            )
        self._check_window(date, _lifetime(query["X-Amz-Expires"]))
        self._check_token(query.get("X-Amz-Security-Token"))
        # as in S3, only x-amz-content-sha256 may be unsigned
        signed = self._signed_headers(request, query["X-Amz-SignedHeaders"], exempt={"x-amz-content-sha256"})

        sent = (
            request.header("x-amz-content-sha256")
            if "x-amz-content-sha256" in signed
            else query.get("X-Amz-Content-Sha256")
        )
        payload = UNSIGNED if sent is None else _payload(sent)
        rest = [(name, value) for name, value in request.query if name != "X-Amz-Signature"]
        self._compare_request(
            request, scope, query["X-Amz-Date"], rest, signed, payload, query["X-Amz-Signature"]
        )
        return payload

    def _verify_header(self, request: SignedRequest, authorization: str) -> str:
        match = re.fullmatch(
            rf"{_ALGORITHM} *Credential=([^, ]+),? *SignedHeaders=([^, ]+),? *Signature=([^, ]+)",
            authorization,
        )
        if match is None:
            raise S3Error("AuthorizationHeaderMalformed")
        credential, names, signature = match.groups()
        scope = self._scope(credential, "AuthorizationHeaderMalformed", "Credential")
        sent = request.header("x-amz-date") or ""
        date = _parse_time(sent)
        if date is None or not sent.startswith(scope.day):
            raise S3Error("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")
        if abs(self.clock() - date) > _MAX_SKEW:
            raise S3Error(
                "RequestTimeTooSkewed",
                RequestTime=sent,
                ServerTime=_iso(self.clock()),
                MaxAllowedSkewMilliseconds=_MAX_SKEW * 1000,
            )
        self._check_token(request.header("x-amz-security-token"))
        signed = self._signed_headers(request, names)

        payload = request.header("x-amz-content-sha256")
        if payload is None:
            raise S3Error("InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
        payload = _payload(payload)
        self._compare_request(request, scope, sent, request.query, signed, payload, signature)
        return payload

    def _scope(self, credential: str, code: str, where: str) -> "_Scope":
        pieces = credential.split("/")
        if len(pieces) != 5 or pieces[4] != "aws4_request" or not re.fullmatch(r"\d{8}", pieces[1]):
            raise S3Error(
                code,
                f"Error parsing the {where} parameter; expecting "
                '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
            )
        access_key, day, region, service, _ = pieces
        if region != self.region:
            raise S3Error(
                code,
                f"Error parsing the {where} parameter; the region '{region}' is wrong; expecting "
                f"'{self.region}'",
                Region=self.region,
            )
        if service != "s3":
            raise S3Error(
                code,
                f'Error parsing the {where} parameter; incorrect service "{service}". This endpoint belongs '
                'to "s3".',
            )
        if not hmac.compare_digest(access_key.encode(), self.credentials.access_key.encode()):
            raise S3Error("InvalidAccessKeyId", AWSAccessKeyId=access_key)
        return _Scope(access_key, day, region)

    def _check_token(self, token: str | None) -> None:
        expected = self.credentials.session_token
        if expected is None and token is None:
            return
        if token is None:  # to S3 a temporary key without its token is unknown
            raise S3Error("InvalidAccessKeyId", AWSAccessKeyId=self.credentials.access_key)
        if expected is None or not hmac.compare_digest(token.encode(), expected.encode()):
            raise S3Error("InvalidToken")

    def _check_window(self, date: float, lifetime: int) -> None:
        now = self.clock()
        if now < date - _MAX_SKEW:
            raise S3Error("AccessDenied", "Request is not yet valid", ServerTime=_iso(now))
        if now > date + lifetime:
            raise S3Error(
                "AccessDenied",
                "Request has expired",
                **{"X-Amz-Expires": lifetime},
                Expires=_iso(date + lifetime),
                ServerTime=_iso(now),
            )

    def _signed_headers(
        self, request: SignedRequest, names: str, exempt: Iterable[str] = ()
    ) -> tuple[str, ...]:
        signed = tuple(names.split(";"))
        amz = {name for name, _ in request.headers if name.startswith("x-amz-")}
        unsigned = sorted(({"host"} | amz).difference(signed, exempt))
        if unsigned:
            raise S3Error(
                "AccessDenied",
                "There were headers present in the request which were not signed",
                HeadersNotSigned=", ".join(unsigned),
            )
        return signed

    def _compare_request(
        self,
        request: SignedRequest,
        scope: "_Scope",
        date: str,
        query: Iterable[tuple[str, str]],
        signed: tuple[str, ...],
        payload: str,
        signature: str,
    ) -> None:
        canonical = "\n".join(
            (
                request.method,
                quote(unquote_to_bytes(request.path), safe="/~"),
                "&".join(
                    f"{name}={value}"
                    for name, value in sorted((quote(n, safe="~"), quote(v, safe="~")) for n, v in query)
                ),
                *(f"{name}:{request.header(name) or ''}" for name in signed),
                "",
                ";".join(signed),
                payload,
            )
        )
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        self._compare(
            scope, f"{_ALGORITHM}\n{date}\n{scope.text}\n{digest}", signature, CanonicalRequest=canonical
        )

    def _compare(self, scope: "_Scope", text: str, signature: str, **details: str) -> None:
        key = reduce(
            lambda key, word: hmac.digest(key, word.encode(), "sha256"),
            (scope.day, scope.region, "s3", "aws4_request"),
            b"AWS4" + self.credentials.secret_key.encode(),
        )
        if not hmac.compare_digest(
            hmac.digest(key, text.encode(), "sha256").hex().encode(), signature.encode()
        ):
            raise S3Error(
                "SignatureDoesNotMatch",
                AWSAccessKeyId=scope.access_key,
                StringToSign=text,
                SignatureProvided=signature,
                **details,
            )


@dataclass(frozen=True)
class _Scope:
    access_key: str
    day: str
    region: str

    @property
    def text(self) -> str:
        return f"{self.day}/{self.region}/s3/aws4_request"


def _payload(value: str) -> str:
    if value in {UNSIGNED, CHUNKED} or re.fullmatch("[0-9a-f]{64}", value):
        return value
    if value.startswith("STREAMING-"):
        raise S3Error(
            "NotImplemented",
            f"x-amz-content-sha256 {value} is not implemented",
            Header="x-amz-content-sha256",
        )
    raise S3Error(
        "InvalidArgument",
        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER or a valid "
        "sha256 value.",
        ArgumentName="x-amz-content-sha256",
        ArgumentValue=value,
    )


def _lifetime(text: str) -> int:
    if not re.fullmatch(r"-?\d{1,12}", text, re.ASCII):
        raise S3Error("AuthorizationQueryParametersError", "X-Amz-Expires should be a number")
    if int(text) < 0:
        raise S3Error("AuthorizationQueryParametersError", "X-Amz-Expires must be non-negative")
    if int(text) > _MAX_EXPIRES:
        raise S3Error(
            "AuthorizationQueryParametersError",
            f"X-Amz-Expires must be less than a week (in seconds); that is {_MAX_EXPIRES}",
        )
    return int(text)


def _parse_time(text: str) -> float | None:
    if not re.fullmatch(r"\d{8}T\d{6}Z", text, re.ASCII):
        return None
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
