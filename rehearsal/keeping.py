"""A rehearsal that stays up (``KEEP=1``): how to reach it, stop it, and bring it back."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import psutil

from rehearsal.aws.client import EmbeddedAws
from rehearsal.run import RehearsalError, Run, relative

STOP_S = 60
ENDPOINTS_S = 60


def read_run(folder: Path) -> dict[str, Any] | None:
    """The facts of the last run in a folder, or None where there was none."""
    try:
        facts: dict[str, Any] = json.loads((folder / "run.json").read_text())
    except FileNotFoundError:
        return None
    except ValueError:
        raise RehearsalError(f"{folder / 'run.json'} is not JSON: delete {relative(folder)} and start anew") from None
    return facts


def server_of(folder: Path) -> psutil.Process | None:
    """The embedded AWS that the last run in this folder left running; never a stranger's process with the same id."""
    facts = read_run(folder) or {}
    pid = (facts.get("embedded_aws") or {}).get("pid")
    try:
        process = psutil.Process(pid) if pid else None
        ours = process is not None and str(folder / "aws") in process.cmdline()
    except psutil.Error:
        return None
    return process if ours else None


def stop_server_of(folder: Path) -> bool:
    """Stop the kept server, letting it save its state; returns whether there was one."""
    process = server_of(folder)
    if process is None:
        return False
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_S)
    except psutil.TimeoutExpired:
        raise RehearsalError(f"the embedded AWS (process {process.pid}) has not ended after {STOP_S} s") from None
    return True


def stop(folder: Path) -> None:
    """``make stop``."""
    stopped = stop_server_of(folder)
    print("stopped; `make resume` brings it back as it was" if stopped else "no embedded AWS is running here")


def resume(folder: Path) -> None:
    """``make resume``: start the embedded AWS again on its saved state and leave it running."""
    facts = read_run(folder)
    if facts is None or not (folder / "aws.state").exists():
        raise RehearsalError(f"{relative(folder)} holds no saved state: run `make rehearse KEEP=1` first")
    if server_of(folder):
        raise RehearsalError("the embedded AWS is already running: `make stop` ends it")
    aws = EmbeddedAws.start(folder / "aws", speed=facts["speed"], state=folder / "aws.state", detached=True)
    facts["embedded_aws"] = {"endpoint": aws.endpoint, "pid": aws.pid}
    (folder / "run.json").write_text(json.dumps(facts, indent=1) + "\n")
    wait_for_endpoints(aws)
    print(hints(aws, facts["workload"]))


def wait_for_endpoints(aws: EmbeddedAws) -> None:
    """Wait until every SageMaker endpoint of a restored state serves again."""
    sagemaker, deadline = aws.client("sagemaker"), time.monotonic() + ENDPOINTS_S
    while waiting := [e for e in sagemaker.list_endpoints()["Endpoints"] if e["EndpointStatus"] != "InService"]:
        if time.monotonic() > deadline:
            names = ", ".join(f"{e['EndpointName']} is {e['EndpointStatus']}" for e in waiting)
            raise RehearsalError(f"endpoints did not come back within {ENDPOINTS_S} s: {names}")
        time.sleep(0.2)


def restore_before_destroy(run: Run) -> None:
    """Go back to the state that stood before the last destroy, if one was saved."""
    if not run.before_destroy.is_dir():
        return
    shutil.copy2(run.before_destroy / "aws.state", run.aws_state)
    for path in run.before_destroy.glob("*.tf*"):
        shutil.copy2(path, run.path("terraform") / path.name)


def how_to_reach(run: Run) -> str:
    return hints(run.embedded, run.options.workload)


def hints(aws: EmbeddedAws, workload: str) -> str:
    """Commands that reach a kept embedded AWS."""
    names = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")
    env = {name: value for name, value in aws.env().items() if name in names}
    endpoint = f"slipway-rehearsal-{workload}"
    image = next(Path(".slipway/rehearsal/dataset/test").glob("*/*.png"), Path("IMAGE.png"))
    exports = "\n".join(f"  export {name}={value}" for name, value in sorted(env.items()))
    return f"""
Everything is up (process {aws.pid}). In a shell of your own:

{exports}
  aws sagemaker describe-endpoint --endpoint-name {endpoint}
  aws sagemaker-runtime invoke-endpoint --endpoint-name {endpoint} \\
      --content-type image/png --body fileb://{image} {os.devnull}
  python -c "import boto3; print(boto3.client('stepfunctions').list_state_machines()['stateMachines'])"

`make stop` ends it and saves its state, `make resume` brings it back.
"""
