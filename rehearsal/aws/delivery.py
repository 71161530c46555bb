"""Hand a message from one AWS service to another, as their service principals do, inside the server's process.

One place for what Lambda's dead letters and destinations, EventBridge's targets, S3's notifications and CloudWatch's
alarm actions have in common.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rehearsal.aws.context import Context

log = logging.getLogger(__name__)


class DeliveryError(RuntimeError):
    """A message did not reach its target; the message says which and why."""


class Target(NamedTuple):
    """The parts of an ARN that say where a message goes."""

    service: str
    region: str
    account: str
    resource: str


def parse(arn: str) -> Target:
    """Split an ARN; raises :class:`DeliveryError` for anything else."""
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn":
        raise DeliveryError(f"{arn!r} is not an ARN")
    return Target(parts[2], parts[3], parts[4], parts[5])


def deliver(
    context: Context,
    arn: str,
    body: str,
    *,
    attributes: Mapping[str, str] | None = None,
    subject: str | None = None,
    group_id: str | None = None,
) -> None:
    """Send ``body`` to a queue, topic, function, state machine or event bus.

    Parameters
    ----------
    attributes
        String message attributes, for queues and topics.
    group_id
        Message group, for FIFO queues.

    Raises
    ------
    DeliveryError
        When the target does not exist, refuses, or is of a kind that nothing here delivers to.
    """
    target = parse(arn)
    send = _SENDERS.get(target.service)
    if send is None:
        raise DeliveryError(f"cannot deliver to {arn}: the embedded AWS delivers to {', '.join(sorted(_SENDERS))}")
    try:
        send(context, target, arn, body, dict(attributes or {}), subject, group_id)
    except DeliveryError:
        raise
    except (
        Exception
    ) as error:  # moto's services raise their own wire errors; the sender only needs to know that it failed
        raise DeliveryError(f"cannot deliver to {arn}: {_reason(error)}") from error


def deliver_quietly(context: Context, arn: str, body: str, **options: Any) -> bool:
    """Like :func:`deliver`, but log a failure and return False: for services that have nobody to tell."""
    try:
        deliver(context, arn, body, **options)
    except DeliveryError as error:
        log.warning("%s", error)
        return False
    return True


def _to_queue(
    context: Context,
    target: Target,
    arn: str,
    body: str,
    attributes: dict[str, str],
    subject: str | None,
    group: str | None,
) -> None:
    from moto.sqs.models import sqs_backends

    sqs_backends[target.account][target.region].send_message(
        target.resource,
        body,
        message_attributes={k: {"DataType": "String", "StringValue": v} for k, v in attributes.items()},
        group_id=group,
        validate_group_id=False,
    )


def _to_topic(
    context: Context,
    target: Target,
    arn: str,
    body: str,
    attributes: dict[str, str],
    subject: str | None,
    group: str | None,
) -> None:
    from moto.sns.models import sns_backends

    sns_backends[target.account][target.region].publish(
        arn=arn,
        message=body,
        subject=subject,
        message_attributes={k: {"Type": "String", "Value": v} for k, v in attributes.items()},
        group_id=group,
    )


def _to_function(
    context: Context,
    target: Target,
    arn: str,
    body: str,
    attributes: dict[str, str],
    subject: str | None,
    group: str | None,
) -> None:
    from rehearsal.aws.lambdas import submit

    submit(arn, body.encode())


def _to_state_machine(
    context: Context,
    target: Target,
    arn: str,
    body: str,
    attributes: dict[str, str],
    subject: str | None,
    group: str | None,
) -> None:
    from rehearsal.aws.workflows import start_execution

    start_execution(arn, body)


def _to_bus(
    context: Context,
    target: Target,
    arn: str,
    body: str,
    attributes: dict[str, str],
    subject: str | None,
    group: str | None,
) -> None:
    from moto.events.models import events_backends

    event = json.loads(body)
    entry = {
        "Source": event.get("source", "embedded-aws"),
        "DetailType": event.get("detail-type", "message"),
        "Detail": json.dumps(event.get("detail", event)),
        "EventBusName": target.resource.removeprefix("event-bus/"),
    }
    events_backends[target.account][target.region].put_events([entry])


def _to_log_group(
    context: Context,
    target: Target,
    arn: str,
    body: str,
    attributes: dict[str, str],
    subject: str | None,
    group: str | None,
) -> None:
    name = target.resource.removeprefix("log-group:").removesuffix(":*")
    context.put_logs(name, "events", [body])


_SENDERS = {
    "sqs": _to_queue,
    "sns": _to_topic,
    "lambda": _to_function,
    "states": _to_state_machine,
    "events": _to_bus,
    "logs": _to_log_group,
}


def _reason(error: Exception) -> str:
    return str(getattr(error, "message", "") or getattr(error, "description", "") or repr(error))
