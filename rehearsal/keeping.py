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
from rehearsal.run import RehearsalError, Run, must_save, only_one, relative, start_embedded, write_json
from terraform.interrupts import held
from training.workloads import spec

STOP_S = 60
ENDPOINTS_S = 60
NEEDED = {"workload", "source", "started", "speed"}
SETTLED = {"InService", "OutOfService", "Failed", "UpdateRollbackFailed"}


def read_run(folder: Path) -> dict[str, Any] | None:
    """The facts of the last run in a folder, or None where there was none."""
    record = folder / "run.json"
    try:
        facts = json.loads(record.read_text())
    except FileNotFoundError:
        return None
    except ValueError:
        raise RehearsalError(f"{record} is not JSON: delete {relative(folder)} and start anew") from None
    missing = NEEDED - (facts.keys() if isinstance(facts, dict) else set())
    if missing:
        raise RehearsalError(
            f"{record} is not the record of a run (it lacks {', '.join(sorted(missing))}): "
            f"delete {relative(folder)} and start anew"
        )
    return dict(facts)


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
    with held(), must_save(folder / "aws.state"):
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except psutil.TimeoutExpired:
            raise RehearsalError(f"the embedded AWS (process {process.pid}) has not ended after {STOP_S} s") from None
    return True


def stop(folder: Path) -> None:
    """``make stop``."""
    with only_one(folder):
        stopped = stop_server_of(folder)
    print("stopped; `make resume` brings it back as it was" if stopped else "no embedded AWS is running here")


def resume(folder: Path) -> None:
    """``make resume``: start the embedded AWS again on its saved state and leave it running."""
    with only_one(folder):
        facts, state = read_run(folder), folder / "aws.state"
        if facts is None or not state.exists():
            raise RehearsalError(f"{relative(folder)} holds no saved state: run `make rehearse KEEP=1` first")
        if server_of(folder):
            raise RehearsalError("the embedded AWS is already running: `make stop` ends it")
        aws: EmbeddedAws | None = None
        try:
            with held():
                aws = start_embedded(folder / "aws", speed=facts["speed"], state=state, detached=True, iam="enforce")
                facts["embedded_aws"] = {"endpoint": aws.endpoint, "pid": aws.pid}
                write_json(folder / "run.json", facts)
            wait_for_endpoints(aws)
        except BaseException:
            if aws:
                with held():
                    aws.stop()
            raise
    print(hints(aws, facts["workload"], folder))


def wait_for_endpoints(aws: EmbeddedAws) -> None:
    """Wait until no SageMaker endpoint of a restored state is on its way; one that had failed is left as it was."""
    sagemaker, deadline = aws.client("sagemaker"), time.monotonic() + ENDPOINTS_S
    while waiting := [e for e in sagemaker.list_endpoints()["Endpoints"] if e["EndpointStatus"] not in SETTLED]:
        if time.monotonic() > deadline:
            names = ", ".join(f"{e['EndpointName']} is {e['EndpointStatus']}" for e in waiting)
            raise RehearsalError(f"endpoints did not come back within {ENDPOINTS_S} s: {names}")
        time.sleep(0.2)


def restore_before_destroy(run: Run) -> None:
    """Go back to the state that stood before the last destroy, if one was saved.

    Once: what the coming stages do is newer, and must not be overwritten by the next restart.
    """
    saved = run.before_destroy
    if not saved.is_dir():
        return
    with held():
        shutil.copy2(saved / "aws.state", run.aws_state)
        for path in saved.glob("*.tf*"):
            shutil.copy2(path, run.path("terraform") / path.name)
        used = saved.with_name(".before-destroy")
        shutil.rmtree(used, ignore_errors=True)
        saved.rename(used)  # gone in one step: half of it could not be restored
        shutil.rmtree(used, ignore_errors=True)


def how_to_reach(run: Run) -> str:
    return hints(run.embedded, run.options.workload, run.folder)


def hints(aws: EmbeddedAws, workload: str, folder: Path) -> str:
    """Commands that reach a kept embedded AWS, as the operator: roles decide there as they do in AWS."""
    names = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "AWS_REGION")
    env = {name: value for name, value in aws.env().items() if name in names}
    env |= {"AWS_CONFIG_FILE": str(folder / "aws.config"), "AWS_PROFILE": "operator"}
    endpoint = f"slipway-rehearsal-{workload}"
    usage = spec.load(workload).workflow
    use = usage.definition.partition("_")[0] if usage else "retrain"
    image = relative(next((folder / "dataset" / "test").glob("*/*.png"), Path("IMAGE.png")))
    exports = "\n".join(f"  export {name}={value}" for name, value in sorted(env.items()))
    return f"""
Everything is up (process {aws.pid}). In a shell of your own, as the operator:

  unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
{exports}
  aws sagemaker describe-endpoint --endpoint-name {endpoint}
  aws sagemaker-runtime invoke-endpoint --endpoint-name {endpoint} \\
      --content-type image/png --body fileb://{image} {os.devnull}
  aws stepfunctions list-executions --state-machine-arn \\
      arn:aws:states:{aws.region}:{aws.account_id}:stateMachine:{endpoint}-{use}

AWS_PROFILE=approver approves models and can do little else, AWS_PROFILE=owner is the account's root user.

`make stop` ends it and saves its state, `make resume` brings it back.
"""
