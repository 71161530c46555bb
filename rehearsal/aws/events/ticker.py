"""Fires scheduled rules and EventBridge Scheduler's schedules, on a clock that runs ``speed`` times as fast."""

from __future__ import annotations

import json
import logging
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rehearsal.aws.context import Acting
from rehearsal.aws.delivery import Errand, deliver_quietly
from rehearsal.aws.events.expressions import ScheduleExpressionError, next_fire
from rehearsal.aws.iam.duties import SCHEDULER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rehearsal.aws.context import Context

log = logging.getLogger(__name__)

_STEP = 0.25  # seconds between two looks


class Ticker:
    """Looks at every schedule until it is stopped."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._stop = threading.Event()
        self._began = datetime.now(UTC)
        self._clock = time.monotonic()
        self._due: dict[tuple[str, str], datetime | None] = {}

    def start(self) -> None:
        """Begin in the background."""
        threading.Thread(target=self._loop, name="schedules", daemon=True).start()

    def stop(self) -> None:
        """Fire nothing more."""
        self._stop.set()

    def now(self) -> datetime:
        """Return the time on the fast clock; it starts with the real one."""
        return self._began + timedelta(seconds=(time.monotonic() - self._clock) * self._context.speed)

    def _loop(self) -> None:
        while not self._stop.wait(_STEP):
            try:
                self._look()
            except Exception:
                log.exception("looking at schedules failed")

    def _look(self) -> None:
        now = self.now()
        seen = set()
        for arn, expression, zone, fire in [*_rules(self._context), *_schedules(self._context)]:
            key = (arn, expression)
            seen.add(key)
            try:
                if key not in self._due:
                    self._due[key] = next_fire(expression, now, zone)
                due = self._due[key]
                if due is not None and due <= now:
                    self._due[key] = next_fire(expression, now, zone)
                    fire()
            except ScheduleExpressionError as error:
                log.warning("schedule %s: %s", arn, error)
                self._due[key] = None
        self._due = {key: due for key, due in self._due.items() if key in seen}


Entry = tuple[str, str, str, Any]


def _rules(context: Context) -> Iterator[Entry]:
    from moto.core.base_backend import BackendDict

    if not any(backend.service_name == "events" for backend in BackendDict._instances):
        return
    from moto.events.models import events_backends

    for _, _, backend in list(events_backends.iter_backends()):
        for rule in list(backend.event_buses["default"].rules.values()):
            if rule.state == "ENABLED" and rule.scheduled_expression:
                yield rule.arn, rule.scheduled_expression, "UTC", lambda rule=rule: _fire_rule(context, rule)


def _schedules(context: Context) -> Iterator[Entry]:
    from moto.core.base_backend import BackendDict

    if not any(backend.service_name == "scheduler" for backend in BackendDict._instances):
        return
    from moto.scheduler.models import scheduler_backends

    for _, _, backend in list(scheduler_backends.iter_backends()):
        for group in list(backend.schedule_groups.values()):
            for schedule in list(group.schedules.values()):
                if schedule.state == "ENABLED":
                    zone = schedule.schedule_expression_timezone or "UTC"
                    yield (
                        schedule.arn,
                        schedule.schedule_expression,
                        zone,
                        lambda s=schedule: _fire_schedule(context, s),
                    )


def _fire_rule(context: Context, rule: Any) -> None:
    from rehearsal.aws.events import event, targets

    message = event(context, "aws.events", "Scheduled Event", {}, [rule.arn])
    for target in list(rule.targets):
        targets.send(context, {**target, "RuleArn": rule.arn}, message)


def _fire_schedule(context: Context, schedule: Any) -> None:
    target = schedule.target
    body = target.get("Input") or json.dumps({})
    # The source is the schedule's group: https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
    group = f"arn:aws:scheduler:{context.region}:{context.account_id}:schedule-group/{schedule.group_name}"
    errand = Errand("schedule target", group, Acting(target["RoleArn"], "scheduler", SCHEDULER, group))
    if deliver_quietly(context, target["Arn"], body, errand=errand):
        return
    dead_letters = (target.get("DeadLetterConfig") or {}).get("Arn")
    if dead_letters:
        deliver_quietly(context, dead_letters, body, attributes={"SCHEDULE_ARN": schedule.arn}, errand=errand)
