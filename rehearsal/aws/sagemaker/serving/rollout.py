"""Bring an endpoint up, and move it from one deployment to the next: blue beside green, step by step, or back."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from rehearsal.aws.iam import acting
from rehearsal.aws.iam.decide import AccessDeniedError
from rehearsal.aws.sagemaker import duties
from rehearsal.aws.sagemaker.errors import FailedError
from rehearsal.aws.sagemaker.serving import guardrails
from rehearsal.aws.sagemaker.serving.live import retire

if TYPE_CHECKING:
    from rehearsal.aws.sagemaker.serving.endpoint import Deployment
    from rehearsal.aws.sagemaker.serving.fleet import VariantFleet
    from rehearsal.aws.sagemaker.serving.live import LiveEndpoint

log = logging.getLogger(__name__)

_WATCH_SECONDS = 0.05


def create(live: LiveEndpoint) -> None:
    """Bring the first fleet up: the endpoint ends InService or Failed."""
    record = live.record
    try:
        with live.changing:
            live.serve(record.live, live.launch(record.live))
    except FailedError as error:
        record.enter("Failed", str(error))
        return
    except Exception as error:
        log.exception("endpoint %s", record.endpoint_name)
        record.enter("Failed", f"InternalServerError: the embedded AWS could not start the endpoint: {error!r}")
        return
    record.enter("InService")


def update(live: LiveEndpoint, target: Deployment) -> None:
    """Move to ``target``. Whatever goes wrong, the fleet that serves goes on serving."""
    record = live.record
    plan = guardrails.plan(record.last_deployment_config, sum(variant.desired_count for variant in target.variants))
    green: list[VariantFleet] = []
    with live.changing:
        blue = live.fleets
        try:
            green = live.launch(target)
            _shift(live, blue, green, plan)
        except Exception as error:
            if not isinstance(error, FailedError):
                log.exception("endpoint %s", record.endpoint_name)
            _back(live, blue, green, str(error) or repr(error))
            return
        live.serve(target, green)
        record.live, record.pending, record.pending_since, record.variant_status = target, None, None, None
        _pause(live, live.context.scaled(plan.termination_wait))
        retire(blue)
        if not live.deleted.is_set():
            record.enter("InService")


def _shift(live: LiveEndpoint, blue: list[VariantFleet], green: list[VariantFleet], plan: guardrails.Plan) -> None:
    """Take the steps of the plan.

    Raises
    ------
    FailedError
        When an alarm goes off, the role may not look at it, time runs out, or the endpoint is deleted.
    """
    started, record = time.monotonic(), live.record
    _may_watch(live, green, plan.alarms)
    limit = live.context.scaled(plan.timeout) if plan.timeout else None
    for step in plan.steps:
        record.variant_status = "ActivatingTraffic"
        live.share((blue, 1.0 - step.share), (green, step.share))
        record.variant_status = "Baking"
        until = time.monotonic() + live.context.scaled(step.bake)
        while True:
            ringing = guardrails.in_alarm(live.context, plan.alarms)
            if ringing:
                raise FailedError(f"One or more configured alarm(s) breached: {ringing}")
            if live.deleted.is_set():
                raise FailedError("The endpoint was deleted during its update.")
            if limit is not None and time.monotonic() - started > limit:
                raise FailedError(f"The update exceeded its MaximumExecutionTimeoutInSeconds of {plan.timeout:g}.")
            if time.monotonic() >= until:
                break
            _pause(live, _WATCH_SECONDS)


def _may_watch(live: LiveEndpoint, green: list[VariantFleet], alarms: tuple[str, ...]) -> None:
    context = live.context
    base = f"arn:aws:cloudwatch:{context.region}:{context.account_id}:alarm"
    who = duties.of_endpoint(context, live.record.endpoint_name, green[0].spec.role_arn)
    try:
        acting.demand("rollout alarms", who, [f"{base}:{name}" for name in alarms])
    except AccessDeniedError as error:
        raise FailedError(f"The alarms of the deployment cannot be read: {error}") from error


def _back(live: LiveEndpoint, blue: list[VariantFleet], green: list[VariantFleet], reason: str) -> None:
    """Return all traffic to the old fleet and end the new one."""
    record = live.record
    if live.deleted.is_set():
        retire(green)
        return
    record.enter("RollingBack", reason)
    live.share((blue, 1.0))
    retire(green)
    record.pending, record.pending_since, record.variant_status = None, None, None
    record.enter("InService", reason)


def _pause(live: LiveEndpoint, seconds: float) -> None:
    live.deleted.wait(seconds)
