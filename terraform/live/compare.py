"""Hold what is live against what should be: every difference is a line that names thing, expected, live and remedy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from terraform.live.expected import Alarm, Endpoint, Expected, Function
from terraform.live.observed import Artefact, LiveAlarm, LiveEndpoint, LiveFunction, Observed

# Lambda keeps 100 executions for functions that have reserved none:
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
LEAST_UNRESERVED = 100

ON_ITS_WAY = {"Creating", "Updating", "SystemUpdating"}
"""Statuses that end by themselves (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html)."""


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it should be; ``settling`` where waiting may mend it."""

    resource: str
    expected: str
    live: str
    remedy: str
    settling: bool = False

    def __str__(self) -> str:
        return f"{self.resource}: expected {self.expected}, live {self.live}; {self.remedy}"


def differences(expected: Expected, observed: Observed) -> list[Difference]:
    """List everything that differs."""
    found: list[Difference] = []
    for endpoint in expected.endpoints:
        found += of_endpoint(endpoint, observed.endpoints.get(endpoint.name))
    for function in expected.functions:
        found += of_function(function, observed.functions.get(function.name))
    for alarm in expected.alarms:
        found += of_alarm(alarm, observed.alarms.get(alarm.name))
    if observed.unreserved is not None and observed.unreserved < LEAST_UNRESERVED:
        found.append(
            Difference(
                "Lambda account limit",
                f"{LEAST_UNRESERVED} unreserved executions or more",
                str(observed.unreserved),
                "lower the reserved concurrency of a function in settings.yaml, or have the quota raised",
            )
        )
    return found


def of_endpoint(wanted: Endpoint, live: LiveEndpoint | None) -> Iterator[Difference]:
    """Status, configuration, model, artefact, instances."""
    thing = f"endpoint {wanted.name}"
    if live is None:
        yield Difference(thing, "an endpoint", "none", "apply again; see who deleted it in CloudTrail")
        return
    if live.status in ON_ITS_WAY:
        onto = f" to {live.pending}" if live.pending else ""
        yield Difference(thing, "InService", f"{live.status}{onto}", "wait for it", settling=True)
        return
    if live.status != "InService":
        yield Difference(thing, "InService", _because(live.status, live.reason), _rolled_back_remedy(wanted))
    if live.config != wanted.config:
        rolled = f"{live.config}: SageMaker rolled the update back ({live.reason or 'no reason given'})"
        yield Difference(thing, f"configuration {wanted.config}", rolled, _rolled_back_remedy(wanted))
        return
    if live.model != wanted.model or live.url != wanted.url or live.image != wanted.image:
        serves = f"{live.model} ({live.url}, {live.image})" if live.url else f"{live.model or live.config}, deleted"
        yield Difference(
            thing,
            f"model {wanted.model} ({wanted.url}, {wanted.image})",
            serves,
            "apply again: somebody changed it past Terraform",
        )
    yield from of_artefact(wanted.url, wanted.promoted, live.artefact)
    yield from _of_instances(wanted, live)


def of_artefact(url: str, promoted: Mapping[str, Any], live: Artefact | None) -> Iterator[Difference]:
    """Whether the object is, byte for byte, what was promoted."""
    thing, sha256 = f"artefact {url}", promoted.get("sha256")
    if live is None:
        yield Difference(thing, "an object", "none", "restore the version that was deleted, or promote another model")
    elif not sha256:
        yield Difference(thing, "a recorded sha256", "none", "write it into models.auto.tfvars.json beside its URL")
    elif live.etag == promoted.get("etag"):
        return
    elif live.unread:
        yield Difference(
            thing,
            f"sha256 {sha256}, or the ETag recorded beside it",
            f"ETag {live.etag}, and its content cannot be read ({live.unread})",
            "run `make live` as an operator, who may read it; record the ETag at promotion, and it need not be read",
        )
    elif live.sha256 != sha256:
        yield Difference(
            thing,
            f"sha256 {sha256}",
            live.sha256,
            "it was replaced after its promotion: find out by whom, restore its version, go back with `make rollback`",
        )


def of_function(wanted: Function, live: LiveFunction | None) -> Iterator[Difference]:
    """The alias, the code behind it, and its provisioned concurrency."""
    thing = f"function {wanted.name}"
    if live is None:
        yield Difference(thing, f"alias {wanted.alias}", "none", "apply again")
        return
    if live.version != wanted.version:
        remedy = f"apply again: somebody moved the alias {wanted.alias} past Terraform"
        yield Difference(thing, f"version {wanted.version}", live.version, remedy)
    elif live.code_sha256 != wanted.code_sha256:
        remedy = "make functions, and apply again: the version was published from another package"
        yield Difference(thing, f"CodeSha256 {wanted.code_sha256}", live.code_sha256, remedy)
    if wanted.provisioned is None:
        return
    least, most = wanted.provisioned
    wants = f"{least} to {most}" if least != most else str(least)
    shown = f"{live.status or 'none'}, {live.available} of {live.requested}"
    if live.status == "IN_PROGRESS" or (live.status == "READY" and live.available < live.requested):
        yield Difference(thing, f"provisioned concurrency READY, {wants}", shown, "wait for it", settling=True)
    elif live.status != "READY" or not least <= live.requested <= most:
        remedy = "see the function's quota and its reserved concurrency, and apply again"
        yield Difference(thing, f"provisioned concurrency READY, {wants}", _because(shown, live.reason), remedy)


def of_alarm(wanted: Alarm, live: LiveAlarm | None) -> Iterator[Difference]:
    """Whether it is there, tells somebody, and is silent."""
    thing = f"alarm {wanted.name}"
    if live is None:
        yield Difference(thing, "an alarm", "none", "apply again")
        return
    missing = set(wanted.actions) - set(live.actions)
    if not live.enabled:
        remedy = f"aws cloudwatch enable-alarm-actions --alarm-names {wanted.name}"
        yield Difference(thing, "actions enabled", "disabled", remedy)
    if missing or not live.actions:
        told = ", ".join(live.actions) or "nobody"
        yield Difference(thing, f"actions {', '.join(wanted.actions) or 'of any kind'}", told, "apply again")
    if live.state == "ALARM":
        remedy = "look into what it watches; what is deployed while it rings is rolled back"
        yield Difference(thing, "OK", _because("ALARM", live.reason), remedy, settling=True)


def _of_instances(wanted: Endpoint, live: LiveEndpoint) -> Iterator[Difference]:
    thing = f"endpoint {wanted.name}"
    if live.limits is None or (wanted.limits is not None and live.limits != wanted.limits):
        wants = "limits of a schedule" if wanted.limits is None else f"limits of {_span(wanted.limits)} instances"
        yield Difference(thing, wants, _span(live.limits) if live.limits else "none: nothing scales it", "apply again")
        return
    least, most = live.limits
    if live.current != live.desired:
        remedy = "wait for it"
        yield Difference(thing, f"{live.desired} instances", str(live.current), remedy, settling=True)
    elif not least <= live.current <= most:
        remedy = "wait for the autoscaler to bring it within its limits"
        yield Difference(thing, f"{_span(live.limits)} instances", str(live.current), remedy, settling=True)


def _rolled_back_remedy(wanted: Endpoint) -> str:
    log_group = f"/aws/sagemaker/Endpoints/{wanted.name}"
    return f"go back to the last good model with `make rollback`; its alarms and log group {log_group} say why"


def _span(limits: tuple[int, int]) -> str:
    return f"{limits[0]} to {limits[1]}"


def _because(what: str, reason: str) -> str:
    return f"{what} ({reason})" if reason else what
