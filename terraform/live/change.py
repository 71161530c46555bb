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
from terraform.live.observed import alarms_ringing, instance_counts, observer
from terraform.live.scale_in import protected
from terraform.live.verify import NotLiveError, verify

VARIABLE = "live_instance_counts"


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
    patience_s, poll_s
        How long to wait for what is settling, and how often to look.
    """

    models: Path
    endpoints: Mapping[str, str]
    session: Any
    ledger: ledger.Ledger
    state: Callable[[], Mapping[str, Any]]
    note: Callable[[str], object]
    patience_s: float = 900.0
    poll_s: float = 5.0


def fleet_sizes(place: Place) -> dict[str, int]:
    """How many instances each workload's endpoint wants right now."""
    return instance_counts(place.endpoints.items(), place.session)


def as_argument(sizes: Mapping[str, int]) -> str:
    """The argument that hands the sizes to a plan."""
    return f"-var={VARIABLE}={json.dumps(sizes, sort_keys=True)}"


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
    names = sorted(rollback_alarms(plan))
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


def rollback_alarms(plan: Mapping[str, Any]) -> set[str]:
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
