"""What one job will run: the workload's description, overlaid by the environment's settings and by the caller."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from training.errors import JobError
from training.workloads.values import hyperparameter_strings, meant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training.jobs.environment import Environment
    from training.workloads.description import Workload

INSTANCES = Path(__file__).resolve().parents[1] / "instances.yaml"

# A container without a network cannot fetch its code from S3, as script mode usually does: it comes in as a channel.
CODE_CHANNEL = "code"
CODE_ARCHIVE = f"/opt/ml/input/data/{CODE_CHANNEL}/sourcedir.tar.gz"


@dataclass(frozen=True, slots=True)
class Machines:
    """Instances of a job.

    Attributes
    ----------
    max_wait_s
        Seconds for the wait for spot capacity and the run together; None without spot.
    warm_s
        Seconds for which the instances are kept for the next job.
    """

    type: str
    count: int
    volume_gb: int
    max_runtime_s: int
    max_wait_s: int | None = None
    spot: bool = False
    warm_s: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """One job of a workload in an environment.

    Attributes
    ----------
    code
        S3 URI of the sourcedir.tar.gz that `training.jobs.package` makes.
    dataset
        S3 URI of the dataset, without a slash at the end.
    hyperparameters
        Those of the program, as SageMaker's map of strings; the toolkit's own come on top of them.
    """

    workload: Workload
    environment: Environment
    code: str
    dataset: str
    machines: Machines
    hyperparameters: dict[str, str]

    @property
    def processes(self) -> int:
        """Training processes of the whole job."""
        return self.machines.count * self.workload.training.processes_per_instance


def plan(
    workload: Workload,
    environment: Environment,
    *,
    code: str,
    dataset: str = "",
    hyperparameters: Mapping[str, object] | None = None,
    machines: Mapping[str, Any] | None = None,
) -> Plan:
    """Decide what a job will run.

    Parameters
    ----------
    hyperparameters, machines
        What the caller wants otherwise, by the names of the workload's hyperparameters and of `Machines`.

    Raises
    ------
    JobError, SpecError
        A value that the workload, the list of instance types or SageMaker rules out.
    """
    if not code.startswith(f"{environment.code_uri}/") or not code.endswith("/sourcedir.tar.gz"):
        raise JobError(
            "code", code, f"must be {environment.code_uri}/<folder>/sourcedir.tar.gz: the role reads no other"
        )
    dataset = (dataset or environment.dataset_uri).rstrip("/")
    if dataset != environment.dataset_uri and not dataset.startswith(f"{environment.dataset_uri}/"):
        raise JobError("dataset", dataset, f"lies outside {environment.dataset_uri}, where alone the role may read")
    # What keeps a rehearsal small, as the stacks have it.
    given: dict[str, object] = dict(workload.rehearsal.hyperparameters) if environment.name == "rehearsal" else {}
    given |= dict(environment.training.get("hyperparameters") or {}) | dict(hyperparameters or {})
    return Plan(
        workload=workload,
        environment=environment,
        code=code,
        dataset=dataset,
        machines=_machines(workload, environment, dict(machines or {})),
        hyperparameters=hyperparameter_strings(workload, given),
    )


@lru_cache(maxsize=1)
def listed_types(use: str = "training") -> tuple[str, ...]:
    """Instance types that need no discussion, for `training` or for an `endpoint`."""
    return tuple(yaml.safe_load(INSTANCES.read_text(encoding="utf-8"))[use])


def demand_type(field: str, value: str, environment: Environment) -> None:
    """Refuse an instance type off the list, unless the environment's settings give a reason for such types."""
    if value in listed_types() or environment.any_instance:
        return
    remedy = (
        f"use one of {', '.join(listed_types())}, or write loosened.instance_types with the reason in settings.yaml"
    )
    raise JobError(field, value, f"{remedy}{meant(value, listed_types())}")


def _machines(workload: Workload, environment: Environment, wanted: dict[str, Any]) -> Machines:
    default, settings = workload.training.instance, environment.training

    def chosen(name: str, spec_name: str | None = None) -> Any:
        return settings.get(name) or getattr(default, spec_name or name)

    machines = replace(
        Machines(
            type=chosen("instance_type", "type"),
            count=chosen("instance_count", "count"),
            volume_gb=chosen("volume_gb"),
            max_runtime_s=chosen("max_runtime_s"),
            spot=chosen("spot"),
            warm_s=default.warm_s,
        ),
        **wanted,
    )
    demand_type("instance type", machines.type, environment)
    if machines.spot and machines.max_wait_s is None:
        # As the training module: as long again for the wait as for the run.
        machines = replace(machines, max_wait_s=2 * machines.max_runtime_s)
    return machines
