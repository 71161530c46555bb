"""Hand a message from one AWS service to another, as their service principals do, inside the server's process.

One place for what Lambda's dead letters and destinations, EventBridge's targets, S3's notifications and CloudWatch's
alarm actions have in common. Every message goes on an :class:`Errand`, whose permission is asked for first.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from rehearsal.aws.iam import decide
from rehearsal.aws.iam.acting import demand_call
from rehearsal.aws.iam.decide import AccessDeniedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rehearsal.aws.context import Acting, Context

log = logging.getLogger(__name__)


class DeliveryError(RuntimeError):
    """A message did not reach its target; the message says which and why."""


class Target(NamedTuple):
    """The parts of an ARN that say where a message goes."""

    service: str
    region: str
    account: str
    resource: str


class Errand(NamedTuple):
    """On whose behalf a message is sent.

    Parameters
    ----------
    duty
        Its row in :mod:`rehearsal.aws.iam.duties`.
    source
        ARN of the resource that sends.
    acting
        The role that is used; without one the service itself asks the policy of the target.
    """

    duty: str
    source: str
    acting: Acting | None = None


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
    errand: Errand,
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
        When the target does not exist, refuses, is of a kind that nothing here delivers to, or when policies forbid it.
    """
    target = parse(arn)
    send = _SENDERS.get(target.service)
    if send is None:
        raise DeliveryError(f"cannot deliver to {arn}: the embedded AWS delivers to {', '.join(sorted(_SENDERS))}")
    if not _exists(target, arn):
        raise DeliveryError(f"cannot deliver to {arn}: it does not exist")
    try:
        _ask(target, arn, body, errand)
    except AccessDeniedError as error:
        raise DeliveryError(f"may not deliver to {arn}: {error}") from error
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


def may_deliver(arn: str, body: str, errand: Errand) -> bool:
    """Whether an errand may be done, for a sender with its own way of doing it; a refusal is logged."""
    try:
        _ask(parse(arn), arn, body, errand)
    except AccessDeniedError as error:
        log.warning("may not deliver to %s: %s", arn, error)
        return False
    return True


def _ask(target: Target, arn: str, body: str, errand: Errand) -> None:
    """Decide what the errand needs.

    Raises
    ------
    AccessDeniedError
        Where refusals are enforced.
    """
    if not decide.deciding():
        return
    if errand.acting is not None:
        decide.assume(errand.acting.service, errand.acting.role, errand.acting.source)
    for service, operation, parameters in _calls(target, arn, body):
        demand_call(errand.duty, service, operation, parameters, source=errand.source, acting=errand.acting)


def _calls(target: Target, arn: str, body: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Return the API calls that a delivery is."""
    if target.service == "sqs":
        return [("sqs", "SendMessage", {"QueueUrl": target.resource})]
    if target.service == "sns":
        return [("sns", "Publish", {"TopicArn": arn})]
    if target.service == "lambda":
        return [("lambda", "Invoke", {"FunctionName": arn})]
    if target.service == "states":
        return [("stepfunctions", "StartExecution", {"stateMachineArn": arn})]
    if target.service == "events":
        entry = _entry(target, body)
        return [("events", "PutEvents", {"Entries": [entry]})]
    stream = {"logGroupName": target.resource.removeprefix("log-group:").removesuffix(":*"), "logStreamName": "events"}
    return [("logs", operation, stream) for operation in ("CreateLogStream", "PutLogEvents")]


def _exists(target: Target, arn: str) -> bool:
    """Whether a queue or topic is there; the other services say so themselves."""
    if target.service == "sqs":
        from moto.sqs.models import sqs_backends

        return target.resource in sqs_backends[target.account][target.region].queues
    if target.service == "sns":
        from moto.sns.models import sns_backends

        return arn in sns_backends[target.account][target.region].topics
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

    events_backends[target.account][target.region].put_events([_entry(target, body)])


def _entry(target: Target, body: str) -> dict[str, Any]:
    event = json.loads(body)
    return {
        "Source": event.get("source", "embedded-aws"),
        "DetailType": event.get("detail-type", "message"),
        "Detail": json.dumps(event.get("detail", event)),
        "EventBusName": target.resource.removeprefix("event-bus/"),
    }


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
