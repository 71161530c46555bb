"""From a WSGI request to the operation's parameters, by moto's own routers and parsers."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, NamedTuple

from rehearsal.aws.iam import tables
from rehearsal.aws.iam.errors import UnmappedCallError
from rehearsal.aws.iam.models import service_model

if TYPE_CHECKING:
    from rehearsal.aws.identify import Call


class Parsed(NamedTuple):
    """A call with botocore's name of its service and its parameters."""

    service: str
    operation: str
    parameters: dict[str, Any]


def parse(environ: dict[str, Any], call: Call) -> Parsed:
    """Return the parameters of an identified call. A body is read and put back; a stream's body is left alone.

    Raises
    ------
    UnmappedCallError
        For a service or operation that no model knows, or a body that does not fit it.
    """
    from botocore.exceptions import BotoCoreError
    from werkzeug.exceptions import HTTPException

    service = tables.MODELS.get(call.service, call.service)
    if service == "sagemaker" and environ.get("PATH_INFO", "").startswith("/endpoints/"):
        service = "sagemaker-runtime"
    try:
        operation = service_model(service).operation_model(call.operation)
        return Parsed(service, call.operation, _parameters(environ, service, operation))
    except (BotoCoreError, HTTPException, LookupError, ValueError) as error:
        raise UnmappedCallError(f"{service}:{call.operation} cannot be read: {error!r}") from error


def _parameters(environ: dict[str, Any], service: str, operation: Any) -> dict[str, Any]:
    from moto.core.parse import PROTOCOL_PARSERS
    from moto.core.request import determine_request_protocol
    from moto.core.routing import get_service_router
    from moto.moto_server.werkzeug_app import BackendRequest

    body = b"" if operation.has_streaming_input else _body(environ)
    request = BackendRequest({**environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))})
    protocol = determine_request_protocol(service_model(service), request.content_type)
    labels = get_service_router(service).match(request)[1] if protocol.startswith("rest-") else {}
    parsed = PROTOCOL_PARSERS[protocol](operation).parse(
        {
            "method": request.method,
            "values": request.values,
            "headers": request.headers,
            "body": body,
            "url_path": request.path,
            "url_params": labels,
        }
    )
    return {name: value for name, value in parsed.items() if value is not None}


def _body(environ: dict[str, Any]) -> bytes:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body: bytes = environ["wsgi.input"].read(length) if length else b""
    environ["wsgi.input"] = io.BytesIO(body)
    return body
