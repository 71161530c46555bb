"""Who calls what: the principal, service and operation of a request, read from its headers and path alone."""

from __future__ import annotations

import io
import re
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import parse_qs

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d+/([a-z0-9-]+)/([a-z0-9-]+)/")
_QUERY_CREDENTIAL = re.compile(r"^([^/]+)/\d+/([a-z0-9-]+)/([a-z0-9-]+)/")

# Operations that nobody signs: the token in them says who asks.
_UNSIGNED = {"AssumeRoleWithSAML": "sts", "AssumeRoleWithWebIdentity": "sts"}
_FORM_LIMIT = 1_000_000
_KNOWN = "slipway.call"  # in the environ of a request: the recorder and the gate both ask

# Signing names that differ from the name of botocore's service model, where a path decides the operation.
_MODELS = {"aps": "amp", "monitoring": "cloudwatch", "states": "stepfunctions", "elasticfilesystem": "efs"}


class Call(NamedTuple):
    """One request as AWS would log it."""

    access_key: str
    region: str
    service: str
    operation: str


def identify(environ: dict[str, Any]) -> Call:
    """Return the call of a WSGI request. A form body is read and put back.

    An unsigned request has an empty access key, and where nothing tells its service, that is ``unsigned``; an operation
    that no service model knows is "METHOD /path".
    """
    known = environ.get(_KNOWN)
    if known is None:
        known = environ[_KNOWN] = _identify(environ)
    call: Call = known
    return call


def _identify(environ: dict[str, Any]) -> Call:
    query = environ.get("QUERY_STRING", "")
    found = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    if found is None and "X-Amz-Credential" in query:
        found = _QUERY_CREDENTIAL.match(parse_qs(query).get("X-Amz-Credential", [""])[0])
    access_key, region, service = found.groups() if found else ("", "", "")
    operation = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2] or _action(environ)
    service = service or (_UNSIGNED.get(operation, "unsigned") if operation else "s3")
    return Call(access_key, region, service, operation or _rest_operation(service, environ))


def _action(environ: dict[str, Any]) -> str:
    if "x-www-form-urlencoded" not in environ.get("CONTENT_TYPE", ""):
        return ""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if not 0 < length < _FORM_LIMIT:
        return ""
    body = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = io.BytesIO(body)
    match = re.search(rb"(?:^|&)Action=([A-Za-z0-9]+)", body)
    return match.group(1).decode() if match else ""


def _rest_operation(service: str, environ: dict[str, Any]) -> str:
    from werkzeug.exceptions import HTTPException

    path = environ.get("PATH_INFO", "")
    if service == "sagemaker" and path.endswith("/invocations"):
        return "InvokeEndpoint"
    try:
        operation, _ = _router(_MODELS.get(service, service)).match(_request(environ))
    except (HTTPException, LookupError, ValueError):  # no operation has this path, or no model this service
        return f"{environ.get('REQUEST_METHOD', '?')} {path}"
    return operation.name


def _request(environ: dict[str, Any]) -> Any:
    from moto.moto_server.werkzeug_app import BackendRequest

    headers_only = {**environ, "wsgi.input": io.BytesIO(b"")}
    return BackendRequest(headers_only)


@lru_cache(maxsize=64)
def _router(service: str) -> Any:
    from botocore.exceptions import UnknownServiceError
    from moto.core.routing import get_service_router

    try:
        return get_service_router(service)
    except UnknownServiceError as error:
        raise LookupError(service) from error
