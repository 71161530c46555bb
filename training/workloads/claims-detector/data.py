"""Streets with and without cars: the scenes that `training.workloads.claims` draws, for the detector."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.errors import DataError
from training.workloads.claims.data import CAR, load_scenes

if TYPE_CHECKING:
    from pathlib import Path

    from training.data.progress import Progress
    from training.data.records import Records


def load(
    source: str,
    *,
    classes: tuple[str, ...] | None,
    per_class: int | None,
    seed: int,
    cache: Path,  # noqa: ARG001  every source is asked alike
    archive: Path | None = None,  # noqa: ARG001
    progress: Progress | None = None,
) -> Records:
    """Scenes of one source; `per_class` of them show a car, and a third as many none.

    Raises
    ------
    DataError
        Classes that this source does not have.
    """
    if classes not in {None, CAR}:
        raise DataError("--classes", ",".join(classes or ()), f"{source} knows {CAR[0]} only")
    return load_scenes(source, per_class=per_class, seed=seed, progress=progress)
