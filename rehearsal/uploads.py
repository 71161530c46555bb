"""Where an upload starts a function: upload one image and find its answer among the results."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from rehearsal.actors import actor
from rehearsal.run import RehearsalError, Run
from training.workloads import spec

DEADLINE_S = 60
POLL_S = 0.5


def classified(run: Run, image: Path) -> dict[str, Any] | None:
    """Upload an image and return the answer that the function left; None where no upload starts a function.

    Raises
    ------
    RehearsalError
        There is none in time, or it is about another version.
    """
    name, uploads = run.options.workload, spec.load(run.options.workload).uploads
    if uploads is None or uploads.start == "workflow":
        return None
    bucket, s3 = run.data("promote")["outputs"]["data_bucket"], actor(run, "operator").client("s3")
    key = f"{uploads.prefix}{int(time.time())}-{image.name}"
    version = s3.put_object(Bucket=bucket, Key=key, Body=image.read_bytes())["VersionId"]
    prefix, deadline = f"{name}/results/uploads/{key.rpartition('/')[2][:80]}-", time.monotonic() + DEADLINE_S
    while not (found := s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])):
        if time.monotonic() > deadline:
            raise RehearsalError(f"{DEADLINE_S} s after its upload s3://{bucket}/{key} has no answer below {prefix}")
        time.sleep(POLL_S)
    answer: dict[str, Any] = json.loads(s3.get_object(Bucket=bucket, Key=found[0]["Key"])["Body"].read())
    if answer["image"]["version"] != version or not answer["predictions"]:
        raise RehearsalError(f"the answer in {found[0]['Key']} is not about version {version} of {key}: {answer}")
    return answer
