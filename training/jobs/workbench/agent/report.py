"""What the instance says of its job: lines to CloudWatch Logs, and whether it works to CloudWatch."""

from __future__ import annotations

import threading
import time
from typing import Any

NAMESPACE = "Slipway/Workbench"
WORKING_S = 60.0
_SEND_S = 2.0
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html: a batch takes 1 MiB with 26 bytes
# for each event, and 10,000 events.
_BATCH_BYTES, _BATCH_EVENTS, _EVENT_BYTES = 1_000_000, 10_000, 26
_LONGEST_LINE = 250_000


class Lines:
    """Sends lines in batches from a thread of its own; a log that cannot be written ends no training."""

    def __init__(self, logs: Any, group: str, stream: str) -> None:
        self._logs, self._to = logs, {"logGroupName": group, "logStreamName": stream}
        self._waiting: list[dict[str, Any]] = []
        self._lock, self._over = threading.Lock(), threading.Event()
        logs.create_log_stream(**self._to)
        self._thread = threading.Thread(target=self._loop, name="lines", daemon=True)
        self._thread.start()

    def add(self, text: str) -> None:
        """Take a line."""
        print(text, flush=True)
        # CloudWatch takes no empty event.
        event = {"timestamp": int(time.time() * 1000), "message": text[:_LONGEST_LINE] or " "}
        with self._lock:
            self._waiting.append(event)

    def close(self) -> None:
        """Send what is left."""
        self._over.set()
        self._thread.join(timeout=30)

    def _loop(self) -> None:
        while not self._over.wait(_SEND_S):
            self._send()
        self._send()

    def _send(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for batch in batches(waiting):
            try:
                self._logs.put_log_events(**self._to, logEvents=batch)
            except Exception as error:  # whatever it is, the training goes on, and boot.log has the lines too
                print(f"workbench: {len(batch)} lines did not reach the log: {error}", flush=True)


def batches(events: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Events in portions that one call takes."""
    made: list[list[dict[str, Any]]] = []
    size = 0
    for event in events:
        own = len(event["message"].encode()) + _EVENT_BYTES
        if not made or size + own > _BATCH_BYTES or len(made[-1]) == _BATCH_EVENTS:
            made.append([])
            size = 0
        made[-1].append(event)
        size += own
    return made


class Pulse:
    """Says once a minute that a job runs, and once that it is done: alarms outside switch the instance off by it."""

    def __init__(self, cloudwatch: Any, name: str) -> None:
        self._cloudwatch, self._dimensions = cloudwatch, [{"Name": "Workbench", "Value": name}]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="pulse", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Say no more that it works."""
        self._over.set()
        self._thread.join(timeout=10)

    def done(self) -> None:
        """Ask to be switched off."""
        self.stop()
        self._put("Done")

    def _loop(self) -> None:
        while True:
            try:
                self._put("Working")
            except Exception as error:  # idle by mistake ends a job later than no job at all
                print(f"workbench: cannot report: {error}", flush=True)
            if self._over.wait(WORKING_S):
                return

    def _put(self, metric: str) -> None:
        datum = {"MetricName": metric, "Dimensions": self._dimensions, "Value": 1.0, "Unit": "Count"}
        self._cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=[datum])
