"""Where the radiographs come from: drawings, or real ones that a user has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from training.data import places
from training.data.records import Records
from training.errors import DataError
from training.workloads.pneumonia import patients, radiographs
from training.workloads.pneumonia.anatomy import SITES, VIEWS, patient
from training.workloads.pneumonia.drawings import draw
from training.workloads.pneumonia.radiographs import CLASSES

if TYPE_CHECKING:
    from pathlib import Path

    from training.data.progress import Progress

DRAWN_HEALTHY = 1200
"""Drawings of healthy lungs when no number is given."""

RARER = 3
"""Drawings of healthy lungs for one of a pneumonia."""

MOST_PICTURES = 3
"""Of one patient."""


def load(
    source: str,
    *,
    classes: tuple[str, ...] | None,
    per_class: int | None,
    seed: int,
    cache: Path,  # noqa: ARG001  nothing is downloaded: the public set asks for an account
    archive: Path | None = None,
    progress: Progress | None = None,
) -> Records:
    """Labelled radiographs of one source, each with its patient.

    Parameters
    ----------
    source
        `synthetic` or `radiographs`.
    per_class
        How many healthy ones to draw (`synthetic`), and a third as many ill ones; the other source hands over all.
    archive
        Folder, archive or `s3://` prefix with `radiographs`.

    Raises
    ------
    DataError
        Unknown class, or pictures that cannot be used.
    """
    if classes is not None and classes != CLASSES:
        raise DataError("--classes", ",".join(classes), f"cannot be changed; this workload has {','.join(CLASSES)}")
    if source == "synthetic":
        return drawn(per_class or DRAWN_HEALTHY, seed, progress)
    if archive is None:
        remedy = "name the folder, archive or s3:// prefix that holds train, val and test with --archive"
        raise DataError("--archive", None, remedy)
    return radiographs.load(places.find(str(archive)), progress)


def drawn(healthy: int, seed: int, progress: Progress | None = None) -> Records:
    """Draw so many pictures of healthy lungs, and a third as many of a pneumonia.

    Every patient has a seed of its own, so that a larger sample begins with the smaller one.
    """
    wanted = (healthy, max(1, round(healthy / RARER)))
    images, labels, names, groups = [], [], [], []
    for label, count in enumerate(wanted):
        number, made = 0, 0
        while made < count:
            someone = patient(bool(label), (seed, label, number))
            rng = np.random.default_rng((seed, label, number, 5))
            who = f"drawn-{CLASSES[label][0]}{number:05d}"
            for shot in range(min(int(rng.integers(1, MOST_PICTURES + 1)), count - made)):
                # Who is very ill is more often pictured in bed.
                view = VIEWS[int(rng.random() < 0.25 + 0.5 * someone.severity)]
                site = SITES[int(rng.random() < 0.4)]
                images.append(draw(someone, view, site, rng))
                labels.append(label)
                names.append(patients.staged(who, f"{view}-{site}-{someone.age}-{shot}") + ".png")
                groups.append(who)
                made += 1
                if progress:
                    progress(len(images), sum(wanted))
            number += 1
    return Records(
        np.stack(images),
        np.array(labels, np.int64),
        names,
        None,
        CLASSES,
        "synthetic",
        True,
        {"drawn_with_seed": str(seed)},
        groups=tuple(groups),
    )
