"""A training job followed from its request to its end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from training.errors import JobError
from training.jobs import cost, logs, show

if TYPE_CHECKING:
    from training.jobs.client import Clients
    from training.jobs.cost import Price
    from training.jobs.show import Screen
    from training.workloads.description import Metric

ENDED = {"Completed", "Failed", "Stopped"}
POLL_S = 2.0


class JobFailedError(Exception):
    """A job came to a bad end; the message says why."""


def training_job(
    clients: Clients,
    name: str,
    metrics: tuple[Metric, ...],
    screen: Screen,
    one: Price | None,
    *,
    poll_s: float = POLL_S,
) -> dict[str, Any]:
    """Show a job's log as it comes and how far it is; returns its last description.

    Raises
    ------
    JobFailedError
        It failed; its log has been shown.
    """
    follower, seen = logs.Follower(clients.logs, name), logs.Metrics(metrics)
    begun = time.monotonic()
    while True:
        described = describe(clients.sagemaker, name)
        several = described["ResourceConfig"].get("InstanceCount", 1) > 1
        for host, text in follower.lines():
            seen.read(text)
            screen.print((f"{host}  {text}" if several else text).rstrip())
        if described["TrainingJobStatus"] in ENDED:
            screen.end()
            report(described, seen, screen, one)
            return _passed(described)
        screen.progress(_state(described, seen, time.monotonic() - begun))
        time.sleep(poll_s)


def describe(sagemaker: Any, name: str) -> dict[str, Any]:
    """Describe a training job; JobError when there is none of that name."""
    from botocore.exceptions import ClientError  # noqa: PLC0415  (slow to import; usage need not wait for it)

    try:
        described: dict[str, Any] = sagemaker.describe_training_job(TrainingJobName=name)
    except ClientError as error:
        told = error.response["Error"]
        raise JobError("JOB", name, f"{told['Code']}: {told['Message']}; `make status` lists jobs") from None
    return described


def report(described: dict[str, Any], seen: logs.Metrics, screen: Screen, one: Price | None) -> None:
    """Print what a job that has ended leaves: its metrics, its time and cost, its model."""
    final = {metric["MetricName"]: metric["Value"] for metric in described.get("FinalMetricDataList", [])}
    rows = [
        (name, show.number(final[name]) if name in final else "-", *_span(seen.values.get(name, [])))
        for name in sorted({*final, *seen.values})
    ]
    if rows:
        screen.print()
        screen.table(("metric", "final", "lowest", "highest", "values"), rows, right=(1, 2, 3, 4))
    billed = described.get("BillableTimeInSeconds")
    paid = cost.spent(described, one)
    facts = [
        ("job", described["TrainingJobName"]),
        ("status", described["TrainingJobStatus"]),
        ("trained", show.length(described.get("TrainingTimeInSeconds") or 0)),
        ("billed", "-" if billed is None else show.length(billed)),
        ("cost", "unknown" if paid is None else f"{cost.usd(paid)} ({one.source if one else ''})"),
        ("model", (described.get("ModelArtifacts") or {}).get("S3ModelArtifacts", "-")),
    ]
    screen.print()
    for name, value in facts:
        screen.print(f"{name:<8} {value}")


def _span(values: list[float]) -> tuple[str, str, str]:
    if not values:
        return "-", "-", "0"
    return show.number(min(values)), show.number(max(values)), str(len(values))


def _state(described: dict[str, Any], seen: logs.Metrics, seconds: float) -> str:
    last = [f"{name} {show.number(values[-1])}" for name, values in sorted(seen.values.items())][:4]
    status = described.get("SecondaryStatus") or described["TrainingJobStatus"]
    return ", ".join([status, show.length(seconds), *last])


def _passed(described: dict[str, Any]) -> dict[str, Any]:
    if described["TrainingJobStatus"] == "Failed":
        reason = described.get("FailureReason", "without a reason")
        raise JobFailedError(f"job {described['TrainingJobName']} failed: {reason}")
    return described
