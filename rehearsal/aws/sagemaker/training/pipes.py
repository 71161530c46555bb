"""Pipe mode: a named pipe for each channel and epoch, fed while the program reads.

A program opens ``/opt/ml/input/data/<channel>_<epoch>``, from epoch 0 on. It may close a pipe before its end; the next
epoch begins anew in the next pipe.
Source: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from typing import TYPE_CHECKING, Any

from rehearsal.aws.sagemaker.errors import FailedError
from rehearsal.aws.sagemaker.training import stream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LOOK_SECONDS = 0.02


class Feeder:
    """Feeds one channel of one host until it is stopped."""

    def __init__(self, client: Any, channel: dict[str, Any], data: Path, *, host: int, hosts: int) -> None:
        """Make the pipe of the first epoch.

        Parameters
        ----------
        data
            Folder of the channels.
        """
        self._client, self._channel, self._data = client, channel, data
        self._host, self._hosts = host, hosts
        self._over = threading.Event()
        self.failure: FailedError | None = None
        self._make(0)
        self._thread = threading.Thread(target=self._feed, name=f"pipe {channel['ChannelName']}", daemon=True)

    def start(self) -> None:
        """Wait for the program to open the pipe, in the background."""
        self._thread.start()

    def stop(self) -> None:
        """End; the program must be gone, for a full pipe is waited for."""
        self._over.set()
        self._thread.join()

    def _feed(self) -> None:
        number = 0
        try:
            while not self._over.is_set():
                number = self._one(number)
        except FailedError as error:
            self.failure = error
        except Exception as error:
            self.failure = FailedError(f"InternalServerError: the embedded AWS could not stream the channel: {error!r}")

    def _one(self, number: int) -> int:
        """Feed one epoch and return the number of the next."""
        descriptor = self._open(number)
        if descriptor is None:
            return number
        self._make(number + 1)  # it is there before the program reaches the end of this one
        try:
            for piece in stream.epoch(self._client, self._channel, number, host=self._host, hosts=self._hosts):
                _write(descriptor, piece)
        except BrokenPipeError:  # the program has closed it
            pass
        finally:
            os.close(descriptor)
            self._pipe(number).unlink(missing_ok=True)
        return number + 1

    def _open(self, number: int) -> int | None:
        """Open the pipe for writing once somebody reads; None when the feeder is stopped before."""
        while not self._over.wait(_LOOK_SECONDS):
            try:
                descriptor = os.open(self._pipe(number), os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
            else:
                os.set_blocking(descriptor, True)
                return descriptor
        return None

    def _make(self, number: int) -> None:
        with contextlib.suppress(FileExistsError):
            os.mkfifo(self._pipe(number))

    def _pipe(self, number: int) -> Path:
        return self._data / f"{self._channel['ChannelName']}_{number}"


def _write(descriptor: int, piece: bytes) -> None:
    rest = memoryview(piece)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


@contextlib.contextmanager
def fed(feeders: list[Feeder]) -> Iterator[None]:
    """Feed pipes while the block runs.

    Raises
    ------
    FailedError
        At the end of the block, when a channel could not be streamed: that has failed the program as well.
    """
    for feeder in feeders:
        feeder.start()
    try:
        yield
    finally:
        for feeder in feeders:
            feeder.stop()
    for feeder in feeders:
        if feeder.failure is not None:
            raise feeder.failure
