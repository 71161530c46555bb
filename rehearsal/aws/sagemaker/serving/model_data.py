"""Bring a model's archive to where its server looks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from rehearsal.aws.sagemaker import archives, s3
from rehearsal.aws.sagemaker.errors import FailedError

if TYPE_CHECKING:
    from pathlib import Path

    from rehearsal.aws.context import Acting, Context
    from rehearsal.aws.sagemaker.serving.spec import VariantSpec


def unpack(context: Context, who: Acting, spec: VariantSpec, base: Path) -> None:
    """Download the archive with the model's role and unpack it as ``base/model``.

    Raises
    ------
    FailedError
        With the reason as DescribeEndpoint shows it.
    """
    url, model = spec.model_data_url, base / "model"
    model.mkdir(parents=True, exist_ok=True)
    if not url:
        return
    archive = base / "model.tar.gz"
    try:
        client = s3.client(context, who)
        s3.download(client, *s3.split(url), archive)
        archives.extract(archive, model)
    except (ClientError, ValueError) as error:
        if isinstance(error, archives.ArchiveError):
            raise FailedError(
                f'Failed to extract model data archive for container "container_1" from URL "{url}". Please ensure '
                f"that the object located at the URL is a valid tar.gz archive. ({error})"
            ) from error
        raise FailedError(
            f'Failed to download model data for container "container_1" from URL: "{url}". Please ensure that '
            f"there is an object located at the URL and that the role passed to CreateModel has permissions to "
            f"download the model. ({error})"
        ) from error
    finally:
        archive.unlink(missing_ok=True)
