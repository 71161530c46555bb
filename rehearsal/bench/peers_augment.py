"""Run by the peers' own Python: augments one picture over and over with a library, and says what it cost.

``python peers_augment.py imgaug|albumentations POLICY`` reads a line, makes as many versions as it says, prints CPU
seconds per version, and so on until its input ends. POLICY is our policy as JSON: the peers draw from the same ranges.
"""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH = 20


def main(name: str, policy: dict[str, Any]) -> None:
    cv2.setNumThreads(1)
    picture = np.frombuffer(sys.stdin.buffer.read(int(sys.stdin.buffer.readline())), np.uint8)
    image: Any = cv2.imdecode(picture, cv2.IMREAD_COLOR)
    make = {"imgaug": imgaug, "albumentations": albumentations}[name](policy, image)
    make()
    for line in sys.stdin.buffer:
        begin, batches = time.process_time(), int(line) // BATCH
        for _ in range(batches):
            make()
        sys.stdout.write(f"{(time.process_time() - begin) / (batches * BATCH)}\n")
        sys.stdout.flush()


def imgaug(policy: dict[str, Any], image: np.ndarray[Any, Any]) -> Callable[[], object]:
    if not hasattr(np, "sctypes"):
        # imgaug of 2020 looks at it while it is imported; numpy 2 has it no more.
        kinds = {"int": "bhlq", "uint": "BHLQ", "float": "efdg", "complex": "FDG"}
        np.sctypes = {name: [np.dtype(code).type for code in codes] for name, codes in kinds.items()}  # type: ignore[attr-defined]
    import imgaug as ia  # noqa: PLC0415  only now can it be imported
    from imgaug import augmenters as iaa  # noqa: PLC0415

    ia.seed(7)
    low, high = policy["crop"]
    steps = iaa.Sequential(
        [
            iaa.Fliplr(policy["mirror"]),
            iaa.Flipud(policy["upend"]),
            iaa.CropAndPad(percent=(-high, -low)),
            iaa.Affine(
                scale={"x": tuple(policy["scale"]), "y": tuple(policy["scale"])},
                translate_percent={"x": tuple(policy["translate"]), "y": tuple(policy["translate"])},
                rotate=tuple(policy["rotate"]),
                shear=tuple(policy["shear"]),
                mode=["constant", "edge", "reflect"],
                cval=(0, 255),
                backend="cv2",
            ),
            iaa.Sometimes(policy["blur_probability"], iaa.GaussianBlur(tuple(policy["blur"]))),
            iaa.Sometimes(
                policy["noise_probability"],
                iaa.AdditiveGaussianNoise(scale=tuple(policy["noise"]), per_channel=policy["noise_in_colour"]),
            ),
        ]
    )
    images = [image] * BATCH
    return lambda: steps(images=images)


def albumentations(policy: dict[str, Any], image: np.ndarray[Any, Any]) -> Callable[[], object]:
    import albumentations as al  # noqa: PLC0415  each peer imports its own library alone

    low, high = policy["crop"]
    ranges = {name: tuple(policy[name]) for name in ("scale", "rotate", "shear")}
    steps = al.Compose(
        [
            al.HorizontalFlip(p=policy["mirror"]),
            al.VerticalFlip(p=policy["upend"]),
            al.CropAndPad(percent=(-high, -low), p=1),
            al.Affine(**ranges, translate_percent=tuple(policy["translate"]), border_mode=cv2.BORDER_REFLECT_101, p=1),
            al.GaussianBlur(sigma_limit=tuple(policy["blur"]), blur_limit=(3, 5), p=policy["blur_probability"]),
            al.GaussNoise(std_range=tuple(value / 255 for value in policy["noise"]), p=policy["noise_probability"]),
        ],
        seed=7,
    )
    return lambda: [steps(image=image) for _ in range(BATCH)]


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
