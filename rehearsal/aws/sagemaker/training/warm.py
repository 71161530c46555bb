"""Warm pools: instances kept for a while after a job, and given to the next job that is like it.

Nothing starts sooner here, for nothing has to be provisioned; which job would get which instances is what is shown.
Source: https://docs.aws.amazon.com/sagemaker/latest/dg/train-warm-pools.html (life, creation, what has to match)
"""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from rehearsal.aws.sagemaker.clock import now

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from rehearsal.aws.sagemaker.training.job import TrainingJob

_RESOURCES = ("InstanceCount", "InstanceType", "VolumeKmsKeyId", "VolumeSizeInGB")
_LOSES_THE_CLUSTER = ("InternalServerError", "CapacityError")
_claiming = threading.Lock()


def claim(jobs: Iterable[TrainingJob], new: TrainingJob) -> None:
    """Give the pool of an ended job to a new one, where one is available that matches."""
    with _claiming:
        for job in jobs:
            if job is not new and (status(job) or {}).get("Status") == "Available" and _traits(job) == _traits(new):
                job.reused_by, job.reused_at, new.in_pool = new.training_job_name, now(), True
                return


def status(job: TrainingJob) -> dict[str, Any] | None:
    """Return ``WarmPoolStatus``; None for a job without a pool."""
    keep = job.request["ResourceConfig"].get("KeepAlivePeriodInSeconds") or 0
    if not keep and not job.in_pool:
        return None
    if not job.ended:
        return {"Status": "InUse"} if job.training_start_time else None
    end = job.training_end_time
    if end is None or job.training_start_time is None or (job.failure_reason or "").startswith(_LOSES_THE_CLUSTER):
        return None
    if job.reused_by is not None:
        return {"Status": "Reused", "ReusedByJob": job.reused_by, **_retained(end, job.reused_at or end)}
    until = end + timedelta(seconds=keep)
    if now() >= until:
        return {"Status": "Terminated", **_retained(end, until)}
    return {"Status": "Available", **_retained(end, now())}


def _retained(begin: datetime, end: datetime) -> dict[str, int]:
    return {"ResourceRetainedBillableTimeInSeconds": round((end - begin).total_seconds())}


def _traits(job: TrainingJob) -> list[Any]:
    """Return what two jobs must have in common."""
    request, vpc = job.request, job.request.get("VpcConfig") or {}
    resources = [request["ResourceConfig"].get(name) for name in _RESOURCES]
    places = [sorted(vpc.get(name) or []) for name in ("SecurityGroupIds", "Subnets")]
    switches = [bool(request.get(name)) for name in ("EnableInterContainerTrafficEncryption", "EnableNetworkIsolation")]
    return [request["RoleArn"], resources, places, switches]
