"""Change what is live, the safe way: keep the fleet's size, do not shrink it meanwhile, verify, write it down."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from terraform.command import TerraformError
from terraform.live import expected, ledger, models
from terraform.live.compare import differences
from terraform.live.observed import alarms_ringing, instance_counts, observer, rollback_alarms
from terraform.live.scale_in import protected
from terraform.live.verify import NotLiveError, verify

SIZES, UNWATCHED = "live_instance_counts", "unwatched"


@dataclass(frozen=True)
class Place:
    """One environment, for those who change it.

    Attributes
    ----------
    models
        Its file of promoted models.
    endpoints
        Name of the endpoint of each workload, whether it exists or not.
    session
        A ``boto3.Session``, or anything with its ``client``.
    state
        Returns what ``terraform show -json`` prints.
    patience_s, silence_s, poll_s
        How long to wait for what is settling, and for the alarms of a model that is to be left; how often to look.
    """

    models: Path
    endpoints: Mapping[str, str]
    session: Any
    ledger: ledger.Ledger
    state: Callable[[], Mapping[str, Any]]
    note: Callable[[str], object]
    patience_s: float = 900.0
    silence_s: float = 180.0
    poll_s: float = 5.0


def fleet_sizes(place: Place) -> dict[str, int]:
    """How many instances each workload's endpoint wants right now."""
    return instance_counts(place.endpoints.items(), place.session)


def arguments(place: Place, sizes: Mapping[str, int], loud: Mapping[str, str] | None = None) -> list[str]:
    """What a plan is given: the sizes, the workloads whose alarms must not turn it back, what is to be watched again.

    A configuration that was rolled out unwatched is replaced, so that the next rollout is watched: an endpoint is not
    updated to the configuration that it has already.
    """
    again = expected.unwatched(place.state()) if sizes and not loud else []
    return [
        f"-var={SIZES}={json.dumps(sizes, sort_keys=True)}",
        f"-var={UNWATCHED}={json.dumps(loud or {}, sort_keys=True)}",
        *(f"-replace={address}" for address in again),
    ]


def loud(place: Place, workload: str) -> dict[str, str]:
    """The workload, with the reason, where its alarms go on ringing; else nothing.

    SageMaker turns a rollout back at once while they do. For a promotion that is right. But a model that is to be left
    because its alarm rings could not be left.
    """
    names = rollback_alarms(place.endpoints[workload], place.session)
    begin, told = time.monotonic(), False
    while ringing := alarms_ringing(names, place.session) if names else {}:
        reason = "; ".join(f"{name} ({why})" for name, why in ringing.items())
        if time.monotonic() - begin > place.silence_s:
            place.note(f"{reason} rings on: this rollout takes all traffic at once, and this does not turn it back")
            return {workload: reason}
        if not told:
            place.note(f"waiting up to {place.silence_s:.0f} s for silence: {reason}")
            told = True
        time.sleep(place.poll_s)
    return {}


def guarded(place: Place) -> AbstractContextManager[None]:
    """Hold scale-in off for the time of a block, which begins when every endpoint is at rest."""
    return protected(
        list(place.endpoints.values()), place.session, note=place.note, settle_s=place.patience_s, poll_s=place.poll_s
    )


def demand_same_size(place: Place, planned: Mapping[str, int]) -> None:
    """TerraformError when a fleet has grown since it was planned for: the new one would start too small."""
    for workload, size in fleet_sizes(place).items():
        if size > planned.get(workload, 0):
            raise TerraformError(
                f"nothing was changed: {place.endpoints[workload]} has grown to {size} instances since the plan "
                f"(then {planned.get(workload, 0)}); apply again"
            )


def demand_silence(place: Place, plan: Mapping[str, Any]) -> None:
    """Wait until no alarm rings that would roll the planned update back at once; TerraformError when one goes on."""
    begin, told = time.monotonic(), False
    names = sorted(watching(plan))
    while ringing := alarms_ringing(names, place.session) if names else {}:
        if time.monotonic() - begin > place.patience_s:
            listed = "; ".join(f"{name} ({reason})" for name, reason in ringing.items())
            raise TerraformError(
                f"nothing was changed: SageMaker rolls an update back at once while an alarm of it rings: {listed}"
            )
        if not told:
            place.note(f"waiting for {', '.join(ringing)} to fall silent: it would roll the update back at once")
            told = True
        time.sleep(place.poll_s)


def watching(plan: Mapping[str, Any]) -> set[str]:
    """Names of the alarms that watch the endpoints which a plan (``terraform show -json``) moves to another model."""
    names: set[str] = set()
    for resource in plan.get("resource_changes", []):
        change = resource["change"]
        if resource["type"] == "aws_sagemaker_endpoint" and change["actions"] == ["update"]:
            for deployment in change["after"].get("deployment_config") or []:
                for rollback in deployment.get("auto_rollback_configuration") or []:
                    names |= {str(alarm["alarm_name"]) for alarm in rollback.get("alarms") or []}
    return names


def verified(place: Place) -> str:
    """Return one line about what is live; NotLiveError where it is not what was applied."""
    wanted = expected.read(place.state(), models.read(place.models))
    look = observer(wanted, place.session)
    return verify(wanted, look, place.note, patience_s=place.patience_s, poll_s=place.poll_s)


def applied(place: Place, apply: Callable[[], None], instead_of: models.Models | None = None) -> str:
    """Apply, verify, and write down what was verified; returns one line about what is live.

    Raises
    ------
    NotLiveError
        Where what is live is not what was applied, and also when it is what made Terraform fail.
    """
    try:
        apply()
    except TerraformError as error:
        wanted = expected.read(place.state(), models.read(place.models))
        faults = differences(wanted, observer(wanted, place.session)())
        if any(fault.resource.startswith("endpoint ") and not fault.settling for fault in faults):
            raise NotLiveError(faults) from error
        raise
    evidence = verified(place)
    ledger.record(place.ledger, models.read(place.models), instead_of)
    return evidence
