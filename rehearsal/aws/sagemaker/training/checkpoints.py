"""Keep a job's checkpoint folder and its S3 location alike: down at the start, up while the job runs."""

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
    from collections.abc import Iterator
    from pathlib import Path

    from rehearsal.aws.sagemaker.training.job import TrainingJob
    from rehearsal.aws.sagemaker.training.layout import Layout

log = logging.getLogger(__name__)

_UPLOAD_SECONDS = 2.0


class Checkpoints:
    """The checkpoint folder of one host; does nothing for a job without CheckpointConfig."""

    def __init__(self, job: TrainingJob, layout: Layout, client: Any) -> None:
        config = job.request.get("CheckpointConfig") or {}
        self._uri = config.get("S3Uri", "").rstrip("/")
        self._folder: Path = layout.path(config.get("LocalPath", "/opt/ml/checkpoints"))
        self._client = client
        self._sent: dict[Path, int] = {}

    def download(self) -> None:
        """Bring what an earlier job left, so that the program can go on from there."""
        if not self._uri:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        bucket, prefix = s3.split(self._uri)
        with self._explained():
            for key in s3.keys(self._client, bucket, f"{prefix}/"):
                path = self._folder / key.removeprefix(f"{prefix}/")
                s3.download(self._client, bucket, key, path)
                self._sent[path] = path.stat().st_mtime_ns

    def upload(self) -> None:
        """Send what is new or changed."""
        if not self._uri:
            return
        with self._explained():
            for path in sorted(self._folder.rglob("*")):
                if path.is_file() and self._sent.get(path) != path.stat().st_mtime_ns:
                    self._sent[path] = path.stat().st_mtime_ns
                    s3.upload(self._client, path, f"{self._uri}/{path.relative_to(self._folder).as_posix()}")

    @contextlib.contextmanager
    def sent_regularly(self) -> Iterator[None]:
        """Upload every few seconds while the block runs."""
        over = threading.Event()
        thread = threading.Thread(target=self._loop, args=(over,), name="checkpoints", daemon=True)
        if self._uri:
            thread.start()
        try:
            yield
        finally:
            over.set()
            if self._uri:
                thread.join()

    def _loop(self, over: threading.Event) -> None:
        while not over.wait(_UPLOAD_SECONDS):
            try:
                self.upload()
            except (FailedError, OSError) as error:  # a file may vanish while the program rotates its checkpoints
                log.warning("%s", error)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (ClientError, S3UploadFailedError) as error:
            raise FailedError(f"ClientError: checkpoints cannot be kept in {self._uri}: {error}") from error
