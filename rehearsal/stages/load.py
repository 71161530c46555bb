"""A short load test on the endpoint, held to the workload's own latency objective."""

from __future__ import annotations

import json
import sys

from rehearsal.actors import actor
from rehearsal.run import RehearsalError, Run
from rehearsal.stages import Note, Outcome
from rehearsal.stages.stage import follow
from training.workloads import spec


def perform(run: Run, note: Note) -> Outcome:
    options, objective = run.options, spec.load(run.options.workload).load
    endpoint = run.data("promote")["endpoint"]
    operator = actor(run, "operator")
    status = operator.client("sagemaker").describe_endpoint(EndpointName=endpoint)["EndpointStatus"]
    if status != "InService":
        raise RehearsalError(f"endpoint {endpoint} is {status}: there is nothing to load")
    out = run.path("load")
    command = [
        sys.executable, "-m", "loadtest.run",
        "--endpoint", endpoint,
        "--images", str(run.path("dataset") / "test"),
        "--users", str(options.load_users),
        "--seconds", str(options.load_seconds),
        "--slo-p95-ms", str(objective.p95_ms),
        "--slo-failures", str(objective.max_error_share),
        "--out", str(out),
    ]  # fmt: skip
    follow(command, operator, note)
    result = json.loads((out / "load.json").read_text())
    evidence = (
        f"{result['requests']} requests, {result['failures']} failed, {result['rps']:.0f}/s, "
        f"p95 {result['p95_ms']:.0f} ms (objective {objective.p95_ms:.0f} ms)"
    )
    return evidence, result
