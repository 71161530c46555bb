"""Upload what a processing job makes: regularly while it runs, or once it has completed."""

from __future__ import annotations

import contextlib
import logging
import threading
from typing import TYPE_CHECKING, Any

from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import ClientError

from rehearsal.aws.sagemaker import s3
from rehearsal.aws.sagemaker.errors import FailedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rehearsal.aws.sagemaker.jobs import Job
    from rehearsal.aws.sagemaker.training.layout import Layout

log = logging.getLogger(__name__)

_UPLOAD_SECONDS = 2.0


class Outputs:
    """The output folders of all hosts of one job."""

    def __init__(self, job: Job, layouts: Sequence[Layout], client: Any) -> None:
        config = job.request.get("ProcessingOutputConfig") or {}
        self._job, self._layouts, self._client = job, layouts, client
        self._key = config.get("KmsKeyId")
        self._places = [one["S3Output"] for one in config.get("Outputs") or [] if not one.get("AppManaged")]
        self._sent: dict[Path, int] = {}

    def send(self, mode: str) -> None:
        """Upload what is new in the outputs of one S3UploadMode.

        Raises
        ------
        FailedError
            When the role may not write there.
        """
        for place in self._places:
            if place["S3UploadMode"] == mode:
                for layout in self._layouts:
                    self._upload(layout.path(place["LocalPath"]), place["S3Uri"].rstrip("/"))

    @contextlib.contextmanager
    def sent_regularly(self) -> Iterator[None]:
        """Upload the Continuous outputs every few seconds while the block runs."""
        if not any(place["S3UploadMode"] == "Continuous" for place in self._places):
            yield
            return
        over = threading.Event()
        thread = threading.Thread(target=self._loop, args=(over,), name=f"outputs {self._job.name}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _loop(self, over: threading.Event) -> None:
        while not over.wait(_UPLOAD_SECONDS):
            try:
                self.send("Continuous")
            except (FailedError, OSError) as error:  # a file may vanish while the program works
                log.warning("%s", error)

    def _upload(self, folder: Path, target: str) -> None:
        for path in sorted(folder.rglob("*")):
            if not path.is_file() or self._sent.get(path) == path.stat().st_mtime_ns:
                continue
            written = path.stat().st_mtime_ns
            try:
                s3.upload(self._client, path, f"{target}/{path.relative_to(folder).as_posix()}", self._key)
            except (ClientError, S3UploadFailedError) as error:
                raise FailedError(
                    f"ClientError: Failed to upload output to {target} with role {self._job.role_arn}: {error}"
                ) from error
            self._sent[path] = written
