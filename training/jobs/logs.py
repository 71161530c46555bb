"""Logs of jobs, followed as they are written, and the metrics in them.

SageMaker gives each instance a stream `<job>/<host>-<time>` and searches each line with the metrics' regular
expressions; so does this.
https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from training.workloads.description import Metric

GROUP = "/aws/sagemaker/TrainingJobs"


class Follower:
    """Reads what is new in the streams of one job."""

    def __init__(self, client: Any, job: str, group: str = GROUP) -> None:
        self._client, self._job, self._group = client, job, group
        self._tokens: dict[str, str | None] = {}

    def lines(self) -> Iterator[tuple[str, str]]:
        """Yield the host and the text of each line that was not there before."""
        for stream in self._streams():
            yield from ((_host(stream), text) for text in self._new(stream))

    def _streams(self) -> list[str]:
        names: list[str] = []
        asked: dict[str, Any] = {"logGroupName": self._group, "logStreamNamePrefix": f"{self._job}/"}
        while True:
            try:
                page = self._client.describe_log_streams(**asked)
            except self._client.exceptions.ResourceNotFoundException:
                return names  # the group comes with the first job of an account
            names += [stream["logStreamName"] for stream in page["logStreams"]]
            if not page.get("nextToken"):
                return sorted(names)
            asked["nextToken"] = page["nextToken"]

    def _new(self, stream: str) -> Iterator[str]:
        while True:
            token = self._tokens.get(stream)
            asked = {"logGroupName": self._group, "logStreamName": stream, "startFromHead": True}
            page = self._client.get_log_events(**asked, **({"nextToken": token} if token else {}))
            yield from (event["message"] for event in page["events"])
            # The same token again means the end for now.
            # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html
            self._tokens[stream] = page["nextForwardToken"]
            if not page["events"] or page["nextForwardToken"] == token:
                return


class Metrics:
    """Values that the metrics' regular expressions find in lines."""

    def __init__(self, definitions: Sequence[Metric]) -> None:
        self._patterns = [(one.name, re.compile(one.regex)) for one in definitions]
        self.values: dict[str, list[float]] = {}

    def read(self, line: str) -> dict[str, float]:
        """Return what stands in a line, and remember it."""
        found: dict[str, float] = {}
        for name, pattern in self._patterns:
            if match := pattern.search(line):
                try:
                    found[name] = float(match[1])
                except ValueError:
                    continue  # a dot alone matches [0-9.]+ as well; SageMaker drops it, too
                self.values.setdefault(name, []).append(found[name])
        return found


def _host(stream: str) -> str:
    """`algo-1` of `<job>/algo-1-1700000000`."""
    return stream.rpartition("/")[2].rpartition("-")[0]
