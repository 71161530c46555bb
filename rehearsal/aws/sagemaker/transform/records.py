"""Cut an object into payloads: whole, line by line, or as many lines as a payload may hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rehearsal.aws.sagemaker.errors import FailedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MEGABYTE = 1024 * 1024


def batches(content: Iterable[bytes], *, by_line: bool, single: bool, limit: int | None) -> Iterator[list[bytes]]:
    """Yield the records of one request after another; a record that is not a line is the whole object.

    Parameters
    ----------
    content
        The object's lines with their ends.
    single
        Whether each request carries one record.
    limit
        Bytes of a payload; None for no limit.

    Raises
    ------
    FailedError
        For a record above the limit.
    """
    if not by_line:
        whole = b"".join(content)
        _fits(len(whole), limit)
        yield [whole]
        return
    held: list[bytes] = []
    size = 0
    for line in content:
        record = line.rstrip(b"\r\n")
        if not record:
            continue
        _fits(len(record), limit)
        longer = size + len(record) + 1
        if held and (single or (limit is not None and longer > limit)):
            yield held
            held, longer = [], len(record) + 1
        held.append(record)
        size = longer
    if held:
        yield held


def _fits(size: int, limit: int | None) -> None:
    if limit is not None and size > limit:
        raise FailedError(f"ClientError: Too much data for max payload size: {size} bytes against {limit}")
