"""What several tests of the data code make and look at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.data import __main__ as command
from training.data import cifar


def part(labels: list[int], seed: int = 0, names: list[str] | None = None) -> cifar.Part:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (len(labels), 32, 32, 3), np.uint8)
    coarse = np.full(len(labels), cifar.COARSE_LABELS.index("vehicles_1"))
    return cifar.Part(images, np.array(labels), coarse, names or [f"pic_{seed}_{k}.png" for k in range(len(labels))])


def stage(tmp_path: Path, *arguments: str, source: str = "synthetic", out: str = "ds") -> tuple[int, Path]:
    base = ["stage", "--workload", "vehicles", "--source", source, "--out", str(tmp_path / out)]
    return command.main([*base, "--cache", str(tmp_path / "cache"), *arguments]), tmp_path / out


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials of nobody, and no way to the real AWS."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
