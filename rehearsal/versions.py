"""Versions of what a rehearsal stands on."""

from __future__ import annotations

import json
import platform
import re
import subprocess
from importlib.metadata import version

from terraform.command import ENVIRONMENTS, terraform_path


def versions() -> dict[str, str]:
    """Version by name: Python, Terraform, the AWS provider that the lock file demands, and the main packages."""
    answer = subprocess.run([terraform_path(), "version", "-json"], capture_output=True, text=True, check=False).stdout
    lock = (ENVIRONMENTS / "rehearsal" / ".terraform.lock.hcl").read_text()
    locked = re.search(r'version\s*=\s*"([^"]+)"', lock)
    packages = {name: version(name) for name in ("moto", "boto3", "torch", "onnxruntime", "locust")}
    return {
        "python": platform.python_version(),
        "terraform": json.loads(answer or "{}").get("terraform_version", "unknown"),
        "provider aws": locked[1] if locked else "unknown",
        **packages,
    }
