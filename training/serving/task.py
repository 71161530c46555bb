"""What a model is asked for: the outputs it must have, and the answers made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from training.serving.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    Answer = bytes | RequestError
    """The JSON that goes between `{"predictions": ` and the name of the model, or why there is none."""

    Outputs = Sequence[NDArray[np.float32]]


class Task(Protocol):
    """One kind of question."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the model's outputs that are asked for."""
        ...

    def check(self, outputs: Outputs, images: int) -> None:
        """Raise `ModelError` where the outputs for so many images are of another shape than they must be."""
        ...

    def answers(self, outputs: Outputs, sizes: Sequence[tuple[int, int]]) -> list[Answer]:
        """One answer per image; `sizes` are the widths and heights of the images as they were sent."""
        ...


def not_finite() -> RequestError:
    """The answer where a model's output is no number: NaN and infinity are no JSON, and no prediction either."""
    remedy = "the model's output is not finite for this image; report it, or go back to the last good model"
    return RequestError(500, "model", "not finite", remedy)
