"""One job from its description to what it leaves, however often the instance under it is taken away.

The description, `job.json`, holds the very request that SageMaker would get. What has ended is written down beside the
results, so that whoever comes next (this service after a crash, another instance after an interruption) either goes on
from the checkpoints or finds nothing to do. At the end the instance asks to be switched off.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from training.jobs.workbench.agent import layout as layouts
from training.jobs.workbench.agent import notice, program, report, store

CHECKPOINT_S = 30.0
"""Seconds between two looks for new checkpoints."""
GRACE_S = 90.0
"""Seconds for the program to stop: of the two minutes of a notice, the rest is for its last checkpoint."""
FAILURE_LIMIT = 1024
ENDED = ("Completed", "Failed", "Stopped")
INTERRUPTED = 3
"""Exit code of a job that another instance goes on with."""


@dataclass
class Ending:
    """Why the program is to stop before its end; the first reason counts."""

    reason: str = ""
    asked: threading.Event = field(default_factory=threading.Event)

    def ask(self, reason: str) -> None:
        """Have it stop."""
        if not self.asked.is_set():
            self.reason = reason
            self.asked.set()


def main() -> int:
    """Run the job; 0 when it has ended, whatever became of it, 3 when it was interrupted."""
    where = os.environ["WORKBENCH_JOB"]
    s3 = boto3.client("s3")
    description = store.read_json(s3, f"{where}/job.json")
    if description is None:
        print(f"workbench: there is no {where}/job.json; `make workbench` leaves one", flush=True)
        return 1
    pulse = report.Pulse(boto3.client("cloudwatch"), os.environ["WORKBENCH_NAME"])
    try:
        code = _once(s3, description, Path(os.environ.get("WORKBENCH_ROOT", layouts.CONTAINER)))
        if code == 0:
            pulse.done()
    finally:
        pulse.stop()
    return code


def state_uri(request: dict[str, Any]) -> str:
    """Where it is written down how the job has ended."""
    return f"{store.artifacts(request)}/workbench.json"


def _once(s3: Any, description: dict[str, Any], base: Path) -> int:
    request = description["request"]
    earlier = store.read_json(s3, state_uri(request))
    if earlier and earlier["status"] in ENDED:
        print(f"workbench: {request['TrainingJobName']} has ended already: {earlier['status']}", flush=True)
        return 0
    begun, stream = time.time(), f"{request['TrainingJobName']}/algo-1-{int(time.time() * 1000)}"
    lines = report.Lines(boto3.client("logs"), os.environ["WORKBENCH_LOG_GROUP"], stream)
    ending, over = Ending(), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.ask("Interrupted"))
    notice.watch(lambda: ending.ask("Interrupted"), over)
    try:
        status, reason, made = _train(s3, description, base, lines, ending)
    except store.UnfitError as error:
        status, reason, made = "Failed", str(error), []
    finally:
        over.set()
        lines.add(f"workbench: after {time.time() - begun:.0f} s on this instance")
        lines.close()
    if status not in ENDED:
        return INTERRUPTED
    record = {
        "job": request["TrainingJobName"],
        "status": status,
        "reason": reason[:FAILURE_LIMIT],
        "artifacts": made,
        "ended": time.time(),
        "seconds": time.time() - begun,
    }
    store.write_json(s3, state_uri(request), record, request)
    return 0


def _train(
    s3: Any, description: dict[str, Any], base: Path, lines: report.Lines, ending: Ending
) -> tuple[str, str, list[str]]:
    """Status, its reason, and what was uploaded."""
    request = description["request"]
    contained = description.get("runner", "container") == "container"
    if request["ResourceConfig"].get("InstanceCount", 1) != 1:
        raise store.UnfitError("the job asks for several instances; a workbench is one: lower instance count")
    layout = layouts.prepare(base, request, relocated=not contained)
    lines.add(f"workbench: {request['TrainingJobName']} on {os.uname().nodename}")
    lines.add(f"workbench: {store.fetch_channels(s3, request, layout)} files of input")
    checkpoints = store.Checkpoints(s3, request, layout)
    if found := checkpoints.restore():
        lines.add(f"workbench: goes on from {found} files of checkpoints")
    if contained:
        image = request["AlgorithmSpecification"]["TrainingImage"]
        # The registry's region is part of its name.
        program.pull(boto3.client("ecr", region_name=image.split(".")[3]), image)
        running = program.Running(program.container(request, layout), lines.add)
    else:
        command, environment = program.process(layout, str(Path(sys.argv[0]).resolve()))
        running = program.Running(command, lines.add, environment)
    limit = time.monotonic() + request["StoppingCondition"]["MaxRuntimeInSeconds"]
    code = _wait(running, checkpoints, ending, limit)
    checkpoints.save()
    if ending.reason == "Interrupted":
        lines.add("workbench: interrupted; another instance goes on from the checkpoints")
        return "Interrupted", "", []
    stopped = bool(ending.reason)
    made = store.upload(s3, request, layout, model=stopped or code == 0)
    for uri in made:
        lines.add(f"workbench: {uri}")
    if stopped:
        return "Stopped", ending.reason, made
    if code == 0:
        return "Completed", "", made
    said = layout.failure.read_text(errors="replace") if layout.failure.is_file() else "the log says why"
    lines.add(f"workbench: failed with exit code {code}: {said}")
    return "Failed", f"exit code {code}: {said}", made


def _wait(running: program.Running, checkpoints: store.Checkpoints, ending: Ending, limit: float) -> int:
    """Until the program has ended, by itself or because it has to; checkpoints go up meanwhile."""
    saved = time.monotonic()
    while (code := running.wait(0.2)) is None:
        if time.monotonic() > limit:
            ending.ask("MaxRuntimeExceeded")
        if ending.asked.is_set():
            return running.end(GRACE_S)
        if time.monotonic() - saved > CHECKPOINT_S:
            checkpoints.save()
            saved = time.monotonic()
    return code


if __name__ == "__main__":
    sys.exit(main())
