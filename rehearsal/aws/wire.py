"""Errors that clients understand: every crash and every unknown route becomes a final 400 that names the operation.

moto answers an unhandled exception with a 500 and an unknown route with an HTML 404. SDKs and Terraform's provider
retry a 500 for minutes and cannot read HTML, so the cause would never be seen.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask

log = logging.getLogger(__name__)

_EC2 = "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors></Response>"
_S3 = "<Error><Code>{code}</Code><Message>{message}</Message></Error>"
_QUERY = (
    "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
)


def error_body(service: str, content_type: str, code: str, message: str) -> tuple[str, dict[str, str]]:
    """Return body and headers of an error in the wire format the service speaks.

    Parameters
    ----------
    service
        moto's name of the service, such as ``s3`` or ``ec2``.
    content_type
        Of the request; form-encoded requests belong to the query protocol.
    """
    template = {"ec2": _EC2, "s3": _S3, "s3control": _S3}.get(service)
    if template is None and "x-www-form-urlencoded" in content_type:
        template = _QUERY
    if template:
        return template.format(code=escape(code), message=escape(message)), {"Content-Type": "text/xml"}
    body = {"__type": code, "message": message, "Message": message}
    return json.dumps(body), {"Content-Type": "application/json", "x-amzn-ErrorType": code}


def final_errors(create_app: Callable[[Any], Flask]) -> Callable[[Any], Flask]:
    """Wrap moto's factory of per-service applications so that nothing ends in a 500 or in HTML."""
    from werkzeug.exceptions import HTTPException

    def create(service: Any) -> Flask:
        app = create_app(service)
        name = str(service)

        def answer(error: Exception) -> Any:
            from flask import request

            if isinstance(error, HTTPException) and error.code not in (404, 405, 500):
                return error
            cause = getattr(error, "original_exception", None) or error
            operation = (
                request.headers.get("X-Amz-Target")
                or request.values.get("Action")
                or f"{request.method} {request.full_path.rstrip('?')}"
            )
            # moto raises the one in operations that it lacks, the other where no operation fits
            if isinstance(cause, (NotImplementedError, HTTPException)):
                code, text = "NotImplemented", f"the embedded AWS does not have {name} {operation}"
                log.warning(text)
            else:
                code, text = "EmbeddedAwsFailure", f"the embedded AWS failed in {name} {operation}: {cause!r}"
                log.error(text, exc_info=cause)
            body, headers = error_body(name, request.content_type or "", code, text)
            return body, 400, headers

        app.register_error_handler(Exception, answer)
        return app

    return create
