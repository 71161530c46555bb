"""Script mode: fetch the program, and say how it is started."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from rehearsal.aws.sagemaker import archives, container, s3
from rehearsal.aws.sagemaker.errors import FailedError
from rehearsal.aws.sagemaker.training import environment, torchrun

if TYPE_CHECKING:
    from rehearsal.aws.sagemaker.training.job import TrainingJob
    from rehearsal.aws.sagemaker.training.layout import Layout


def program(job: TrainingJob, decoded: dict[str, Any]) -> str:
    """Return the entry point's file name; "" where the request has a ContainerEntrypoint of its own.

    Raises
    ------
    FailedError
        When the request names none: these images have no algorithm of their own.
    """
    requested = job.request.get("Environment") or {}
    if job.request["AlgorithmSpecification"].get("ContainerEntrypoint"):
        return ""
    name = decoded.get("sagemaker_program") or requested.get("SAGEMAKER_PROGRAM")
    if not name:
        raise FailedError(
            "AlgorithmError: no entry point: the training image runs in script mode and needs the hyperparameter "
            "sagemaker_program (and sagemaker_submit_directory)"
        )
    return str(name)


def fetch(job: TrainingJob, layout: Layout, client: Any, decoded: dict[str, Any]) -> None:
    """Put the source directory into the code folder.

    The toolkit does this inside the container, so an isolated job cannot read S3: its code comes with a channel, as
    ``/opt/ml/input/data/<channel>/sourcedir.tar.gz`` or as a folder there.

    Raises
    ------
    FailedError
        With an ``AlgorithmError``, for it is the container that fails.
    """
    requested = job.request.get("Environment") or {}
    where = str(decoded.get("sagemaker_submit_directory") or requested.get("SAGEMAKER_SUBMIT_DIRECTORY") or "")
    try:
        if where.startswith("s3://"):
            _from_s3(job, layout, client, where)
        elif where:
            _from_channel(layout, Path(container.relocate(where, layout.base)))
    except (ClientError, ValueError, OSError) as error:
        raise FailedError(f"AlgorithmError: cannot fetch the source directory {where}: {error}") from error


def command(job: TrainingJob, layout: Layout, host: str, port: int, decoded: dict[str, Any]) -> list[str]:
    """Return the argument list that runs the program in its folder, on one host.

    The image's own way is script mode; ``ContainerEntrypoint`` takes its place.

    Parameters
    ----------
    port
        Where the processes of several hosts meet.

    Raises
    ------
    FailedError
        When the source directory does not hold it.
    """
    algorithm = job.request["AlgorithmSpecification"]
    if algorithm.get("ContainerEntrypoint"):
        words = [*algorithm["ContainerEntrypoint"], *(algorithm.get("ContainerArguments") or [])]
        return container.command(words, layout.base)
    entry = program(job, decoded)
    if not (layout.code / entry).is_file():
        held = ", ".join(sorted(path.name for path in layout.code.iterdir())) or "nothing"
        raise FailedError(
            f"AlgorithmError: the source directory does not hold the entry point {entry}; it holds {held}"
        )
    words = [entry, *environment.arguments(environment.user_hyperparameters(decoded))]
    if torchrun.wanted(decoded):
        return torchrun.command(job, host, port, decoded, words)
    return [sys.executable if entry.endswith(".py") else "/bin/sh", *words]


def _from_s3(job: TrainingJob, layout: Layout, client: Any, uri: str) -> None:
    if job.isolated:
        raise FailedError(
            f"AlgorithmError: the container is isolated from the network and cannot download {uri}: deliver the code "
            "through an input channel and set sagemaker_submit_directory to its path below /opt/ml/input/data"
        )
    bucket, key = s3.split(uri)
    archive = layout.base / "sourcedir.tar.gz"
    s3.download(client, bucket, key, archive)
    archives.extract(archive, layout.code)


def _from_channel(layout: Layout, source: Path) -> None:
    if source.is_dir():
        held = sorted(source.glob("*.tar.gz"))
        if len(held) == 1:
            archives.extract(held[0], layout.code)
        else:
            shutil.copytree(source, layout.code, dirs_exist_ok=True)
    elif source.is_file():
        archives.extract(source, layout.code)
    else:
        raise FailedError(f"AlgorithmError: sagemaker_submit_directory names {source}, which no input channel provides")
