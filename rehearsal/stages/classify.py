"""The workflow classifies a batch twice, as a list and as a prefix; bad images must not sink it or get lost.

The batch is test images the model has never seen, a few blends of two classes that it ought to doubt, and one file that
is cut off in the middle.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from rehearsal import uploads
from rehearsal.actors import actor
from rehearsal.run import RehearsalError, Run
from rehearsal.stages import Note, Outcome
from rehearsal.topic import listen

BLENDS = 4
DEADLINE_S = 300
POLL_S = 0.3


@dataclass(frozen=True)
class Picture:
    """One image of the batch; ``label`` is its true class, or what was done to it."""

    path: Path
    key: str
    label: str


def perform(run: Run, note: Note) -> Outcome:
    workload, outputs = run.options.workload, run.data("promote")["outputs"]
    bucket, prefix = outputs["data_bucket"], f"{workload}/incoming/rehearsal-{int(time.time())}/"
    batch = make_batch(run, prefix)
    s3 = actor(run, "operator").client("s3")
    for number, picture in enumerate(batch, 1):
        note(f"upload {number} of {len(batch)}")
        s3.upload_file(str(picture.path), bucket, picture.key)
    machine, begun = outputs["workflow_state_machine_arns"][workload], int(time.time() * 1000)
    with listen(actor(run, "owner"), outputs["failure_topic_arns"][workload]) as messages:
        begin = time.monotonic()
        by_list = start(run, machine, {"images": [{"bucket": bucket, "key": picture.key} for picture in batch]})
        by_prefix = start(run, machine, {"prefix": {"bucket": bucket, "prefix": prefix}})
        executions = [finish(run, arn, note) for arn in (by_list, by_prefix)]
        seconds = time.monotonic() - begin
        told = messages.receive(at_least=2)
    demand_traces(run, machine, executions, begun)
    manifests = [read_manifest(run, execution["output"]) for execution in executions]
    for manifest in manifests:
        demand_every_input_once(batch, manifest)
    items = describe(batch, manifests[0])
    counts = Counter(item["status"] for item in items)
    demand_branches(counts, told, batch[-1].key)
    right = sum(item["label"] == item["true_label"] for item in items if item["status"] == "classified")
    evidence = (
        f"{len(batch)} images twice: {counts['classified']} classified ({right} right), "
        f"{counts['for_review']} for review, {counts['failed']} failed and told by SNS"
    )
    answer = uploads.classified(run, batch[0].path)
    if answer:
        best = answer["predictions"]
        evidence += f"; an upload of {batch[0].label} answered with {len(best)} classes, {best[0]['label']} first"
    return evidence, {
        "upload": answer,
        "counts": dict(counts),
        "right": right,
        "threshold": next(item["threshold"] for item in items if item.get("threshold")),
        "seconds": seconds,
        "executions": [{k: e[k] for k in ("arn", "seconds", "events", "output")} for e in executions],
        "notifications": told,
        "items": items,
    }


def make_batch(run: Run, prefix: str) -> list[Picture]:
    """Test images of every class in turn, blends of two classes, and a truncated file, the last of all."""
    folder, choose = run.path("incoming"), random.Random(11)  # noqa: S311 - a choice of pictures, not a secret
    classes = sorted(path for path in (run.path("dataset") / "test").iterdir() if path.is_dir())
    classes = sorted(choose.sample(classes, min(len(classes), run.options.images)))
    per_class = -(-run.options.images // len(classes))
    picked = {path.name: sorted(path.glob("*.png")) for path in classes}
    batch = []
    for name, files in picked.items():
        chosen = choose.sample(files, min(per_class, len(files)))
        batch += [Picture(file, f"{prefix}{name}-{file.name}", name) for file in chosen]
    if len(batch) < run.options.images:
        raise RehearsalError(f"the test split has {len(batch)} images, {run.options.images} were asked for")
    for number in range(BLENDS):
        pair = [choose.choice(files) for files in choose.sample(list(picked.values()), 2)]
        first, second = (np.asarray(cv2.imread(str(file)), dtype=np.uint8) for file in pair)
        second = np.asarray(cv2.resize(second, first.shape[1::-1]), dtype=np.uint8)
        path = folder / f"blend-{number}.png"
        cv2.imwrite(str(path), cv2.addWeighted(first, 0.5, second, 0.5, 0))
        batch.append(Picture(path, f"{prefix}{path.name}", "blend"))
    poisoned = folder / "poisoned.png"
    poisoned.write_bytes(batch[0].path.read_bytes()[:20])
    return [*batch, Picture(poisoned, f"{prefix}{poisoned.name}", "truncated")]


def start(run: Run, machine: str, document: dict[str, Any]) -> str:
    answer = (
        actor(run, "operator")
        .client("stepfunctions")
        .start_execution(stateMachineArn=machine, input=json.dumps(document))
    )
    arn: str = answer["executionArn"]
    return arn


def finish(run: Run, arn: str, note: Note) -> dict[str, Any]:
    """Wait for an execution and return its ARN, output and seconds; RehearsalError with its cause if it fails."""
    states, deadline = actor(run, "operator").client("stepfunctions"), time.monotonic() + DEADLINE_S
    while True:
        described = states.describe_execution(executionArn=arn)
        if described["status"] != "RUNNING":
            break
        if time.monotonic() > deadline:
            states.stop_execution(executionArn=arn)
            raise RehearsalError(f"{arn} was still running after {DEADLINE_S} s")
        note(f"running {arn.rsplit(':', 1)[-1]}")
        time.sleep(POLL_S)
    if described["status"] != "SUCCEEDED":
        raise RehearsalError(f"{arn} {described['status']}: {described.get('error')}: {described.get('cause')}")
    seconds = (described["stopDate"] - described["startDate"]).total_seconds()
    pages = states.get_paginator("get_execution_history").paginate(executionArn=arn, includeExecutionData=False)
    events = sum(len(page["events"]) for page in pages)
    return {"arn": arn, "output": json.loads(described["output"]), "seconds": seconds, "events": events}


def demand_traces(run: Run, machine: str, executions: list[dict[str, Any]], since_ms: int) -> None:
    """An operator must find the runs listed, and why an image failed in the log of the function that refused it."""
    operator, outputs = actor(run, "operator"), run.data("promote")["outputs"]
    listed = operator.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    missing = {execution["arn"] for execution in executions} - {one["executionArn"] for one in listed}
    if missing:
        raise RehearsalError(f"executions that the operator does not find listed: {sorted(missing)}")
    logs, group = operator.client("logs"), outputs["function_names"][run.options.workload]["serialize_image"]
    found = logs.filter_log_events(
        logGroupName=f"/aws/lambda/{group}", startTime=since_ms, filterPattern="TruncatedImage"
    )["events"]
    if not found:
        raise RehearsalError(f"the log of {group} says nothing of the truncated image")


def read_manifest(run: Run, output: dict[str, Any]) -> list[dict[str, Any]]:
    where = output["manifest"]
    body = actor(run, "operator").client("s3").get_object(Bucket=where["bucket"], Key=where["key"])["Body"].read()
    return [json.loads(line) for line in body.splitlines()]


def demand_every_input_once(batch: list[Picture], manifest: list[dict[str, Any]]) -> None:
    listed, wanted = Counter(line["key"] for line in manifest), Counter(picture.key for picture in batch)
    if listed != wanted:
        lost, extra = sorted((wanted - listed).elements()), sorted((listed - wanted).elements())
        raise RehearsalError(f"the manifest does not list every input once: lost {lost}, extra {extra}")


def demand_branches(counts: Counter[str], told: list[str], poisoned: str) -> None:
    """All three outcomes must have been seen, and the failure must have been told."""
    for status in ("classified", "for_review", "failed"):
        if not counts[status]:
            raise RehearsalError(
                f"no image ended as {status!r}: {dict(counts)}; the batch no longer shows every branch"
            )
    if not any(poisoned in message for message in told):
        raise RehearsalError(f"no SNS message names {poisoned}: {told}")


def describe(batch: list[Picture], manifest: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Manifest lines beside the picture and its true class, in the order of the batch."""
    lines = {line["key"]: line for line in manifest}
    return [{**lines[p.key], "image": str(p.path), "true_label": p.label} for p in batch]
