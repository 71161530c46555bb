"""The life of one transform job: start the model's servers, ask them for every object, keep what succeeded.

Sources: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html (container contract),
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformOutput.html (what is uploaded when),
https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-errors.html (failures, data log).
"""

from __future__ import annotations

import contextlib
import json
import shutil
import threading
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from rehearsal.aws.iam.acting import write_logs
from rehearsal.aws.sagemaker import duties, images, s3, settings
from rehearsal.aws.sagemaker.errors import FailedError
from rehearsal.aws.sagemaker.serving import model_data
from rehearsal.aws.sagemaker.serving.instance import Instance
from rehearsal.aws.sagemaker.transform import request as rules
from rehearsal.aws.sagemaker.transform.association import Association
from rehearsal.aws.sagemaker.transform.client import Client, Limits
from rehearsal.aws.sagemaker.transform.objects import Source, sources, transform
from rehearsal.aws.sagemaker.transform.objects import upload as upload_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rehearsal.aws.sagemaker.jobs import Run
    from rehearsal.aws.sagemaker.serving.spec import VariantSpec

_LOG_SECONDS = 0.5


def work(run: Run, spec: VariantSpec) -> None:
    """Run a job to its end.

    Raises
    ------
    FailedError, AccessDeniedError
        The job has failed, with the reason as DescribeTransformJob shows it.
    """
    job, context = run.job, run.context
    folder = context.folder("transform", job.name)
    images.resolve(spec.image, "serving")
    duties.demand_transform(context, job, spec)
    client = s3.client(context, duties.of(job))
    job.begin()
    found = sources(client, job.request)
    model_data.unpack(context, duties.of(job), spec, folder)
    spec.environment = _environment(job.request, spec)
    with _servers(run, spec) as instances:
        limits = _limits(instances[0], job.request)
        split = job.request["TransformInput"].get("SplitType", "None") == "Line"
        kind = job.request["TransformInput"].get("ContentType") or ""
        steps = Association(job.request.get("DataProcessing") or {}, kind, by_line=split)
        asked = Client(instances, job.request, limits, steps, run.stopped)
        failed = transform(client, found, folder, asked, split)
        _tell(run, instances[0], limits, failed)
    if run.stopped.is_set():
        job.enter("Stopped")
        return
    upload_all(client, job.request["TransformOutput"], folder, [one for one in found if one not in failed])
    if failed:
        blame = next(iter(failed.values())).split(":", 1)[0]
        raise FailedError(f"{blame}: See job logs for more information")
    job.enter("Completed")


@contextlib.contextmanager
def _servers(run: Run, spec: VariantSpec) -> Iterator[list[Instance]]:
    """Bring up the model's servers, send their logs while the block runs, and end them."""
    who, folder = duties.of(run.job), run.context.folder("transform", run.job.name)
    over = threading.Event()
    instances: list[Instance] = []

    def send_logs() -> None:
        while not over.wait(_LOG_SECONDS):
            for instance in instances:
                instance.send_log()

    threading.Thread(target=send_logs, name=f"log {run.job.name}", daemon=True).start()
    try:
        for _ in range(min(spec.desired_count, settings.MAX_PROCESSES_PER_VARIANT)):
            instances.append(
                Instance(run.context, who, settings.TRANSFORM_LOG_GROUP, spec, folder, stream=run.job.name)
            )
        for instance in instances:
            try:
                instance.wait_healthy(spec.start_seconds, run.stopped)
            except FailedError as error:
                raise FailedError(
                    "AlgorithmError: The primary container did not pass the ping health check. Please check CloudWatch "
                    "logs for this job."
                ) from error
        yield instances
    finally:
        over.set()
        for instance in instances:
            instance.retire()
        shutil.rmtree(folder / "model", ignore_errors=True)


def _environment(request: dict[str, Any], spec: VariantSpec) -> dict[str, str]:
    """Return the model's environment, the job's over it, and what tells the container of a batch."""
    told = {"SAGEMAKER_BATCH": "true"}
    members = {
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": "MaxPayloadInMB",
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "MaxConcurrentTransforms",
    }
    told |= {name: str(request[member]) for name, member in members.items() if request.get(member)}
    if request.get("BatchStrategy"):
        told["SAGEMAKER_BATCH_STRATEGY"] = (
            "SINGLE_RECORD" if request["BatchStrategy"] == "SingleRecord" else "MULTI_RECORD"
        )
    return {**spec.environment, **(request.get("Environment") or {}), **told}


def _limits(instance: Instance, request: dict[str, Any]) -> Limits:
    """Return what the request says, else what the container proposes, else what SageMaker takes."""
    proposed: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError):
        answer = instance.get("/execution-parameters")
        if answer.status == 200:
            said = json.loads(answer.body)
            proposed = said if isinstance(said, dict) else {}
    concurrent = request.get("MaxConcurrentTransforms") or proposed.get("MaxConcurrentTransforms")
    payload = request.get("MaxPayloadInMB", proposed.get("MaxPayloadInMB", rules.MAX_PAYLOAD_MB))
    strategy = request.get("BatchStrategy") or proposed.get("BatchStrategy") or "MultiRecord"
    return Limits(
        concurrent=int(concurrent or rules.MAX_CONCURRENT),
        payload_mb=int(payload),
        single=str(strategy).replace("_", "").lower() == "singlerecord",
    )


def _tell(run: Run, instance: Instance, limits: Limits, failed: dict[Source, str]) -> None:
    """Write the data log: the limits that held, and why objects failed."""
    strategy = "SINGLE_RECORD" if limits.single else "MULTI_RECORD"
    lines = [
        f"[sagemaker logs]: MaxConcurrentTransforms={limits.concurrent}, MaxPayloadInMB={limits.payload_mb}, "
        f"BatchStrategy={strategy}",
        *(f"[sagemaker logs]: {source.bucket}/{source.key}: {reason}" for source, reason in failed.items()),
    ]
    who, stream = duties.of(run.job), f"{instance.stream}/data-log"
    with contextlib.suppress(ClientError):
        write_logs(run.context, "container log stream", who, settings.TRANSFORM_LOG_GROUP, stream, lines)
