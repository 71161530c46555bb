"""Leaving a job for a workbench and switching it on."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training.errors import JobError
from training.jobs import plan, training
from training.jobs.logs import Follower
from training.jobs.workbench import pack
from training.jobs.workbench.agent import run, store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from training.jobs.environment import Environment
    from training.workloads.spec import Workload

POLL_S = 5.0
_OUTPUTS = {"group": "workbench_groups", "job_uri": "workbench_job_uris", "log_group": "workbench_log_groups"}


@dataclass(frozen=True, slots=True)
class Workbench:
    """A workload's workbench, as Terraform has made it.

    Attributes
    ----------
    group
        Name of the group of none or one instance.
    job_uri
        Below which the next instance looks for its job.
    """

    group: str
    job_uri: str
    log_group: str


def find(workload: str, outputs: Mapping[str, Any]) -> Workbench:
    """The workload's workbench.

    Raises
    ------
    JobError
        The environment has none for it.
    """
    found: dict[str, Any] = {name: (outputs.get(output) or {}).get(workload) for name, output in _OUTPUTS.items()}
    if missing := sorted(_OUTPUTS[name] for name, value in found.items() if not value):
        remedy = f"the environment has no workbench for it ({', '.join(missing)}): add one to settings.yaml and apply"
        raise JobError("WORKLOAD", workload, remedy)
    return Workbench(**found)


def request(
    workload: Workload, environment: Environment, name: str, *, code: str, hyperparameters: Mapping[str, object]
) -> dict[str, Any]:
    """The request of a training job, as one machine can run it.

    With checkpoints in any case, as if on spot capacity: whoever is interrupted here goes on from them.

    Raises
    ------
    JobError, SpecError
        What SageMaker would refuse.
    """
    machines = {"count": 1, "spot": True, "warm_s": 0}
    decided = plan.plan(workload, environment, code=code, hyperparameters=hyperparameters, machines=machines)
    return training.request(decided, name)


def switch_on(clients: Mapping[str, Any], bench: Workbench, asked: Mapping[str, Any]) -> None:
    """Leave the job and start the instance.

    Raises
    ------
    JobError
        It is on already: its job would be taken from it.
    """
    if capacity(clients["autoscaling"], bench):
        raise JobError("workbench", bench.group, "is on: wait for its job, or switch it off with `--off` first")
    bucket, prefix = store.split(bench.job_uri)
    described = json.dumps({"request": asked, "runner": "container"}, indent=1).encode()
    clients["s3"].put_object(Bucket=bucket, Key=f"{prefix}/agent.pyz", Body=pack.agent())
    clients["s3"].put_object(Bucket=bucket, Key=f"{prefix}/job.json", Body=described)
    clients["autoscaling"].set_desired_capacity(AutoScalingGroupName=bench.group, DesiredCapacity=1)


def switch_off(autoscaling: Any, bench: Workbench) -> None:
    """End the instance, whatever it does; its job goes on from its checkpoints when it is asked for again."""
    autoscaling.set_desired_capacity(AutoScalingGroupName=bench.group, DesiredCapacity=0)


def capacity(autoscaling: Any, bench: Workbench) -> int:
    """Instances that are wanted now."""
    groups = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[bench.group])["AutoScalingGroups"]
    if not groups:
        raise JobError("workbench", bench.group, "there is no such group: apply the environment again")
    return int(groups[0]["DesiredCapacity"])


def follow(
    clients: Mapping[str, Any],
    bench: Workbench,
    asked: Mapping[str, Any],
    tell: Callable[[str], object],
    poll_s: float = POLL_S,
) -> str:
    """Tell each line of the job's log until it has ended, over interruptions; return how it ended, or `off`."""
    follower = Follower(clients["logs"], asked["TrainingJobName"], bench.log_group)
    ended: dict[str, Any] | None = None
    while True:
        on = capacity(clients["autoscaling"], bench)
        for _, text in follower.lines():
            tell(text)
        # The log once more after the end, which is written down before the last lines can be read.
        if ended or not on:
            return str(ended["status"]) if ended else "off"
        ended = store.read_json(clients["s3"], run.state_uri(dict(asked)))
        time.sleep(poll_s)
