"""All manifests of a workload: what its jobs and its endpoint would be asked for, as resources of a cluster."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import yaml

from training.jobs import plan, training, tuning
from training.jobs.kubernetes import hosting, render

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from training.jobs.kubernetes.place import Place
    from training.workloads.spec import Workload

JOBS = ("TrainingJob", "HyperParameterTuningJob")
_RUN = "run"


def kinds(workload: Workload) -> tuple[str, ...]:
    """Kinds of resource that the workload can be."""
    return tuple(
        kind for kind in render.KINDS if kind != "HyperParameterTuningJob" or workload.training.tuning is not None
    )


def requests(workload: Workload, place: Place, wanted: Sequence[str], *, code: str, run: str = "") -> dict[str, Any]:
    """Kind of resource -> request to SageMaker.

    Parameters
    ----------
    code
        S3 URI of the training code.
    run
        What the names of jobs end in. Without it they end in a checksum of what is asked for: the same manifest twice
        is the same job, another one a new job.

    Raises
    ------
    JobError, SpecError
        A request that SageMaker would refuse.
    """
    made: dict[str, Any] = {}
    hosted = [kind for kind in wanted if kind not in JOBS]
    if hosted:
        made |= {kind: one for kind, one in hosting.requests(place.hosting, place.promoted).items() if kind in hosted}
    decided = plan.plan(workload, place.environment, code=code) if set(wanted) & set(JOBS) else None
    if decided and "TrainingJob" in wanted:
        prefix = place.environment.job_name_prefix
        end = run or _checksum(training.request(decided, f"{prefix}{_RUN}"))
        made["TrainingJob"] = training.request(decided, f"{prefix}{end}")
    if decided and "HyperParameterTuningJob" in wanted:
        prefix = place.environment.tuning_name_prefix
        end = run or _checksum(tuning.request(decided, f"{prefix}{_RUN}"))
        made["HyperParameterTuningJob"] = tuning.request(decided, f"{prefix}{end}")
    return {kind: made[kind] for kind in render.KINDS if kind in made}


def rendered(made: Mapping[str, Any], place: Place, namespace: str) -> dict[str, dict[str, Any]]:
    """Kind -> manifest.

    Deleting a job's resource stops the job, and leaves one that has ended as it is; deleting what serves takes it down,
    which in production is done by hand.
    """
    return {
        kind: render.manifest(
            kind,
            request,
            namespace=namespace,
            region=place.environment.region,
            keep=place.production and kind not in JOBS,
        )
        for kind, request in made.items()
    }


def text(manifest: Mapping[str, Any], place: Place) -> str:
    """A manifest as YAML; in front of it stands what in it is not known yet."""
    body = yaml.safe_dump(dict(manifest), sort_keys=False, width=120, allow_unicode=True)
    missing = [f"#   {value}: {source}\n" for value, source in sorted(place.open_values.items()) if value in body]
    said = f"# Of {place.environment.name}, not to be applied before these are known:\n" if missing else ""
    return f"{said}{''.join(missing)}{body}"


def _checksum(request: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:8]
