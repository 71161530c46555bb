"""The job's program: in the container that SageMaker would run, or, where there is none, as a process."""

from __future__ import annotations

import base64
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

from training.jobs.workbench.agent.layout import CONTAINER, Layout

Environment = dict[str, str] | None

NAME = "workbench-job"
# Workers of a data loader hand images over in shared memory; Docker's 64 MB are too few for them.
_SHARED = "8g"


def pull(ecr: Any, image: str) -> None:
    """Log Docker in to the image's registry and fetch the image; CalledProcessError with what Docker says."""
    registry = image.split("/", 1)[0]
    answer = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    user, _, password = base64.b64decode(answer).decode().partition(":")
    command = ["docker", "login", "--username", user, "--password-stdin", registry]
    subprocess.run(command, input=password, text=True, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["docker", "pull", "--quiet", image], check=True, stdout=subprocess.DEVNULL)


def container(request: dict[str, Any], layout: Layout) -> list[str]:
    """The command that runs the image as SageMaker does: without a network, with the folders in their place."""
    subprocess.run(["docker", "rm", "--force", NAME], capture_output=True, check=False)  # of a run before a crash
    given = dict(request.get("Environment") or {}) | {"TRAINING_JOB_NAME": request["TrainingJobName"]}
    return [
        *("docker", "run", "--rm", "--name", NAME),
        *("--network", "none", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
        *("--shm-size", _SHARED, "--volume", f"{layout.base}:{CONTAINER}"),
        *(("--gpus", "all") if shutil.which("nvidia-smi") else ()),
        *(part for name, value in sorted(given.items()) for part in ("--env", f"{name}={value}")),
        *(request["AlgorithmSpecification"]["TrainingImage"], "train"),
    ]


def process(layout: Layout, python_path: str) -> tuple[list[str], dict[str, str]]:
    """The image's entry point as a process, with nothing of this one's environment but what it needs to start.

    Parameters
    ----------
    python_path
        Where Python finds `training.jobs.script_mode`.
    """
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "OMP_NUM_THREADS") if name in os.environ}
    environment = kept | {"PYTHONPATH": python_path, "SAGEMAKER_BASE_DIR": str(layout.base), "HOME": str(layout.base)}
    return [sys.executable, "-m", "training.jobs.script_mode"], environment


class Running:
    """A program that runs; its lines are handed on as they come."""

    def __init__(
        self, command: list[str], tell: Callable[[str], None], environment: dict[str, str] | None = None
    ) -> None:
        self._process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        )
        self._reader = threading.Thread(target=self._read, args=(tell,), name="program", daemon=True)
        self._reader.start()

    def wait(self, seconds: float) -> int | None:
        """Its exit code, or None when it still runs after so many seconds."""
        try:
            code = self._process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return None
        self._reader.join(timeout=10)
        return code

    def end(self, grace_s: float) -> int:
        """Ask it to stop, as SageMaker does, and kill it when it has not within its grace; returns its exit code."""
        self._process.send_signal(signal.SIGTERM)
        code = self.wait(grace_s)
        if code is None:
            if shutil.which("docker"):
                subprocess.run(["docker", "kill", NAME], capture_output=True, check=False)
            self._process.kill()
            code = self.wait(10)
        return -signal.SIGKILL if code is None else code

    def _read(self, tell: Callable[[str], None]) -> None:
        assert self._process.stdout is not None  # noqa: S101  (a pipe was asked for)
        for line in self._process.stdout:
            tell(line.rstrip("\n"))
