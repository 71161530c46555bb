"""Rules and their targets: what an event becomes on its way, and where it goes when that fails."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rehearsal.aws.context import Acting
from rehearsal.aws.delivery import Errand, deliver_quietly
from rehearsal.aws.iam.duties import EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from rehearsal.aws.context import Context

log = logging.getLogger(__name__)
_done: list[bool] = []


def install(context: Context) -> None:
    """Replace moto's delivery, which knows no functions, topics or state machines. Safe to call again."""
    if _done:
        return
    _done.append(True)
    from moto.events.models import Rule

    to_archive = Rule.send_to_targets

    def send_to_targets(self: Any, original_event: dict[str, Any], transform_input: bool = True) -> None:
        # moto takes a rule without a pattern, which is a schedule, as one that matches every event
        if self.state != "ENABLED" or not self.event_pattern.get_pattern():
            return
        message = _iso(original_event)
        if not self.event_pattern.matches_event(message):
            return
        if any(target["Arn"].endswith(":archive") or ":events:" in target["Arn"] for target in self.targets):
            _archive(self, original_event, to_archive)
        for target in list(self.targets):
            send(context, {**target, "RuleArn": self.arn}, message)

    Rule.send_to_targets = send_to_targets


def send(context: Context, target: dict[str, Any], message: dict[str, Any]) -> None:
    """Deliver an event to one target; what fails goes to the target's dead-letter queue.

    A target with a role gets what the role may do, any other what its own policy lets EventBridge do for ``RuleArn``.
    """
    arn, rule, role = target["Arn"], target["RuleArn"], target.get("RoleArn")
    errand = Errand("rule target", rule, Acting(role, "events", EVENTS, rule) if role else None)
    if arn.split(":")[2] == "events" and ":event-bus/" not in arn:
        return
    body = shape(target, message)
    group = (target.get("SqsParameters") or {}).get("MessageGroupId")
    if deliver_quietly(context, arn, body, group_id=group, errand=errand):
        return
    dead_letters = (target.get("DeadLetterConfig") or {}).get("Arn")
    if dead_letters:
        attributes = {"TARGET_ARN": arn, "ERROR_CODE": "SDK_CLIENT_ERROR", "RULE_ARN": rule}
        deliver_quietly(context, dead_letters, body, attributes=attributes, errand=Errand("rule target", rule))


def shape(target: dict[str, Any], message: dict[str, Any]) -> str:
    """Return what the target receives: its constant input, a part of the event, a template, or the event."""
    if target.get("Input"):
        return str(target["Input"])
    if target.get("InputPath"):
        return json.dumps(_at(message, target["InputPath"]))
    transformer = target.get("InputTransformer")
    if not transformer:
        return json.dumps(message)
    text = transformer["InputTemplate"]
    for name, path in (transformer.get("InputPathsMap") or {}).items():
        value = _at(message, path)
        text = text.replace(f'"<{name}>"', json.dumps(value if isinstance(value, str) else json.dumps(value)))
        text = text.replace(f"<{name}>", value if isinstance(value, str) else json.dumps(value))
    text = text.replace("<aws.events.event.json>", json.dumps(message)).replace(
        "<aws.events.event>", json.dumps(message)
    )
    try:
        json.loads(text)
    except ValueError:
        return json.dumps(text)  # a template of plain text arrives as a JSON string
    return str(text)


def _at(message: dict[str, Any], path: str) -> Any:
    """Follow a JSON path such as ``$.detail.bucket.name``."""
    value: Any = message
    for part in path.removeprefix("$").lstrip(".").split("."):
        if part:
            value = value.get(part) if isinstance(value, dict) else None
    return value


def _iso(event: dict[str, Any]) -> dict[str, Any]:
    moment = event.get("time")
    if isinstance(moment, int | float) or (isinstance(moment, str) and moment.replace(".", "").isdigit()):
        return {**event, "time": datetime.fromtimestamp(float(moment), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
    return dict(event)


def _archive(rule: Any, event: dict[str, Any], original: Callable[..., None]) -> None:
    """Let moto fill archives, which are targets of rules that it manages itself."""
    targets = rule.targets
    try:
        rule.targets = [t for t in targets if t["Arn"].split(":")[2] == "events" and ":event-bus/" not in t["Arn"]]
        if rule.targets:
            original(rule, event)
    finally:
        rule.targets = targets
