"""Images become a data set: split, written as PNG with ``.lst`` files, and uploaded under the data bucket's key."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

from rehearsal.actors import Actor, actor
from rehearsal.run import RehearsalError, Run
from rehearsal.stages import Note, Outcome, for_each
from terraform.command import ROOT, SCRATCH
from terraform.interrupts import child
from training.data import AUGMENTED
from training.workloads.description import Workload

SAMPLES = 24
PATIENCE_S = 15  # for a command that was interrupted to tidy up


def perform(run: Run, note: Note) -> Outcome:
    return for_each(run, lambda workload: stage(run, workload, note))


def stage(run: Run, workload: Workload, note: Note) -> Outcome:
    """Stage the data of one workload."""
    bucket = run.data("apply")["outputs"]["data_bucket"]
    folder = run.dataset(workload.name)
    command = [sys.executable, "-m", "training.data", "stage", "--workload", workload.name, *workload.rehearsal.stage]
    if run.options.source and workload.name == run.options.workload:
        command += ["--source", run.options.source]
    if workload.rehearsal.copies is not None:
        command += ["--copies", str(workload.rehearsal.copies)]
    operator = actor(run, "operator")
    follow([*command, "--out", str(folder), "--bucket", f"s3://{bucket}"], operator, note)
    images = count_images(folder)
    total = sum(1 for _ in folder.rglob("*.png"))
    uploaded = count_objects(operator, bucket, f"{workload.name}/dataset/")
    if uploaded < total:
        raise RehearsalError(f"{total} images were written but {uploaded} objects stand in s3://{bucket}")
    evidence = f"{total} images of {len(workload_classes(folder))} classes, {uploaded} objects in s3://{bucket}"
    return evidence, {"images": images, "objects": uploaded, "samples": samples(folder), "folder": str(folder)}


def follow(command: list[str], who: Actor, note: Note) -> str:
    """Run one of the project's commands in an actor's name, show its lines, return its output."""
    env = who.env() | {"SLIPWAY_CACHE": str(SCRATCH / "cache")}
    pipe: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    lines = []
    with child(command, patience_s=PATIENCE_S, cwd=ROOT, env=env, **pipe) as process:
        for line in process.stdout or ():
            lines.append(line)
            note(line.strip())
        code = process.wait()
    if code:
        raise RehearsalError(f"{' '.join(command[1:4])} ended with exit code {code}:\n{''.join(lines[-20:]).strip()}")
    return "".join(lines)


def workload_classes(folder: Path) -> list[str]:
    """Classes of the staged data."""
    classes: list[str] = json.loads((folder / "dataset.json").read_text())["classes"]
    return classes


def count_images(folder: Path) -> dict[str, dict[str, int]]:
    """Images per split and class, as the staged description counts them; those of augmentation as a split of theirs."""
    counts: dict[str, dict[str, int]] = json.loads((folder / "dataset.json").read_text())["counts"]
    augmented = folder / "train" / AUGMENTED
    if augmented.is_dir():
        classes = sorted(path for path in augmented.iterdir() if path.is_dir()) or [augmented]
        counts[AUGMENTED] = {path.name: sum(1 for _ in path.glob("*.jpg")) for path in classes}
    return counts


def count_objects(reader: Actor, bucket: str, prefix: str) -> int:
    pages = reader.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return sum(page.get("KeyCount", 0) for page in pages)


def samples(folder: Path) -> list[dict[str, Any]]:
    """A few training images, of every class where there are folders of classes, for the report."""
    choose = random.Random(7)  # noqa: S311 - a choice of pictures, not a secret
    train = folder / "train"
    classes = sorted(path for path in train.iterdir() if path.is_dir() and path.name != AUGMENTED) or [train]
    picked = []
    for path in choose.sample(classes, min(len(classes), SAMPLES)):
        files = sorted(path.glob("*.png"))
        picked += choose.sample(files, min(len(files), max(1, SAMPLES // len(classes))))
    return [{"path": str(file), "label": file.parent.name} for file in sorted(picked)]
