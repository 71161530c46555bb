"""A training job that the operator sends themself, as `make train` does, listed and stopped at once.

The retraining state machine sends the jobs whose models are used; this shows that the request of `training.jobs` passes
IAM, arrives in its envelope, and that a job can be found and stopped by its name.
"""

from __future__ import annotations

import io
import time
from typing import Any

from rehearsal import jobs, wire
from rehearsal.actors import actor
from rehearsal.run import RehearsalError, Run
from training.jobs import client, environment, follow, names, plan, status, training
from training.jobs.show import Screen
from training.workloads.description import Workload

STOPPED_S, POLL_S = 120, 0.2


def sent_and_stopped(run: Run, workload: Workload, code: str) -> dict[str, Any]:
    """Send a job, list it, stop it, wait for its end; RehearsalError where one of these does not hold."""
    operator = actor(run, "operator")
    clients = client.Clients(operator.client("logs"), operator.client("s3"), operator.client("sagemaker"))
    where = environment.load("rehearsal", workload.name, outputs=jobs.outputs_file(run))
    # The state machine's jobs are named to the second as well.
    name = f"{names.job_name(where)}-direct"
    request = training.request(plan.plan(workload, where, code=code), name)
    client.send(clients.sagemaker, training.OPERATION, request)
    fields = wire.job(run, name)
    listed = io.StringIO()
    status.recent(clients, where, [workload.training.gate.metric], Screen(listed), 5)
    if name not in listed.getvalue():
        raise RehearsalError(f"{name} was sent, but `make status` does not list it:\n{listed.getvalue()}")
    status.stop(clients, where, name, Screen(listed))
    deadline = time.monotonic() + STOPPED_S
    while (state := follow.describe(clients.sagemaker, name)["TrainingJobStatus"]) not in follow.ENDED:
        if time.monotonic() > deadline:
            raise RehearsalError(f"{name} was to be stopped, but is still {state} after {STOPPED_S} s")
        time.sleep(POLL_S)
    if state != "Stopped":
        raise RehearsalError(f"{name} was to be stopped, but has {state}")
    return {"job": name, "status": state, "envelope": fields}
