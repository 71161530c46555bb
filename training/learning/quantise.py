"""Write the model in 8-bit integers, and serve that only where it costs no more accuracy than the workload allows.

Static quantisation after training: weights per channel, activations by the ranges they take on a sample of the training
images. Three ways to ask for it (the hyperparameter `precision`): `fp32` does not; `int8` demands it, and the job fails
where too much accuracy is lost, because whoever demanded it has sized the endpoint for it; `auto` then keeps fp32 and
says so. Speed decides nothing: the machine that trains is not the one that serves. It is recorded.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import torch
from onnxruntime import quantization
from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry
from onnxruntime.quantization.shape_inference import quant_pre_process

from training.errors import TrainingError
from training.learning.export import INPUT, PROBABILITIES
from training.learning.images import normalise

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from training.learning.images import Split
    from training.workloads.description import Quantisation

BATCH = 32
TIMED_ROUNDS, TIMED_NS = 9, 10_000_000


@dataclass(frozen=True, slots=True)
class Cost:
    """What 8-bit integers cost and give; shares of test images lie between 0 and 1.

    Attributes
    ----------
    asked, precision
        What the hyperparameter said, and what the model was written in.
    fp32_top1, int8_top1
        Share of test images whose likeliest class is right.
    top1_loss_points, limit_points
        The difference in percentage points (below 0: int8 is better), and the largest one allowed.
    agreement
        Share of test images to which both give the same class.
    speedup
        CPU time of one image in fp32 divided by that in int8, on the machine that trained.
    """

    asked: str
    precision: str
    fp32_top1: float
    int8_top1: float
    top1_loss_points: float
    limit_points: float
    agreement: float
    fp32_bytes: int
    int8_bytes: int
    speedup: float
    calibration_images: int

    def record(self) -> dict[str, Any]:
        """As it stands in metrics.json and model.json."""
        return asdict(self)


class _Samples(quantization.CalibrationDataReader):
    def __init__(self, images: Tensor) -> None:
        self._parts = iter(images.split(BATCH))

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        part = next(self._parts, None)
        return None if part is None else {INPUT: normalise(part).numpy()}


def decide(path: Path, asked: str, images: Tensor, test: Split, limits: Quantisation) -> tuple[Cost, Tensor]:
    """Quantise the model in `path`, judge it on the test images, and let it replace `path` if it is good enough.

    Parameters
    ----------
    path
        The exported fp32 model.
    asked
        `int8` or `auto`.
    images
        uint8 images to calibrate on, of shape (n, 3, height, width).

    Returns
    -------
    what it costs, and the probabilities of shape (n, classes) that the model to be served gives to the test images

    Raises
    ------
    TrainingError
        `int8` was demanded and loses more than `limits` allows; there is no model in `path` then.
    """
    target = path.with_name("int8.onnx.part")
    write(path, target, images)
    given = {"fp32": answers(path, test.images), "int8": answers(target, test.images)}
    top1 = {name: _share(found.argmax(1) == test.labels) for name, found in given.items()}
    lost = round(100 * (top1["fp32"] - top1["int8"]), 6)
    allowed = lost <= limits.max_top1_loss_points
    precision = "int8" if allowed else "fp32"
    cost = Cost(
        asked=asked,
        precision=precision,
        fp32_top1=top1["fp32"],
        int8_top1=top1["int8"],
        top1_loss_points=lost,
        limit_points=limits.max_top1_loss_points,
        agreement=_share(given["fp32"].argmax(1) == given["int8"].argmax(1)),
        fp32_bytes=path.stat().st_size,
        int8_bytes=target.stat().st_size,
        speedup=round(speedup(path, target, test.images[:1]), 2),
        calibration_images=len(images),
    )
    if allowed:
        target.replace(path)
        return cost, given["int8"]
    target.unlink()
    if asked == "int8":
        path.unlink()
        figures = f"fp32 {top1['fp32']:.4f}, int8 {top1['int8']:.4f} on {len(test.labels)} test images"
        limit = f"training.quantisation.max_top1_loss_points allows {limits.max_top1_loss_points:g}"
        remedy = f"int8 loses {lost:.2f} points of top-1 accuracy ({figures}), and {limit}; ask for auto or fp32"
        raise TrainingError("precision", asked, remedy)
    return cost, given["fp32"]


def cost_line(cost: Cost) -> str:
    """What quantising came to, for the log."""
    kept = "written" if cost.precision == "int8" else "not written, fp32 stays"
    accuracy = f"top-1 {cost.int8_top1:.4f} (fp32 {cost.fp32_top1:.4f})"
    lost = f"{cost.top1_loss_points:.2f} points lost, {cost.limit_points:g} allowed"
    size = f"{cost.int8_bytes} bytes (fp32 {cost.fp32_bytes})"
    return f"int8 {kept}: {accuracy}, {lost}; {size}; {cost.speedup:.2f} times as fast here"


def sample(split: Split, count: int, seed: int) -> Tensor:
    """At most `count` images of the split, drawn with the seed."""
    order = torch.randperm(len(split.labels), generator=torch.Generator().manual_seed(seed))
    return split.images[order[:count]]


def write(path: Path, target: Path, images: Tensor) -> None:
    """Quantise the model in `path` into `target`, calibrated on `images`."""
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        # The shapes of the networks here are all known to the plain inference; the symbolic one takes seconds more.
        quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
        quantization.quantize_static(
            str(prepared),
            str(target),
            _Samples(images),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            # Seven bits for weights: with eight, the sums of two products overflow on processors without VNNI, and a
            # model would answer otherwise there than where it was judged.
            # https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html
            reduce_range=True,
            # The scores and what is made of them stay as they are: probabilities in steps of 1/255 would add up to
            # something beside one, and the workflow holds them against its threshold.
            op_types_to_quantize=sorted({*QDQRegistry, *QLinearOpsRegistry} - {"Softmax"}),
            extra_options={"OpTypesToExcludeOutputQuantization": ["Gemm"]},
        )


def session(path: Path) -> onnxruntime.InferenceSession:
    """A session of one thread, as the server has it."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def answers(path: Path, images: Tensor) -> Tensor:
    """Probabilities of shape (n, classes) that the model in `path` gives to uint8 images."""
    model = session(path)
    parts = [model.run([PROBABILITIES], {INPUT: normalise(part).numpy()})[0] for part in images.split(BATCH)]
    return torch.from_numpy(np.concatenate(parts))


def speedup(slow: Path, fast: Path, image: Tensor) -> float:
    """CPU time that the one model takes for an image, divided by that of the other; the median of several turns."""
    feed = {INPUT: normalise(image).numpy()}
    models = [session(path) for path in (slow, fast)]
    ratios = []
    for _ in range(TIMED_ROUNDS):
        taken = []
        for model in models:
            model.run(None, feed)
            begin, runs, used = time.process_time_ns(), 0, 0
            while used < TIMED_NS:
                model.run(None, feed)
                runs, used = runs + 1, time.process_time_ns() - begin
            taken.append(used / runs)
        ratios.append(taken[0] / taken[1])
    return statistics.median(ratios)


def _share(right: Tensor) -> float:
    return float(right.double().mean())
