"""`python -m training.jobs.image_lock`: ask the SageMaker SDK where AWS keeps its images, and write it down.

What AWS's built-in algorithms and frameworks run in has an account of its own in each region. The SDK knows them; this
writes what it says for the images below into images.lock.json, which is what requests are built from.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.errors import JobError
from training.jobs import images

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-sdk" / "bin" / "python"

REGIONS = (
    *("ap-northeast-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1"),
    *("eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3"),
    *("sa-east-1", "us-east-1", "us-east-2", "us-west-2"),
)

_PYTORCH = {"framework": "pytorch", "version": "2.8.0", "py_version": "py312", "image_scope": "training"}

WANTED: dict[str, dict[str, str]] = {
    # Built-in algorithms: https://docs.aws.amazon.com/sagemaker/latest/dg/algos.html
    "image-classification:1": {"framework": "image-classification", "version": "1"},
    "kmeans:1": {"framework": "kmeans", "version": "1"},
    "linear-learner:1": {"framework": "linear-learner", "version": "1"},
    "object-detection:1": {"framework": "object-detection", "version": "1"},
    "semantic-segmentation:1": {"framework": "semantic-segmentation", "version": "1"},
    "xgboost:1.7-1": {"framework": "xgboost", "version": "1.7-1"},
    # AWS's own training images, for whoever wants one of them as a base in place of the project's.
    "pytorch-training:2.8.0-cpu": _PYTORCH | {"instance_type": "ml.m5.xlarge"},
    "pytorch-training:2.8.0-gpu": _PYTORCH | {"instance_type": "ml.p3.2xlarge"},
}


def main(argv: Sequence[str] | None = None) -> int:
    """Write the lock, or with --check say whether it is fresh; 1 when it is stale, 2 when the SDK cannot be asked."""
    parser = argparse.ArgumentParser(prog="python -m training.jobs.image_lock", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 where the lock is stale")
    chosen = parser.parse_args(argv)
    try:
        text = fresh()
    except JobError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    stale = not images.LOCK.exists() or images.LOCK.read_text(encoding="utf-8") != text
    if stale and not chosen.check:
        images.LOCK.write_text(text, encoding="utf-8")
    print(f"{images.LOCK.relative_to(ROOT)}: {'stale' if stale and chosen.check else 'written' if stale else 'fresh'}")
    return 1 if stale and chosen.check else 0


def fresh() -> str:
    """Return the lock's text as the SDK has it now."""
    found = ask("images", {"regions": REGIONS, "images": WANTED})
    return json.dumps(found, indent=2, sort_keys=True) + "\n"


def ask(program: str, wanted: Any) -> Any:
    """Run a program of `training.jobs.oracle` in the SDK's environment.

    Raises
    ------
    JobError
        The environment is not there, or the SDK fails.
    """
    if not PYTHON.exists():
        remedy = "is not there: `make images` or `make verify` sets it up, or python3 requirements/install.py sdk"
        raise JobError(".venv-sdk", None, remedy)
    path = Path(__file__).with_name("oracle") / f"{program}.py"
    # Without a region it does not import; it checks roles with a call, and it reports what is done with it.
    settings = {"AWS_DEFAULT_REGION": "eu-west-1", "SAGEMAKER_VALIDATE_ROLE": "false"}
    settings |= {"SAGEMAKER_USER_CONFIG_OVERRIDE": str(path.with_name("config.yaml"))}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAGEMAKER_"))}
    said = subprocess.run(
        [str(PYTHON), str(path)],
        input=json.dumps(wanted),
        env=kept | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    if said.returncode:
        raise JobError("sagemaker SDK", program, f"failed: {' '.join(said.stderr.split())[-600:]}")
    return json.loads(said.stdout)


if __name__ == "__main__":
    sys.exit(main())
