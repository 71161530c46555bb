"""The approved model goes into the environment's reviewed file, and Terraform brings the endpoint up."""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime
from typing import Any

from rehearsal import artefact
from rehearsal.actors import actor
from rehearsal.environment import Environment
from rehearsal.run import Run
from rehearsal.stages import Note, Outcome
from rehearsal.stages.apply import demand_empty_plan
from terraform.live import models


def perform(run: Run, note: Note) -> Outcome:
    environment = Environment(run)
    before = models.read(environment.models)
    promoted = {}
    for workload in run.workloads:
        model = entry(run, run.data("register", workload.name))
        known = before.get(workload.name)
        # Promoted by an earlier run of this stage, it stays as it was written then.
        promoted[workload.name] = known if known and models.same(known, model) else model
    begin = time.monotonic()
    applied = environment.promote(promoted, note)
    seconds = time.monotonic() - begin
    outputs = environment.outputs()
    name = outputs["endpoint_names"][run.options.workload]
    note("the same, for one who may only look")
    environment.live(note)
    note("plan after the promotion")
    demand_empty_plan(environment)
    live = actor(run, "deploy").client("sagemaker").describe_endpoint(EndpointName=name)
    instances = live["ProductionVariants"][0]["CurrentInstanceCount"]
    return f"{applied.live}; plan empty", {
        "endpoint": name,
        "version": promoted[run.options.workload]["version"],
        "diff": models.diff(before, promoted, environment.models.name),
        "seconds": seconds,
        "instances": instances,
        "live": applied.live,
        "added": applied.added,
        "resources": sum(environment.resources().values()),
        "by_type": environment.resources(),
        "outputs": outputs,
    }


def entry(run: Run, package: dict[str, Any]) -> dict[str, Any]:
    """What the file says of a model. The operator, who may read it, takes the checksum and the ETag of one reading."""
    archive, etag = artefact.fetch_with_etag(actor(run, "operator"), package["model_data_url"])
    return {
        "version": package["version"],
        "image": package["image"],
        "model_data_url": package["model_data_url"],
        "model_package_arn": package["model_package_arn"],
        "promoted": datetime.now(UTC).isoformat(timespec="seconds"),
        "sha256": hashlib.sha256(archive).hexdigest(),
        "etag": etag,
    }
