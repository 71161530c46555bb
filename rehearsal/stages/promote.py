"""The approved model goes into the environment's reviewed file, and Terraform brings the endpoint up."""

from __future__ import annotations

import difflib
import hashlib
import time
from typing import Any

from rehearsal import artefact
from rehearsal.actors import Actor, actor
from rehearsal.environment import Environment, models_file
from rehearsal.run import RehearsalError, Run
from rehearsal.stages import Note, Outcome
from rehearsal.stages.apply import demand_empty_plan


def perform(run: Run, note: Note) -> Outcome:
    workload, package = run.options.workload, run.data("register")
    archive = artefact.fetch(actor(run, "operator"), package["model_data_url"])
    environment = Environment(run)
    before = environment.models.read_text() if environment.models.exists() else '{\n  "models": {}\n}\n'
    model = {
        "version": package["version"],
        "image": package["image"],
        "model_data_url": package["model_data_url"],
        "model_package_arn": package["model_package_arn"],
        "sha256": hashlib.sha256(archive).hexdigest(),
    }
    after = models_file(environment.models, {workload: model})
    diff = "".join(difflib.unified_diff(before.splitlines(True), after.splitlines(True), "live", "approved"))
    begin = time.monotonic()
    applied = environment.apply(note)
    outputs = environment.outputs()
    name = outputs["endpoint_names"][workload]
    live = demand_live(actor(run, "deploy"), name, package["model_data_url"])
    seconds = time.monotonic() - begin
    note("plan after the promotion")
    demand_empty_plan(environment)
    instances = live["ProductionVariants"][0]["CurrentInstanceCount"]
    evidence = f"endpoint {name} serves version {model['version']} on {instances} instances, plan empty"
    return evidence, {
        "endpoint": name,
        "version": model["version"],
        "diff": diff,
        "seconds": seconds,
        "instances": instances,
        "added": applied.added,
        "resources": sum(environment.resources().values()),
        "by_type": environment.resources(),
        "outputs": outputs,
    }


def demand_live(pipeline: Actor, name: str, model_data_url: str) -> dict[str, Any]:
    """Read back what serves: Terraform reports success even when SageMaker has rolled an update back."""
    sagemaker = pipeline.client("sagemaker")
    endpoint: dict[str, Any] = sagemaker.describe_endpoint(EndpointName=name)
    if endpoint["EndpointStatus"] != "InService":
        reason = endpoint.get("FailureReason", "no reason given")
        raise RehearsalError(f"endpoint {name} is {endpoint['EndpointStatus']}: {reason}")
    config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    model = sagemaker.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
    serves = model["PrimaryContainer"]["ModelDataUrl"]
    if serves != model_data_url:
        raise RehearsalError(f"endpoint {name} serves {serves}, not the approved {model_data_url}: it was rolled back")
    return endpoint
