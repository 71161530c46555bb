"""Claims come in by upload and directly, one of them twice; every branch of the rule must end in a record, once.

The photos are test scenes that the models have never seen, two that they ought to doubt, and a file that is cut off.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import Any

from functions.common import claim_rule
from rehearsal.actors import actor
from rehearsal.assessing import photos, pictures, records
from rehearsal.assessing.photos import Photo
from rehearsal.run import RehearsalError, Run
from rehearsal.stages import Note, Outcome
from rehearsal.stages.classify import finish, start
from rehearsal.topic import listen
from training.workloads import spec

DEADLINE_S = 300
POLL_S = 0.5
SHOWN = 16


def perform(run: Run, note: Note) -> Outcome:
    name, outputs = run.options.workload, run.data("promote")["outputs"]
    operator, bucket = actor(run, "operator"), outputs["data_bucket"]
    machine, table = outputs["workflow_state_machine_arns"][name], outputs["table_names"][name]
    chosen = choose(run, note)
    batch = f"R{int(time.time())}"
    uploads = {f"{batch}-{number:02d}": photo for number, photo in enumerate(chosen)}
    s3 = operator.client("s3")
    with listen(actor(run, "owner"), outputs["failure_topic_arns"][name]) as messages:
        begin, images = time.monotonic(), {}
        for number, (claim, photo) in enumerate(uploads.items(), 1):
            note(f"upload {number} of {len(uploads)}")
            key = f"{name}/incoming/{claim}/{photo.path.name}"
            with photo.path.open("rb") as file:
                images[claim] = {
                    "bucket": bucket,
                    "key": key,
                    **_version(s3.put_object(Bucket=bucket, Key=key, Body=file)),
                }
        executions = uploaded(run, machine, set(images), note)
        together, again = submit(run, machine, uploads, images=images, executions=executions, note=note)
        seconds = time.monotonic() - begin
        wanted = {claim: int(photo.shows != "truncated") for claim, photo in uploads.items()} | {together: 1}
        dynamodb = operator.client("dynamodb")
        found = {claim: records.of_claim(dynamodb, table, claim) for claim in wanted}
        records.demand_amounts(found, wanted)
        records.demand_found(dynamodb, table, found[together][0])
        everything = [record for listed in found.values() for record in listed]
        records.demand_evidence(everything)
        audits = {(record["claim"], record["entry"]) for record in everything if record["verdict"] == claim_rule.AUDIT}
        told = messages.receive(at_least=len(audits) + 1)
    demand_told(told, audits, next(images[claim]["key"] for claim, p in uploads.items() if p.shows == "truncated"))
    judged = [found[claim][0] for claim, photo in uploads.items() if photo.shows != "truncated"]
    counts = Counter(record["reason"] for record in judged)
    records.demand_branches(counts)
    verdicts = Counter(record["verdict"] for record in everything)
    shown = [(uploads[record["claim"]], record) for record in judged]
    plain = [(photo, record) for photo, record in shown if photo.shows in ("damaged", "whole")]
    right = sum((record["verdict"] == claim_rule.FILE) == (photo.shows == "damaged") for photo, record in plain)
    evidence = (
        f"{len(uploads)} uploads and a claim of {len(found[together][0]['photos'])} photos: {verdicts['file']} filed, "
        f"{verdicts['audit']} for audit ({len(counts)} reasons), {right} of {len(plain)} cars right; "
        f"{again} repeated, none doubled; 1 failed and told by SNS"
    )
    return evidence, {
        "counts": dict(counts),
        "verdicts": dict(verdicts),
        "right": right,
        "cars": len(plain),
        "repeated": again,
        "seconds": seconds,
        "executions": sorted(executions.values()),
        "notifications": told,
        "items": [{"shows": photo.shows, "image": str(photo.path), **_short(record)} for photo, record in shown],
        "figures": [figure(run, shown)],
    }


def choose(run: Run, note: Note) -> list[Photo]:
    """Photos for every branch, found by asking the endpoints."""
    workload, outputs = run.options.workload, run.data("promote")["outputs"]
    runtime, names = actor(run, "operator").client("sagemaker-runtime"), outputs["endpoint_names"]
    (detector,) = spec.load(workload).companions
    endpoints = {"detector": names[detector], "classifier": names[workload]}

    def ask(model: str, body: bytes) -> list[dict[str, Any]]:
        note(f"looking for photos that are in doubt: asking the {model}")
        answer = runtime.invoke_endpoint(EndpointName=endpoints[model], ContentType="image/png", Body=body)
        predictions: list[dict[str, Any]] = json.loads(answer["Body"].read())["predictions"]
        return predictions

    usage = spec.load(workload).workflow
    limits = usage.thresholds if usage else {}
    thresholds = photos.Thresholds(car=limits["car"], damage=limits["damage"])
    return photos.choose(
        run.dataset(workload),
        run.dataset(detector),
        run.path("incoming"),
        count=run.options.images,
        thresholds=thresholds,
        ask=ask,
    )


def uploaded(run: Run, machine: str, claims: set[str], note: Note) -> dict[str, str]:
    """Wait until each upload has an execution that has ended; returns its ARN by claim.

    EventBridge starts executions under names of its own, so that the claim is read from their input.
    """
    states, deadline = actor(run, "operator").client("stepfunctions"), time.monotonic() + DEADLINE_S
    known: dict[str, str] = {}
    while True:
        pages = states.get_paginator("list_executions").paginate(stateMachineArn=machine)
        listed = [one for page in pages for one in page["executions"]]
        for one in listed:
            if one["executionArn"] not in known.values():
                given = json.loads(states.describe_execution(executionArn=one["executionArn"])["input"])
                claim = given.get("object", {}).get("key", "//").split("/")[2]
                if claim in claims:
                    known[claim] = one["executionArn"]
        running = {one["executionArn"] for one in listed if one["status"] == "RUNNING"} & set(known.values())
        if set(known) == claims and not running:
            return known
        if time.monotonic() > deadline:
            raise RehearsalError(
                f"after {DEADLINE_S} s uploads without an execution: {sorted(claims - set(known))}, "
                f"with one that still runs: {len(running)}"
            )
        note(f"{len(known) - len(running)} of {len(claims)} uploads assessed")
        time.sleep(POLL_S)


def submit(
    run: Run,
    machine: str,
    uploads: dict[str, Photo],
    *,
    images: dict[str, dict[str, str]],
    executions: dict[str, str],
    note: Note,
) -> tuple[str, int]:
    """Submit a claim of several photos, and repeat what came before; the claim's id and how often was repeated.

    Repeated are the delivery of one upload, twice at the same moment, and the claim of another, directly this time.
    """
    first = {photo.shows: claim for claim, photo in reversed(uploads.items())}
    states = actor(run, "operator").client("stepfunctions")
    delivered = json.loads(states.describe_execution(executionArn=executions[first["damaged"]])["input"])
    together = f"{first['damaged'].split('-', 1)[0]}-together"
    # Without their versions: a claim that is submitted directly may mean the newest.
    several = [
        {name: images[first[shows]][name] for name in ("bucket", "key")} for shows in ("no car", "whole", "damaged")
    ]
    begun = {
        "recorded": [start(run, machine, {"claim": {"id": together, "images": several}})],
        "duplicate": [
            start(run, machine, delivered),
            start(run, machine, delivered),
            start(run, machine, {"claim": {"id": first["whole"], "images": [images[first["whole"]]]}}),
        ],
    }
    for status, arns in begun.items():
        ended = [finish(run, arn, note)["output"]["status"] for arn in arns]
        if set(ended) != {status}:
            raise RehearsalError(f"executions that should have ended as {status} said {ended}: {arns}")
    return together, len(begun["duplicate"])


def demand_told(told: list[str], audits: set[tuple[str, str]], truncated: str) -> None:
    """Each audit must be told once, and the failure with the photo that caused it; no duplicate is told."""
    messages = [json.loads(message) for message in told]
    audited = Counter((m["result"]["claim"], m["result"]["entry"]) for m in messages if "result" in m)
    if audited != Counter(audits):
        raise RehearsalError(f"audits in the records {sorted(audits)}, told by SNS {sorted(audited.elements())}")
    failed = [m for m in messages if "caught" in m]
    if len(failed) != 1 or truncated not in json.dumps(failed) or failed[0]["caught"]["Error"] != "TruncatedImage":
        raise RehearsalError(f"the failure of {truncated} must be told once: {failed}")


def figure(run: Run, shown: list[tuple[Photo, dict[str, Any]]]) -> dict[str, str]:
    """Draw photos of every reason, those in doubt first."""
    seen: Counter[str] = Counter()
    ranked = []
    for photo, record in shown:
        ranked.append((seen[record["reason"]], photo, record))
        seen[record["reason"]] += 1
    ranked.sort(key=lambda one: one[0])
    path = run.path("figures") / "verdicts.png"
    pictures.sheet(path, [(photo.path, record["photos"][0], record) for _, photo, record in ranked[:SHOWN]])
    option = run.workloads[-1].data.options.get(run.options.source)
    synthetic = "The photos are synthetic (drawn). " if option and option.synthetic else ""
    return {
        "path": str(path),
        "title": "Photos, what the detector saw in them, and the verdict",
        "caption": f"{synthetic}Thick blue boxes reach the car threshold, thin orange ones do not. Below each photo "
        "what became of it, the best car's score and the probability of damage, and what was needed.",
        "alt": f"{min(len(shown), SHOWN)} photos with boxes around cars and the verdict of each below it",
    }


def _version(answer: dict[str, Any]) -> dict[str, str]:
    return {"version": answer["VersionId"]}


def _short(record: dict[str, Any]) -> dict[str, Any]:
    return {name: record[name] for name in ("claim", "entry", "verdict", "reason", "assessed_at", "recorded_at")}
