"""What a job may cost at most, and what one has cost.

The bound is that of the request: all instances until the end that it sets, kept warm as long as it allows. What spot
capacity saves is known only afterwards, so it counts at the full price.
Billing: https://aws.amazon.com/sagemaker/pricing/ (instances by the second, volumes by the month)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from training.errors import JobError
from training.jobs import show

PRICES = Path(__file__).with_name("prices.yaml")
HOURS_PER_MONTH = 730


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars of one instance for an hour and of a gigabyte of its volume for a month, and who says so."""

    hourly: float
    volume: float
    source: str


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    table: dict[str, Any] = yaml.safe_load(PRICES.read_text(encoding="utf-8"))
    return table


def price(region: str, instance_type: str, given: float | None = None) -> Price | None:
    """Price of an instance, or None where nobody has said what it costs.

    Parameters
    ----------
    given
        The caller's own figure, in US dollars per instance and hour.

    Raises
    ------
    JobError
        The caller's figure is no price.
    """
    table = _table().get(region, {})
    volume = table.get("usd_per_gb_month", 0.0)
    if given is not None:
        if not 0 < given < 1000:
            raise JobError("PRICE", given, "must be US dollars per instance and hour, above 0 and below 1000")
        return Price(given, volume, "the price given")
    hourly = table.get("usd_per_hour", {}).get(instance_type)
    return Price(hourly, volume, f"price of {table['date']}, training/jobs/prices.yaml") if hourly else None


def seconds(one: Price, instances: int, volume_gb: int, length_s: float) -> float:
    """US dollars for so many instances with their volumes over so many seconds."""
    hours = length_s / 3600
    return instances * hours * (one.hourly + volume_gb * one.volume / HOURS_PER_MONTH)


def bound(request: dict[str, Any], one: Price) -> float:
    """US dollars that a training or tuning request may cost at most."""
    definition = request.get("TrainingJobDefinition", request)
    machines = definition["ResourceConfig"]
    length_s = definition["StoppingCondition"]["MaxRuntimeInSeconds"] + machines.get("KeepAlivePeriodInSeconds", 0)
    trials = 1
    if "HyperParameterTuningJobConfig" in request:
        trials = request["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxNumberOfTrainingJobs"]
    return trials * seconds(one, machines["InstanceCount"], machines["VolumeSizeInGB"], length_s)


def spent(described: dict[str, Any], one: Price | None) -> float | None:
    """US dollars of a training job so far, from DescribeTrainingJob; None without a price or before it is billed."""
    billed = described.get("BillableTimeInSeconds", described.get("TrainingTimeInSeconds"))
    if one is None or billed is None:
        return None
    machines = described["ResourceConfig"]
    # BillableTimeInSeconds counts one instance, and with spot only what is charged.
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTrainingJob.html
    return seconds(one, machines["InstanceCount"], machines["VolumeSizeInGB"], billed)


def told(request: dict[str, Any], one: Price | None, limit: float | None = None) -> str:
    """Say in a line what the request may cost.

    Raises
    ------
    JobError
        It may cost more than `limit`, or a limit was given and no price is known.
    """
    definition = request.get("TrainingJobDefinition", request)
    machines, end = definition["ResourceConfig"], definition["StoppingCondition"]["MaxRuntimeInSeconds"]
    if one is None:
        remedy = (
            "no price is known for it; give PRICE=USD per instance and hour, or add it to training/jobs/prices.yaml"
        )
        if limit is not None:
            raise JobError("MAX_COST", limit, f"{machines['InstanceType']}: {remedy}")
        return f"cost unknown: {machines['InstanceType']}: {remedy}"
    most = bound(request, one)
    if limit is not None and most > limit:
        remedy = f"the job may cost {usd(most)}; lower max_runtime_s, instances or trials, or raise the limit"
        raise JobError("MAX_COST", limit, remedy)
    trials = request.get("HyperParameterTuningJobConfig", {}).get("ResourceLimits", {}).get("MaxNumberOfTrainingJobs")
    jobs = f"{trials} trials of " if trials else ""
    spot = ", less with spot" if definition.get("EnableManagedSpotTraining") else ""
    what = f"{jobs}{machines['InstanceCount']} x {machines['InstanceType']} for {show.length(end)}"
    return f"at most {usd(most)}{spot}: {what} at ${one.hourly:.4g} an hour ({one.source})"


def usd(value: float) -> str:
    """Dollars with cents, and with what is below a cent where that is all there is."""
    return f"${value:.2f}" if value >= 0.1 else f"${value:.3g}"
