"""Looks at an endpoint while it is under load: how many instances it runs, which alarms ring, what scaled it.

Whoever runs a load test may be allowed to send requests and nothing else: what may not be seen is told once, and the
test goes on without it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

LOOK_EVERY_S = 5.0
JOIN_S = 1.0
# A look must never hold the test up for long, nor add to the throttling that it may be looking at.
CONFIG = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 1})
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})

Look = Callable[[], Any]
Note = Callable[[str], None]


def looks(session: Session, endpoint: str, alarms: str | None) -> dict[str, Look]:
    """Return what can be looked at, by the name it has in a sample."""
    sagemaker = _client(session, "sagemaker")

    def instances() -> int | None:
        counts = [variant.get("CurrentInstanceCount") for variant in _variants(sagemaker, endpoint)]
        known = [count for count in counts if count is not None]
        return sum(known) if known else None

    found: dict[str, Look] = {"instances": instances}
    if alarms:
        cloudwatch = _client(session, "cloudwatch")

        def ringing() -> list[str]:
            pages = cloudwatch.get_paginator("describe_alarms").paginate(AlarmNamePrefix=alarms, StateValue="ALARM")
            return sorted(
                alarm["AlarmName"]
                for page in pages
                for kind in ("MetricAlarms", "CompositeAlarms")
                for alarm in page.get(kind, ())
            )

        found["alarms"] = ringing
    return found


@contextmanager
def watching(ways: dict[str, Look], note: Note, every_s: float = LOOK_EVERY_S) -> Iterator[dict[str, Any]]:
    """Look again and again in a thread of its own; yields what was seen last, which changes meanwhile."""
    seen: dict[str, Any] = dict.fromkeys(ways)
    remaining = dict(ways)
    over = threading.Event()

    def watch() -> None:
        told: set[str] = set()
        while remaining and not over.is_set():
            for name, look in list(remaining.items()):
                try:
                    seen[name] = look()
                except (ClientError, BotoCoreError) as error:
                    seen[name] = None
                    if _denied(error):
                        del remaining[name]
                    if name not in told:
                        told.add(name)
                        note(f"note: {name} unknown: {error}")
            over.wait(every_s)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        # It may be in the middle of a look; nobody waits for that one any more.
        thread.join(JOIN_S)


def activities(session: Session, endpoint: str, since: float, note: Note) -> list[dict[str, Any]]:
    """Return what scaled the variants of an endpoint since a time (seconds since 1970), oldest first."""
    scaling = _client(session, "application-autoscaling")
    try:
        found = [
            activity
            for variant in _variants(_client(session, "sagemaker"), endpoint)
            for page in scaling.get_paginator("describe_scaling_activities").paginate(
                ServiceNamespace="sagemaker", ResourceId=f"endpoint/{endpoint}/variant/{variant['VariantName']}"
            )
            for activity in page["ScalingActivities"]
        ]
    except (ClientError, BotoCoreError) as error:
        note(f"note: scaling activities unknown: {error}")
        return []
    return [
        {
            "t": round(began - since, 3),
            "status": activity["StatusCode"],
            "description": activity["Description"],
            "cause": activity["Cause"],
        }
        for activity in sorted(found, key=lambda one: one["StartTime"])
        if (began := activity["StartTime"].timestamp()) >= since
    ]


def _variants(sagemaker: Any, endpoint: str) -> list[dict[str, Any]]:
    return list(sagemaker.describe_endpoint(EndpointName=endpoint).get("ProductionVariants", ()))


def _denied(error: Exception) -> bool:
    return isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") in DENIED


def _client(session: Session, service: str) -> Any:
    return session.create_client(service, region_name=session.get_config_variable("region"), config=CONFIG)
