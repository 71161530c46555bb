"""Images become a data set: split, written as PNG with ``.lst`` files, and uploaded under the data bucket's key."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

from rehearsal.actors import Actor, actor
from rehearsal.run import RehearsalError, Run
from rehearsal.stages import Note, Outcome
from terraform.command import ROOT, SCRATCH
from terraform.interrupts import child

SPLITS = ("train", "validation", "test")
SAMPLES = 24
PATIENCE_S = 15  # for a command that was interrupted to tidy up


def perform(run: Run, note: Note) -> Outcome:
    bucket = run.data("apply")["outputs"]["data_bucket"]
    folder = run.path("dataset")
    command = [sys.executable, "-m", "training.data", "stage", "--workload", run.options.workload]
    if run.options.source:
        command += ["--source", run.options.source]
    operator = actor(run, "operator")
    follow([*command, "--out", str(folder), "--bucket", f"s3://{bucket}"], operator, note)
    images = count_images(folder)
    total = sum(sum(classes.values()) for classes in images.values())
    uploaded = count_objects(operator, bucket, f"{run.options.workload}/dataset/")
    if uploaded < total:
        raise RehearsalError(f"{total} images were written but {uploaded} objects stand in s3://{bucket}")
    evidence = f"{total} images of {len(images['train'])} classes, {uploaded} objects in s3://{bucket}"
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


def count_images(folder: Path) -> dict[str, dict[str, int]]:
    """Images per split and class."""
    return {
        split: {
            path.name: len(list(path.glob("*.png"))) for path in sorted((folder / split).iterdir()) if path.is_dir()
        }
        for split in SPLITS
    }


def count_objects(reader: Actor, bucket: str, prefix: str) -> int:
    pages = reader.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return sum(page.get("KeyCount", 0) for page in pages)


def samples(folder: Path) -> list[dict[str, Any]]:
    """A few training images of every class, for the report."""
    choose = random.Random(7)  # noqa: S311 - a choice of pictures, not a secret
    classes = sorted(path for path in (folder / "train").iterdir() if path.is_dir())
    picked = []
    for path in classes:
        files = sorted(path.glob("*.png"))
        picked += choose.sample(files, min(len(files), max(1, SAMPLES // len(classes))))
    return [{"path": str(file), "label": file.parent.name} for file in picked]
