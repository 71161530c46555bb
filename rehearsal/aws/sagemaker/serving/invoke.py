"""InvokeEndpoint on a short path: from the WSGI server straight to the model server and back.

Through moto's dispatcher one process answers a few hundred requests per second, and a load test would measure that.
"""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING, Any

from rehearsal.aws.faults import book
from rehearsal.aws.sagemaker import settings
from rehearsal.aws.sagemaker.serving import harm
from rehearsal.aws.sagemaker.serving.capture import Exchange, moment
from rehearsal.aws.sagemaker.serving.live import endpoints
from rehearsal.aws.sagemaker.serving.wire import AnswerTimeoutError, BrokenAnswerError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rehearsal.aws.context import Context
    from rehearsal.aws.sagemaker.serving.fleet import VariantFleet
    from rehearsal.aws.sagemaker.serving.instance import Instance
    from rehearsal.aws.sagemaker.serving.live import LiveEndpoint
    from rehearsal.aws.sagemaker.serving.wire import Answer

_PREFIX, _SUFFIX = "/endpoints/", "/invocations"
_ATTEMPTS = 3
_PASSED_ON = (
    ("HTTP_ACCEPT", "Accept"),
    ("HTTP_X_AMZN_SAGEMAKER_CUSTOM_ATTRIBUTES", "X-Amzn-SageMaker-Custom-Attributes"),
    ("HTTP_X_AMZN_SAGEMAKER_INFERENCE_ID", "X-Amzn-SageMaker-Inference-Id"),
    ("HTTP_X_AMZN_SAGEMAKER_TARGET_MODEL", "X-Amzn-SageMaker-Target-Model"),
)
_REASONS = {200: "OK", 400: "Bad Request", 424: "Failed Dependency", 503: "Service Unavailable"}


class InvokeEndpoint:
    """WSGI middleware that answers InvokeEndpoint and passes everything else on."""

    def __init__(self, app: Any, context: Context) -> None:
        self._app, self._context = app, context

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer, or let the application answer."""
        path = environ["PATH_INFO"]
        if not (
            path.endswith(_SUFFIX)
            and path.startswith(_PREFIX)
            and environ["REQUEST_METHOD"] == "POST"
            and "/sagemaker/aws4_request" in environ.get("HTTP_AUTHORIZATION", "")
        ):
            return self._app(environ, start_response)
        name = path[len(_PREFIX) : -len(_SUFFIX)]
        try:
            return self._invoke(name, environ, start_response)
        except _Refused as refusal:
            return _respond(start_response, refusal.status, refusal.headers, refusal.body)

    def _invoke(self, name: str, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        started = time.perf_counter()
        live = endpoints.get(name)
        if live is None or live.route is None:
            raise _refused(400, "ValidationError", f"Endpoint {name} of account {self._context.account_id} not found.")
        target = environ.get("HTTP_X_AMZN_SAGEMAKER_TARGET_VARIANT")
        fleet = _fleet(live, target)
        body = _body(environ, serverless=bool(fleet.spec.serverless))
        content_type = environ.get("CONTENT_TYPE") or "application/octet-stream"
        headers = [("Content-Type", content_type)]
        headers += [(to, environ[key]) for key, to in _PASSED_ON if key in environ]
        fleet, answer = self._call(live, fleet, target, headers, body, started)
        if answer.status >= 400:
            raise _model_error(self._context, name, fleet, answer.status, answer.body)
        event, response_type = str(uuid.uuid4()), answer.headers.get("content-type", "application/octet-stream")
        if live.capture is not None and live.capture.sampled:
            inference_id = environ.get("HTTP_X_AMZN_SAGEMAKER_INFERENCE_ID")
            live.capture.add(
                Exchange(fleet.spec.name, body, content_type, answer.body, response_type, event, inference_id, moment())
            )
        out = [
            ("Content-Type", response_type),
            ("x-Amzn-Invoked-Production-Variant", fleet.spec.name),
            ("x-amzn-RequestId", event),
        ]
        attributes = answer.headers.get("x-amzn-sagemaker-custom-attributes")
        if attributes:
            out.append(("X-Amzn-SageMaker-Custom-Attributes", attributes))
        return _respond(start_response, 200, out, answer.body)

    def _call(
        self,
        live: LiveEndpoint,
        fleet: VariantFleet,
        target: str | None,
        headers: list[tuple[str, str]],
        body: bytes,
        started: float,
    ) -> tuple[VariantFleet, Answer]:
        """Send the request; a server that cannot be reached has not begun it, so another may be asked."""
        live.traffic.begin(fleet)
        counted, status, sent = fleet, 503, time.perf_counter()
        try:
            for attempt in range(_ATTEMPTS):
                instance = fleet.pick()
                if instance is not None:
                    try:
                        answer = self._answer(live, fleet, instance, headers, body)
                    except UnreachableError:
                        pass
                    else:
                        status = answer.status
                        return fleet, answer
                if attempt < _ATTEMPTS - 1:
                    fleet = _fleet(live, target)
            raise _refused(
                503, "ServiceUnavailable", "The request has failed due to a temporary failure of the server."
            )
        except AnswerTimeoutError as error:
            raise _model_error(
                self._context,
                live.record.endpoint_name,
                fleet,
                0,
                b"Your invocation timed out while waiting for a response from container primary. Review the latency "
                b"metrics for each container in Amazon CloudWatch, resolve the issue, and try again.",
            ) from error
        except BrokenAnswerError as error:
            name = live.record.endpoint_name
            text = f"Amazon SageMaker could not get a response from the {name} endpoint. ({error})"
            raise _model_error(self._context, name, fleet, 0, text.encode()) from error
        finally:
            done = time.perf_counter()
            live.traffic.end(counted, status, done - sent, done - started)

    @staticmethod
    def _answer(
        live: LiveEndpoint, fleet: VariantFleet, instance: Instance, headers: list[tuple[str, str]], body: bytes
    ) -> Answer:
        if book.any_active():
            instead = harm.answer_instead(live.record.endpoint_name, fleet.spec.name)
            if instead is not None:
                return instead
        return instance.call("/invocations", headers, body)


class _Refused(Exception):  # noqa: N818  # an answer on its way, not a failure of the program
    def __init__(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        super().__init__(status)
        self.status, self.headers, self.body = status, headers, body


def _fleet(live: LiveEndpoint, target: str | None) -> VariantFleet:
    route = live.route
    fleet = route.pick(target) if route is not None else None
    if fleet is None:
        raise _refused(400, "ValidationError", f"Variant {target} not found for endpoint {live.record.endpoint_name}.")
    return fleet


def _body(environ: dict[str, Any], *, serverless: bool) -> bytes:
    limit = settings.MAX_SERVERLESS_PAYLOAD_BYTES if serverless else settings.MAX_PAYLOAD_BYTES
    size = int(environ.get("CONTENT_LENGTH") or 0)
    if size > limit:
        raise _refused(
            400,
            "ValidationError",
            f"1 validation error detected: Value at 'body' failed to satisfy constraint: Member must have length less "
            f"than or equal to {limit}",
        )
    return environ["wsgi.input"].read(size)


def _model_error(context: Context, endpoint: str, fleet: VariantFleet, status: int, body: bytes) -> _Refused:
    kind = "client" if 400 <= status < 500 else "server"
    text = body.decode(errors="replace")
    group = f"{settings.ENDPOINT_LOG_GROUP}/{endpoint}"
    console = f"https://{context.region}.console.aws.amazon.com/cloudwatch/home?region={context.region}"
    message = (
        f'Received {kind} error ({status}) from primary with message "{text[:1000]}". See '
        f"{console}#logEventViewer:group={group} in account {context.account_id} for more information."
    )
    payload = {
        "Message": text if status == 0 else message,
        "OriginalStatusCode": status,
        "OriginalMessage": text,
        "LogStreamArn": f"arn:aws:logs:{context.region}:{context.account_id}:log-group:{group}",
    }
    return _Refused(424, _error_headers("ModelError"), json.dumps(payload).encode())


def _refused(status: int, code: str, message: str) -> _Refused:
    return _Refused(status, _error_headers(code), json.dumps({"Message": message}).encode())


def _error_headers(code: str) -> list[tuple[str, str]]:
    return [
        ("Content-Type", "application/json"),
        ("x-amzn-ErrorType", code),
        ("x-amzn-RequestId", str(uuid.uuid4())),
    ]


def _respond(start_response: Any, status: int, headers: list[tuple[str, str]], body: bytes) -> list[bytes]:
    headers.append(("Content-Length", str(len(body))))
    start_response(f"{status} {_REASONS[status]}", headers)
    return [body]
