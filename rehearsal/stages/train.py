"""The retraining state machine runs the training job; its log is followed as it is written."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from rehearsal import artefact, direct
from rehearsal.actors import actor
from rehearsal.run import RehearsalError, Run
from rehearsal.stages import Note, Outcome, for_each
from rehearsal.stages.stage import follow

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
PAIR = re.compile(r"([\w:.-]+)=([-+0-9.eE]+);")
DEADLINE_S = 600
POLL_S = 0.5


def perform(run: Run, note: Note) -> Outcome:
    evidence, data = for_each(run, lambda workload: train(run, workload.name, note))
    note("a job of the operator's own: sent, listed, stopped")
    return evidence, data | {"direct": direct.sent_and_stopped(run, run.workloads[-1], data["code"])}


def train(run: Run, workload: str, note: Note) -> Outcome:
    """Train one workload's model, as far as the registry."""
    outputs = run.data("apply")["outputs"]
    code = upload_code(run, workload, outputs["models_bucket"], note)
    job = f"{outputs['endpoint_names'][workload]}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    states = actor(run, "operator").client("stepfunctions")
    begin = time.monotonic()
    execution = states.start_execution(
        stateMachineArn=outputs["retraining_state_machine_arns"][workload],
        name=job,
        input=json.dumps({"job_name": job, "code": code}),
    )["executionArn"]
    epochs: list[dict[str, float]] = []
    for line in log_lines(run, execution, job):
        values = {name: float(value) for name, value in PAIR.findall(line)}
        if "epoch" in values and values not in epochs:
            epochs.append(values)
            note(line.strip())
    result = states.describe_execution(executionArn=execution)
    if result["status"] != "SUCCEEDED":
        raise RehearsalError(why_training_failed(run, job, result))
    output = json.loads(result["output"])
    described = actor(run, "operator").client("sagemaker").describe_training_job(TrainingJobName=job)
    metrics = {metric["MetricName"]: metric["Value"] for metric in described["FinalMetricDataList"]}
    seconds = time.monotonic() - begin
    card, metrics_file = artefact.documents(artefact.fetch(actor(run, "operator"), output["model_data_url"]))
    shown = ", ".join(f"{name} {value:.3f}" for name, value in metrics.items() if name.startswith("test:"))
    evidence = f"job {job}: {len(epochs)} epochs, {shown}"
    return evidence, {
        "job_name": job,
        "execution": execution,
        "code": code,
        "epochs": epochs,
        "metrics": metrics,
        "confusion": {"labels": card["classes"], "matrix": metrics_file.get("confusion")},
        "figures": figures(run, workload, output["model_data_url"]),
        "source": card["source"],
        "seconds": seconds,
        "envelope": envelope(described),
        "output": output,
    }


def figures(run: Run, workload: str, model_data_url: str) -> list[dict[str, Any]]:
    """The pictures that the job left beside its model, fetched into the run's folder."""
    folder = run.path("figures") / workload
    shutil.rmtree(folder, ignore_errors=True)
    where = model_data_url.removesuffix("model.tar.gz") + "output.tar.gz"
    return artefact.figures(artefact.fetch(actor(run, "operator"), where), folder)


def upload_code(run: Run, workload: str, bucket: str, note: Note) -> str:
    """Pack the training code and put it under a key that its content decides; return the S3 URI."""
    archive = run.path("code") / workload / "sourcedir.tar.gz"
    command = [sys.executable, "-m", "training.jobs.package", "--workload", workload]
    follow([*command, "--out", str(archive)], actor(run, "operator"), note)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()[:16]
    key = f"{workload}/code/{digest}/sourcedir.tar.gz"
    actor(run, "operator").client("s3").upload_file(str(archive), bucket, key)
    return f"s3://{bucket}/{key}"


def log_lines(run: Run, execution: str, job: str) -> Iterator[str]:
    """The job's log lines as they come, until the execution has ended."""
    logs, states = actor(run, "operator").client("logs"), actor(run, "operator").client("stepfunctions")
    deadline, seen = time.monotonic() + DEADLINE_S, 0
    while time.monotonic() < deadline:
        running = states.describe_execution(executionArn=execution)["status"] == "RUNNING"
        events = job_events(logs, job)
        yield from (event["message"] for event in events[seen:])
        seen = len(events)
        if not running:
            return
        time.sleep(POLL_S)
    raise RehearsalError(f"the training job {job} had not ended after {DEADLINE_S} s: see {run.aws_root}")


def job_events(logs: Any, job: str) -> list[dict[str, Any]]:
    try:
        streams = logs.describe_log_streams(logGroupName=LOG_GROUP, logStreamNamePrefix=f"{job}/")["logStreams"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    events: list[dict[str, Any]] = []
    for stream in streams:
        names = {"logGroupName": LOG_GROUP, "logStreamName": stream["logStreamName"]}
        events += logs.get_log_events(**names, startFromHead=True, limit=10_000)["events"]
    return events


def why_training_failed(run: Run, job: str, result: dict[str, Any]) -> str:
    sagemaker = actor(run, "operator").client("sagemaker")
    reason = result.get("cause") or result.get("error") or result["status"]
    try:
        reason = sagemaker.describe_training_job(TrainingJobName=job).get("FailureReason") or reason
    except sagemaker.exceptions.ClientError:
        reason = f"{reason} (the job itself was never created)"
    tail = [event["message"] for event in job_events(actor(run, "operator").client("logs"), job)][-15:]
    return "\n  ".join([f"training {job} failed: {reason}", *tail])


def envelope(described: dict[str, Any]) -> dict[str, Any]:
    """The security fields of the job as it ran, for the report."""
    return {
        "vpc": bool(described.get("VpcConfig")),
        "network_isolation": described.get("EnableNetworkIsolation"),
        "inter_container_encryption": described.get("EnableInterContainerTrafficEncryption"),
        "output_key": described["OutputDataConfig"].get("KmsKeyId"),
        "volume_key": described["ResourceConfig"].get("VolumeKmsKeyId"),
        "max_runtime_s": described["StoppingCondition"]["MaxRuntimeInSeconds"],
    }
