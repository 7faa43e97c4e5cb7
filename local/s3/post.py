"""Browser uploads: a form POSTed to the bucket, authorized by the policy in it.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
"""

import time
from collections.abc import AsyncIterator, Mapping

from starlette.responses import Response
from starlette.types import ASGIApp

from local.s3.body import write_all
from local.s3.call import Call, check_key, declared_checksum, stored_headers
from local.s3.checksums import DEFAULT, OFFERED
from local.s3.documents import Element, document
from local.s3.errors import S3Error
from local.s3.form import Form
from local.s3.policy import SizeRange, check_policy
from local.s3.store import Condition

_SIGNATURE = frozenset(
    {"x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-security-token", "x-amz-signature"}
)
_CHECKSUMS = frozenset(f"x-amz-checksum-{name.lower()}" for name in OFFERED)
_UNSUPPORTED = frozenset(
    {"acl", "tagging", "redirect", "success_action_redirect", "awsaccesskeyid", "signature"}
)


async def post_object(call: Call) -> ASGIApp:
    since = time.time()
    form = Form(call.headers.get("content-type", ""), call.request.stream())
    await form.read_fields()
    sizes, key = _authorize(call, form.fields)
    call.key = key
    headers, declared = stored_headers(form.fields), declared_checksum(form.fields)
    algorithm = declared.algorithm if declared else DEFAULT

    writing = await call.run(call.store.blobs.create, {algorithm})
    try:
        await write_all(_check_growing(sizes, form.file_chunks()), writing, call.threads)
        sizes.check(writing.size)
        if declared is not None and declared != writing.checksum(algorithm):
            raise S3Error(
                "BadDigest", f"The {algorithm} you specified did not match the calculated checksum."
            )
    except BaseException:
        writing.discard()
        raise
    stored = await call.run(
        call.store.put,
        writing,
        key,
        headers,
        algorithm,
        Condition(),
        "ObjectCreated:Post",
        call.request_id,
        since=since,
    )

    response_headers = {
        "etag": f'"{stored.etag}"',
        "location": call.location,
        stored.checksum.header: stored.checksum.value,
    }
    match form.fields.get("success_action_status"):
        case "201":
            elements: list[Element] = [
                ("Location", call.location),
                ("Bucket", call.bucket),
                ("Key", key),
                ("ETag", f'"{stored.etag}"'),
            ]
            return Response(document("PostResponse", elements), 201, response_headers, "application/xml")
        case "200":
            return Response(status_code=200, headers=response_headers)
        case _:  # S3 answers 204 to every other value too
            return Response(status_code=204, headers=response_headers)


def _authorize(call: Call, fields: Mapping[str, str]) -> tuple[SizeRange, str]:
    """Check the fields against the form's policy, before any byte of the file is stored.

    Returns the permitted sizes and the key.
    """
    for name in ("key", "policy", "x-amz-signature"):
        if name not in fields and name != "key":
            raise S3Error("AccessDenied")  # a POST without credentials
        if not fields.get(name):
            raise S3Error(
                "InvalidArgument",
                f"Bucket POST must contain a field named '{name}'.  If it is specified, please check the "
                "order of the fields.",
                ArgumentName=name,
                ArgumentValue="",
            )
    call.verifier.verify_policy(fields)
    sizes = check_policy(fields, bucket=call.bucket, now=time.time())
    for name in fields:
        if name in _UNSUPPORTED or (
            name.startswith("x-amz-")
            and name not in _SIGNATURE | _CHECKSUMS
            and not name.startswith("x-amz-meta-")
        ):
            raise S3Error(
                "NotImplemented",
                "A form field you provided implies functionality that is not implemented",
                Field=name,
            )
    if "${filename}" in fields["key"]:
        raise S3Error("NotImplemented", "${filename} in a key is not implemented", Field="key")
    return sizes, check_key(fields["key"])


async def _check_growing(sizes: SizeRange, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        sizes.check_growing(size)
        yield chunk
