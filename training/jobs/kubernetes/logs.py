"""A training job's log by the name of its resource, as `kubectl smlogs` of the operator before ACK showed it.

The cluster knows the resource, SageMaker its state, CloudWatch its log: each is asked for what it knows, with the
caller's own credentials.
https://github.com/aws/amazon-sagemaker-operator-for-k8s/tree/master/smlogs-kubectl-plugin
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from training.errors import JobError
from training.jobs.follow import ENDED, describe
from training.jobs.logs import Follower

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

POLL_S = 2.0
_RESOURCE = "trainingjobs.sagemaker.services.k8s.aws"
_REGION = "services.k8s.aws/region"


@dataclass(frozen=True, slots=True)
class Job:
    """A training job as its resource names it."""

    resource: str
    name: str
    region: str


def find(folder: Path, resource: str, namespace: str) -> Job:
    """Read the job's name out of its resource.

    Parameters
    ----------
    folder
        Where `manifests` has written the workload's; looked at first.
    resource
        Name of the resource; empty means the manifest's own.

    Raises
    ------
    JobError
        Neither the folder nor the cluster has it.
    """
    path = folder / "trainingjob.yaml"
    if path.is_file():
        manifest = yaml.safe_load(path.read_text(encoding="utf-8"))
        if resource in {"", manifest["metadata"]["name"]}:
            return _job(manifest)
    elif not resource:
        raise JobError("JOB", resource, f"there is no {path}: run `make manifests` first, or name a resource: JOB=")
    return _job(_from_cluster(resource, namespace))


def follow(
    sagemaker: Any, logs: Any, job: Job, tell: Callable[[str], object], *, host: str = "", poll_s: float = POLL_S
) -> str:
    """Tell each line with the instance that wrote it until the job has ended; return its last status.

    Parameters
    ----------
    host
        Only of instances whose names begin so, such as algo-2.

    Raises
    ------
    JobError
        SageMaker knows no such job.
    """
    follower, status = Follower(logs, job.name), ""
    while True:
        # The status first: what is written before the end is then read after it.
        ended = status in ENDED
        status = describe(sagemaker, job.name)["TrainingJobStatus"]
        for instance, text in follower.lines():
            if instance.startswith(host):
                tell(f"{instance}  {text}".rstrip())
        # Once more after the end: CloudWatch shows a line some time after it was written.
        if ended:
            return status
        time.sleep(poll_s)


def _job(resource: Mapping[str, Any]) -> Job:
    name = (resource.get("spec") or {}).get("trainingJobName")
    metadata = resource.get("metadata") or {}
    made = (resource.get("status") or {}).get("ackResourceMetadata") or {}
    region = made.get("region") or (metadata.get("annotations") or {}).get(_REGION)
    if resource.get("kind") != "TrainingJob" or not name:
        remedy = "is no training job; the jobs of a tuning job have names of their own: `make status` lists them"
        raise JobError("JOB", f"{resource.get('kind')} {metadata.get('name')}", remedy)
    if not region:
        raise JobError("JOB", metadata.get("name"), f"says no region: annotate it with {_REGION}")
    return Job(str(metadata.get("name")), str(name), str(region))


def _from_cluster(resource: str, namespace: str) -> dict[str, Any]:
    if shutil.which("kubectl") is None:
        raise JobError("JOB", resource, "is in no manifest here, and there is no kubectl to ask the cluster")
    asked = ["kubectl", "get", f"{_RESOURCE}/{resource}", f"--namespace={namespace}", "--output=json"]
    said = subprocess.run(asked, capture_output=True, text=True, check=False)
    if said.returncode:
        raise JobError("JOB", resource, f"kubectl finds no training job of that name: {' '.join(said.stderr.split())}")
    found: dict[str, Any] = json.loads(said.stdout)
    return found
