"""Event invocations: queued, retried, and in the end delivered to a destination or a dead-letter queue.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

from __future__ import annotations

import json
import logging
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rehearsal.aws.delivery import Errand, deliver_quietly, parse
from rehearsal.aws.lambdas.concurrency import ThrottleError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rehearsal.aws.context import Acting, Context
    from rehearsal.aws.lambdas.target import Target
    from rehearsal.aws.lambdas.worker import Result

log = logging.getLogger(__name__)

RETRY_DELAYS = (60.0, 120.0)  # seconds on AWS before the second and the third attempt
DEFAULT_RETRIES = 2
DEFAULT_AGE = 21_600  # seconds that an event may wait
_THROTTLE_DELAY = 1.0  # seconds on AWS before the first retry of a throttled event, doubled up to five minutes
_THREADS = 32


@dataclass
class Event:
    """One queued event; times are seconds of the wall clock."""

    name: str
    qualifier: str | None
    body: bytes
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    born: float = field(default_factory=time.time)
    attempts: int = 0
    throttles: int = 0


class Queue:
    """Works off events with retries.

    Parameters
    ----------
    run
        Runs an event once: ``run(event) -> (target, result)``; raises ThrottleError.
    settings
        ``settings(event) -> (event invoke configuration, dead-letter ARN or None)``.
    """

    def __init__(
        self,
        context: Context,
        run: Callable[[Event], tuple[Target, Result]],
        settings: Callable[[Event], tuple[dict[str, Any], str | None]],
        acting: Callable[[Event], Acting],
    ) -> None:
        self._context = context
        self._run = run
        self._settings = settings
        self._acting = acting
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="lambda-event")

    def submit(self, event: Event) -> None:
        """Queue an event."""
        self._threads.submit(self._attempt, event)

    def stop(self) -> None:
        """Take no more events."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _attempt(self, event: Event) -> None:
        try:
            config, dead_letters = self._settings(event)
            if time.time() - event.born > self._context.scaled(config.get("MaximumEventAgeInSeconds", DEFAULT_AGE)):
                self._give_up(event, config, dead_letters, None, None, "EventAgeExceeded")
                return
            try:
                target, result = self._run(event)
            except ThrottleError:
                event.throttles += 1
                self._later(event, min(300.0, _THROTTLE_DELAY * 2 ** (event.throttles - 1)))
                return
            event.attempts += 1
            if result.error is None:
                self._succeed(event, config, target, result)
            elif event.attempts <= config.get("MaximumRetryAttempts", DEFAULT_RETRIES):
                self._later(event, RETRY_DELAYS[min(event.attempts, len(RETRY_DELAYS)) - 1])
            else:
                self._give_up(event, config, dead_letters, target, result, "RetriesExhausted")
        except Exception:
            log.exception("event %s of function %s was lost", event.request_id, event.name)

    def _later(self, event: Event, seconds: float) -> None:
        timer = threading.Timer(self._context.scaled(seconds), self._resubmit, (event,))
        timer.daemon = True
        timer.start()

    def _resubmit(self, event: Event) -> None:
        try:
            self.submit(event)
        except RuntimeError:
            log.info("event %s of function %s is dropped: the server is ending", event.request_id, event.name)

    def _succeed(self, event: Event, config: dict[str, Any], target: Target, result: Result) -> None:
        arn = _destination(config, "OnSuccess")
        if arn:
            self._deliver(arn, event, target, result, "Success")

    def _give_up(
        self,
        event: Event,
        config: dict[str, Any],
        dead_letters: str | None,
        target: Target | None,
        result: Result | None,
        condition: str,
    ) -> None:
        arn = _destination(config, "OnFailure")
        if arn:
            self._deliver(arn, event, target, result, condition)
        if dead_letters:
            error = _message(result) or condition
            attributes = {"RequestID": event.request_id, "ErrorCode": "200", "ErrorMessage": error[:1024]}
            body, errand = event.body.decode(), self._errand(event)
            ok = deliver_quietly(self._context, dead_letters, body, attributes=attributes, errand=errand)
            if not ok:
                self._context.put_metric("AWS/Lambda", "DeadLetterErrors", 1, {"FunctionName": event.name}, "Count")

    def _deliver(self, arn: str, event: Event, target: Target | None, result: Result | None, condition: str) -> None:
        record = json.dumps(_record(event, target, result, condition))
        if parse(arn).service == "events":
            record = json.dumps(
                {
                    "source": "lambda",
                    "detail-type": "Lambda Function Invocation Result - "
                    + ("Success" if condition == "Success" else "Failure"),
                    "detail": json.loads(record),
                }
            )
        deliver_quietly(self._context, arn, record, errand=self._errand(event))

    def _errand(self, event: Event) -> Errand:
        """A destination and a dead-letter queue are reached with the function's role."""
        acting = self._acting(event)
        return Errand("function dead letters", acting.source, acting)


def _destination(config: dict[str, Any], outcome: str) -> str | None:
    return ((config.get("DestinationConfig") or {}).get(outcome) or {}).get("Destination") or None


def _record(event: Event, target: Target | None, result: Result | None, condition: str) -> dict[str, Any]:
    """Return the invocation record that destinations receive."""
    context: dict[str, Any] = {
        "requestId": event.request_id,
        "functionArn": f"{target.arn if target else event.name}" + ("" if target and target.qualifier else ":$LATEST"),
        "condition": condition,
        "approximateInvokeCount": event.attempts,
    }
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
        "requestContext": context,
        "requestPayload": _json(event.body),
    }
    if result is not None and target is not None:
        record["responseContext"] = {"statusCode": 200, "executedVersion": str(target.fn.version)}
        if result.error:
            record["responseContext"]["functionError"] = result.error
        record["responsePayload"] = _json(result.payload)
    return record


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")


def _message(result: Result | None) -> str:
    payload = _json(result.payload) if result else None
    return str(payload.get("errorMessage", "")) if isinstance(payload, dict) else ""
