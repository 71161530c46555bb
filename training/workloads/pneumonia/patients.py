"""Whose picture a file is: read from its name when data are staged, and from the staged name when a model is trained.

Staged names are `<patient>__<rest>.png`. Rules for the names of the public sets:

- Kermany et al. on Kaggle (https://www.kaggle.com/datasets/paultimothymooney/chest-xray-pneumonia):
  `person1_bacteria_1.jpeg`, `IM-0115-0001.jpeg`, `NORMAL2-IM-0383-0001.jpeg`;
- the same on Mendeley Data, third version (https://data.mendeley.com/datasets/rscbjbr9sj/3):
  `BACTERIA-1008087-0001.jpeg`, disease, patient, picture;
- NIH ChestX-ray14 (https://nihcc.app.box.com/v/ChestXray-NIHCC): `00000003_000.png`, patient, picture.

Numbers may be given twice: `person1` stands in the public train and test folders with different germs, and whether that
is one child nobody says. Equal numbers count as one patient: joining two patients costs a little freedom in the split,
parting one lets a model be tested on a child it has learnt.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from training.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SEPARATOR = "__"

_NAMES = (
    ("person", re.compile(r"person(?P<patient>\d+)_(?P<kind>bacteria|virus)_\d+", re.IGNORECASE)),
    ("im", re.compile(r"(?P<kind>(NORMAL2-)?IM)-(?P<patient>\d+)(-\d+)+", re.IGNORECASE)),
    ("id", re.compile(r"(?P<kind>NORMAL|BACTERIA|VIRUS)-(?P<patient>\d+)-\d+", re.IGNORECASE)),
    ("nih", re.compile(r"(?P<patient>\d{8})_(?P<kind>)\d{3}", re.IGNORECASE)),
)
_ILL = {"bacteria": True, "virus": True, "normal": False, "im": False, "normal2-im": False}


def parse(stem: str) -> tuple[str, bool | None] | None:
    """Patient, and whether the name says that the lungs are ill (None where it does not); None for other names."""
    for prefix, pattern in _NAMES:
        if (found := pattern.fullmatch(stem)) is not None:
            return f"{prefix}{int(found['patient'])}", _ILL.get(found["kind"].lower())
    return None


def staged(patient: str, stem: str) -> str:
    """The name under which a picture is staged, without its suffix."""
    return f"{re.sub('[^A-Za-z0-9-]', '-', patient)}{SEPARATOR}{stem}"


def of(names: Iterable[str]) -> tuple[str, ...]:
    """The patient of each staged picture.

    Raises
    ------
    TrainingError
        A name does not say.
    """
    found = []
    for name in names:
        patient, separator, _ = name.rpartition("/")[2].partition(SEPARATOR)
        if not separator or not patient:
            remedy = f"does not begin with the patient and {SEPARATOR!r}; stage the data with this workload"
            raise TrainingError("patient", name, remedy)
        found.append(patient)
    return tuple(found)


def refuse_shared(splits: Mapping[str, Iterable[str]]) -> None:
    """Make sure that no patient stands in two splits.

    Parameters
    ----------
    splits
        Patients of the pictures by split.

    Raises
    ------
    TrainingError
        One does, by name.
    """
    seen: dict[str, str] = {}
    for part, patients in splits.items():
        for patient in patients:
            other = seen.setdefault(patient, part)
            if other != part:
                remedy = (
                    f"has pictures in {other} and in {part}, so the figures would be too good; stage the data again"
                )
                raise TrainingError("patient", patient, remedy)


def traits(name: str) -> dict[str, str]:
    """View, site and age of a drawn picture's staged name; nothing for names that do not tell."""
    stem = name.rpartition("/")[2].rpartition(".")[0].partition(SEPARATOR)[2]
    found = re.fullmatch(r"(?P<view>pa|ap)-(?P<site>[a-z])-(?P<age>child|adult)-\d+", stem)
    return found.groupdict() if found else {}
