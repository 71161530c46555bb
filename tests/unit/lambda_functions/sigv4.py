"""Signature Version 4 read from the other side: what a service computes from the request that arrived.

Written without botocore, from
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from urllib.parse import quote, unquote

from tests.unit.lambda_functions.scripted import Call

_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, SignedHeaders=([^,]+), Signature=(\w+)"
)


def scope(call: Call) -> tuple[str, str]:
    """Return the region and the service that a request is signed for."""
    _, _, region, service, _, _ = _parts(call)
    return region, service


def signed_headers(call: Call) -> set[str]:
    return set(_parts(call)[4].split(";"))


def verifies(call: Call, secret: str) -> bool:
    """Tell whether the signature covers just this request, its body included."""
    _, day, region, service, names, signature = _parts(call)
    path, _, query = call.target.partition("?")
    if service != "s3":  # every service but S3 encodes the path once more
        path = quote(path, safe="/~")
    pairs = sorted(pair.partition("=")[::2] for pair in query.split("&") if pair)
    canonical_query = "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in pairs)
    digest = hashlib.sha256(call.body).hexdigest()
    if call.headers.get("x-amz-content-sha256", digest) != digest:
        return False
    headers = "".join(f"{name}:{' '.join(call.headers[name].split())}\n" for name in names.split(";"))
    request = "\n".join([call.method, path, canonical_query, headers, names, digest])
    scope_text = f"{day}/{region}/{service}/aws4_request"
    to_sign = "\n".join(
        ["AWS4-HMAC-SHA256", call.headers["x-amz-date"], scope_text, hashlib.sha256(request.encode()).hexdigest()]
    )
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.compare_digest(hmac.digest(key, to_sign.encode(), "sha256").hex(), signature)


def _parts(call: Call) -> tuple[str, ...]:
    found = _HEADER.fullmatch(call.headers["authorization"])
    assert found, call.headers["authorization"]
    return found.groups()


def _encoded(text: str) -> str:
    return quote(unquote(text), safe="-_.~")
