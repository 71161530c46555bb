"""EventBridge: rules deliver to functions, topics, queues, state machines and logs; schedules fire."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rehearsal.aws.context import Context
    from rehearsal.aws.events.ticker import Ticker

_ticker: list[Ticker] = []


def install(context: Context) -> None:
    """Route S3's events at once, and the rest when EventBridge's own modules are needed."""
    from rehearsal.aws.events import buckets

    buckets.install(context)


def prepare(service: str, context: Context) -> None:
    """Change delivery before the first request to EventBridge."""
    if service == "events":
        _load(context)


def start(context: Context) -> None:
    """Begin to fire schedules."""
    from rehearsal.aws.events.ticker import Ticker

    _ticker[:] = [Ticker(context)]
    _ticker[0].start()


def stop(context: Context) -> None:
    """Fire nothing more."""
    for ticker in _ticker:
        ticker.stop()


def announce(context: Context, source: str, detail_type: str, detail: dict[str, Any], resources: list[str]) -> None:
    """Put an event of an AWS service on the default bus; events nobody has a rule for cost nothing."""
    _load(context)
    from moto.events.models import events_backends

    rules = list(events_backends[context.account_id][context.region].event_buses["default"].rules.values())
    if rules:
        message = event(context, source, detail_type, detail, resources)
        for rule in rules:
            rule.send_to_targets(message)


def event(
    context: Context, source: str, detail_type: str, detail: dict[str, Any], resources: list[str]
) -> dict[str, Any]:
    """Return an event in the envelope that targets receive."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": context.account_id,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": context.region,
        "resources": resources,
        "detail": detail,
    }


def _load(context: Context) -> None:
    from rehearsal.aws.events import targets

    targets.install(context)
