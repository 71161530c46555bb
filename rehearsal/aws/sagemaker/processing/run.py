"""The life of one processing job: bring the inputs, run the entry point on every host, take the outputs away.

Sources: https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html (contract),
https://docs.aws.amazon.com/sagemaker/latest/dg/byoc-metadata.html (exit message).
"""

from __future__ import annotations

import json
import shutil
import time
from typing import TYPE_CHECKING, Any

from rehearsal.aws.context import REPO_ROOT
from rehearsal.aws.sagemaker import container, duties, images, s3, settings
from rehearsal.aws.sagemaker.errors import FailedError
from rehearsal.aws.sagemaker.processing.outputs import Outputs
from rehearsal.aws.sagemaker.training import channels, hosts
from rehearsal.aws.sagemaker.training.layout import NETWORK_INTERFACE, Layout

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rehearsal.aws.sagemaker.jobs import Job, Run

_DEFAULT_RUNTIME_SECONDS = 86_400
_MESSAGE_BYTES = 1024


def work(run: Run) -> None:
    """Run a job to its end.

    Raises
    ------
    FailedError, AccessDeniedError
        The job has failed, with the reason as DescribeProcessingJob shows it.
    """
    job = run.job
    names = _hosts(job)
    if len(names) > settings.MAX_TRAINING_HOSTS:
        raise FailedError(
            f"CapacityError: Unable to provision {len(names)} hosts: the embedded AWS runs at most "
            f"{settings.MAX_TRAINING_HOSTS} per job"
        )
    command = _command(job)
    duties.demand_processing(run.context, job)
    client = s3.client(run.context, duties.of(job))
    job.begin()
    layouts = _stage(run, names, client)
    if run.stopped.is_set():
        job.enter("Stopped")
        return
    limit = (job.request.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds", _DEFAULT_RUNTIME_SECONDS)
    deadline = time.monotonic() + limit
    outputs = Outputs(job, list(layouts.values()), client)
    started = _launch(run, layouts, command)
    with outputs.sent_regularly():
        hosts.wait(started, lambda: run.stopped.is_set() or time.monotonic() > deadline)
    failed = [host for host in started if host.process.poll()]  # before the others are ended because of it
    cut_off = not failed and any(host.process.poll() is None for host in started)
    codes = hosts.end(started, run.context.scaled(settings.STOP_GRACE_SECONDS) if cut_off else 0.0)
    outputs.send("Continuous")
    job.exit_message = _message(layouts.values())
    if failed:
        code = codes[started.index(failed[0])]
        raise FailedError(f"AlgorithmError: See job logs for more information, exit code: {code}")
    if cut_off:
        job.enter("Stopped")
        return
    outputs.send("EndOfJob")
    job.enter("Completed")


def _hosts(job: Job) -> list[str]:
    count = job.request["ProcessingResources"]["ClusterConfig"].get("InstanceCount", 1)
    return [f"algo-{number + 1}" for number in range(count)]


def _command(job: Job) -> list[str]:
    """Return what the container runs: the request's entry point, or the image's own."""
    application = job.request["AppSpecification"]
    image = images.find(application["ImageUri"])
    entry = application.get("ContainerEntrypoint") or image.command
    if not entry:
        raise FailedError(
            f"ClientError: image {application['ImageUri']} has no entry point of its own: give ContainerEntrypoint"
        )
    return [*entry, *(application.get("ContainerArguments") or [])]


def _stage(run: Run, names: list[str], client: Any) -> dict[str, Layout]:
    """Make every host's /opt/ml: configuration, inputs, empty folders for the outputs."""
    job, layouts = run.job, {}
    folder = run.context.folder("processing", job.name)
    for index, name in enumerate(names):
        shutil.rmtree(folder / name, ignore_errors=True)
        place = layouts[name] = Layout(folder / name / "opt" / "ml")
        _configure(job, place, name, names)
        for one in job.request.get("ProcessingInputs") or []:
            if run.stopped.is_set():
                return layouts
            if not one.get("AppManaged"):
                source, into = one["S3Input"], place.path(one["S3Input"]["LocalPath"])
                channels.fetch(client, one["InputName"], source, into, host=index, hosts=len(names))
    return layouts


def _configure(job: Job, place: Layout, name: str, names: list[str]) -> None:
    folder = place.base / "config"
    folder.mkdir(parents=True)
    place.output.mkdir(parents=True)
    for one in (job.request.get("ProcessingOutputConfig") or {}).get("Outputs") or []:
        if one.get("S3Output"):
            place.path(one["S3Output"]["LocalPath"]).mkdir(parents=True, exist_ok=True)
    described = {"ProcessingJobArn": job.arn, **job.request}
    (folder / "processingjobconfig.json").write_text(json.dumps(described, default=str), encoding="utf-8")
    cluster = {"current_host": name, "hosts": names, "network_interface_name": NETWORK_INTERFACE}
    (folder / "resourceconfig.json").write_text(json.dumps(cluster), encoding="utf-8")


def _launch(run: Run, layouts: dict[str, Layout], words: list[str]) -> list[hosts.Host]:
    job, started = run.job, []
    who, isolated = duties.of(job), bool((job.request.get("NetworkConfig") or {}).get("EnableNetworkIsolation"))
    stamp = int(time.time())
    try:
        for name, place in layouts.items():
            extra = {
                "PYTHONPATH": str(REPO_ROOT),
                "SAGEMAKER_BASE_DIR": str(place.base),
                **(job.request.get("Environment") or {}),
            }
            env = container.environment(run.context, who, place.base, isolated=isolated, extra=extra)
            log = hosts.Log(run.context, who, settings.PROCESSING_LOG_GROUP, f"{job.name}/{name}-{stamp}")
            command = container.command(words, place.base)
            started.append(hosts.begin(name, place, command, env, cwd=place.base, log=log))
    except BaseException:
        hosts.end(started, 0.0)
        raise
    return started


def _message(layouts: Iterable[Layout]) -> str | None:
    """Return the first kilobyte of what the containers have left as their message; None for nothing."""
    written = [place.output / "message" for place in layouts]
    joined = b"".join(path.read_bytes() for path in written if path.is_file())
    try:
        return joined.decode()[:_MESSAGE_BYTES] or None
    except UnicodeDecodeError as error:
        raise FailedError(f"ClientError: /opt/ml/output/message is not encoded in UTF-8: {error}") from error
