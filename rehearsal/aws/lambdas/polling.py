"""SQS event source mappings: poll the queue, run the function on a batch, delete what it handled."""

from __future__ import annotations

import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from rehearsal.aws.context import current
from rehearsal.aws.delivery import parse
from rehearsal.aws.lambdas import permissions
from rehearsal.aws.lambdas.concurrency import ThrottleError

log = logging.getLogger(__name__)

_STEP = 0.2  # seconds between two looks at the queues
_BATCHES = 5  # concurrent batches of a standard queue, as Lambda starts with


class Poller:
    """Looks at every enabled mapping of every region until it is stopped."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._threads = ThreadPoolExecutor(16, thread_name_prefix="sqs-batch")
        self._running: dict[str, int] = {}
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begin polling in the background."""
        threading.Thread(target=self._loop, name="sqs-poller", daemon=True).start()

    def stop(self) -> None:
        """End polling; batches under way finish."""
        self._stop.set()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _loop(self) -> None:
        while not self._stop.wait(_STEP):
            try:
                self._look()
            except Exception:
                log.exception("polling of event source mappings failed")

    def _look(self) -> None:
        from moto.awslambda.models import lambda_backends

        for _, _, backend in list(lambda_backends.iter_backends()):
            for mapping in list(backend._event_source_mappings.values()):
                if mapping.enabled and parse(mapping.event_source_arn).service == "sqs":
                    self._poll(backend, mapping)

    def _poll(self, backend: Any, mapping: Any) -> None:
        from moto.sqs.models import sqs_backends

        source = parse(mapping.event_source_arn)
        sqs = sqs_backends[source.account][source.region]
        queue = sqs.queues.get(source.resource)
        if queue is None or not queue.messages:
            return
        if not permissions.may_poll(current(), backend.resolve(mapping.function_arn).fn, mapping.event_source_arn):
            return
        limit = int((mapping.scaling_config or {}).get("MaximumConcurrency") or _BATCHES)
        with self._lock:
            if self._running.get(mapping.uuid, 0) >= limit:
                return
            self._running[mapping.uuid] = self._running.get(mapping.uuid, 0) + 1
        messages = sqs.receive_message(source.resource, min(10, mapping.batch_size), 0, queue.visibility_timeout)
        self._threads.submit(self._batch, backend, mapping, sqs, source.resource, messages)

    def _batch(self, backend: Any, mapping: Any, sqs: Any, queue_name: str, messages: list[Any]) -> None:
        try:
            if not messages:
                return
            event = json.dumps({"Records": [_record(m, mapping.event_source_arn) for m in messages]})
            result, _ = backend.run(backend.resolve(mapping.function_arn), event.encode())
            failed = {m.id for m in messages} if result.error else _failures(mapping, result.payload)
            for message in messages:
                if message.id not in failed:
                    sqs.delete_message(queue_name, message.receipt_handle)
        except ThrottleError:
            for message in messages:
                sqs.change_message_visibility(queue_name, message.receipt_handle, visibility_timeout=0)
        except Exception:
            log.exception("a batch of %s failed", mapping.event_source_arn)
        finally:
            with self._lock:
                self._running[mapping.uuid] -= 1


def _failures(mapping: Any, payload: bytes) -> set[str]:
    if "ReportBatchItemFailures" not in (mapping.function_response_types or []):
        return set()
    try:
        return {item["itemIdentifier"] for item in json.loads(payload or b"{}").get("batchItemFailures") or []}
    except (ValueError, KeyError, TypeError, AttributeError):
        return set()


def _record(message: Any, queue_arn: str) -> dict[str, Any]:
    attributes = {
        name: {
            "stringValue": value.get("StringValue"),
            "binaryValue": value.get("BinaryValue"),
            "dataType": value["DataType"],
        }
        for name, value in (message.message_attributes or {}).items()
    }
    return {
        "messageId": message.id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": str(message.approximate_receive_count),
            "SentTimestamp": str(message.sent_timestamp),
            "SenderId": message.sender_id,
            "ApproximateFirstReceiveTimestamp": str(message.approximate_first_receive_timestamp),
        },
        "messageAttributes": attributes,
        "md5OfBody": message.body_md5,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": parse(queue_arn).region,
    }
