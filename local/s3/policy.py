"""POST policies: what a form may upload, as its signer wrote it.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from local.s3.errors import S3Error

# These need no condition of their own; x-ignore-* neither.
_EXEMPT = frozenset({"x-amz-signature", "policy", "file"})


@dataclass(frozen=True)
class Allowed:
    """The sizes in bytes that the file may have, both ends included."""

    least: int = 0
    most: int = 5 << 30  # what one POST can carry

    def check(self, size: int) -> None:
        if size < self.least:
            raise S3Error("EntityTooSmall", ProposedSize=size, MinSizeAllowed=self.least)
        self.check_growing(size)

    def check_growing(self, size: int) -> None:
        """The same while bytes are still to come."""
        if size > self.most:
            raise S3Error("EntityTooLarge", ProposedSize=size, MaxSizeAllowed=self.most)


def permit(fields: Mapping[str, str], *, bucket: str, now: float) -> Allowed:
    """The sizes that the form's policy allows, once all its other conditions hold for the fields (names in
    lower case).

    Raises S3Error for a policy that is malformed, expired, not met, or silent about a field.
    """
    policy = _read(fields["policy"])
    if now > policy.expiration.timestamp():
        raise _rejected("Policy expired.")

    told = {**fields, "bucket": bucket}
    covered: set[str] = set()
    sizes = Allowed()
    for condition in policy.conditions:
        match condition:
            case ["content-length-range", int() as least, int() as most]:
                sizes = Allowed(max(least, sizes.least), min(most, sizes.most))
            case ["eq" | "starts-with" as operator, str() as name, str() as value] if name.startswith("$"):
                _matches(told, name[1:].lower(), operator, value)
                covered.add(name[1:].lower())
            case dict():
                for name, value in condition.items():
                    _matches(told, name.lower(), "eq", value)
                    covered.add(name.lower())
            case _:
                raise S3Error("InvalidPolicyDocument", "Invalid Policy: Invalid Condition")

    extra = sorted(
        name for name in fields if name not in covered | _EXEMPT and not name.startswith("x-ignore-")
    )
    if extra:
        raise _rejected(f"Extra input fields: {', '.join(extra)}")
    return sizes


def _matches(fields: Mapping[str, str], name: str, operator: str, expected: str) -> None:
    value = fields.get(name)
    if value is None or not (value == expected if operator == "eq" else value.startswith(expected)):
        raise _rejected(f"Policy Condition failed: {json.dumps([operator, f'${name}', expected])}")


def _rejected(reason: str) -> S3Error:
    return S3Error("AccessDenied", f"Invalid according to Policy: {reason}")


def _read(text: str) -> "_Policy":
    try:
        return _Policy.model_validate_json(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, ValidationError):
        raise S3Error("InvalidPolicyDocument") from None


class _Policy(BaseModel):
    model_config = ConfigDict(extra="forbid")

    expiration: AwareDatetime
    conditions: list[dict[str, str] | list[str | int]]
