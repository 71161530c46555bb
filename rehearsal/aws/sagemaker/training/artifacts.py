"""Upload what a job made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import ClientError

from rehearsal.aws.sagemaker import archives, s3
from rehearsal.aws.sagemaker.errors import FailedError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rehearsal.aws.sagemaker.training.job import TrainingJob
    from rehearsal.aws.sagemaker.training.layout import Layout


def upload(job: TrainingJob, layouts: Sequence[Layout], client: Any, *, even_empty: bool) -> None:
    """Upload model and output data of all hosts below ``<S3OutputPath>/<job>/output``.

    Parameters
    ----------
    even_empty
        Upload a model archive although the program left no model, as for a job that completed.

    Raises
    ------
    FailedError
        When the role may not write there.
    """
    config = job.request["OutputDataConfig"]
    target = f"{config['S3OutputPath'].rstrip('/')}/{job.training_job_name}/output"
    key = config.get("KmsKeyId")
    try:
        if config.get("CompressionType") == "NONE":
            _plain([layout.model for layout in layouts], f"{target}/model", client, key)
            job.model_artifacts = {"S3ModelArtifacts": f"{target}/model/"}
            return
        base = layouts[0].base
        if archives.pack([layout.model for layout in layouts], base / "model.tar.gz") or even_empty:
            s3.upload(client, base / "model.tar.gz", f"{target}/model.tar.gz", key)
            job.model_artifacts = {"S3ModelArtifacts": f"{target}/model.tar.gz"}
        if archives.pack([layout.output_data for layout in layouts], base / "output.tar.gz"):
            s3.upload(client, base / "output.tar.gz", f"{target}/output.tar.gz", key)
    except (ClientError, S3UploadFailedError) as error:
        raise FailedError(
            f"ClientError: Artifact upload failed:Error from uploading to {target} with role {job.role_arn}: {error}"
        ) from error


def _plain(folders: Sequence[Path], target: str, client: Any, key: str | None) -> None:
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                s3.upload(client, path, f"{target}/{path.relative_to(folder).as_posix()}", key)
