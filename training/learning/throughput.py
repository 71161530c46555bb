"""`python -m training.learning.throughput`: images per second of training, from files and from memory.

The same loop takes its batches from image files through the loader, and from one batch that lies on the device already.
The second is what the network alone can do; their ratio tells whether reading keeps up. They take turns.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from torch.nn.functional import cross_entropy

from training.errors import TrainingError
from training.learning.images import MEAN, STD
from training.learning.networks import build
from training.learning.streaming import Crops, Epochs, Files, loader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor, nn

CLASSES = 133

Batch = tuple["Tensor", "Tensor"]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures, as text or JSON; exit code 2 for wrong settings."""
    options = _options(argv)
    try:
        with tempfile.TemporaryDirectory() as folder:
            files = found(options.images) if options.images else drawn(Path(folder), options.drawn, options.drawn_size)
            figures = measure(files, options)
    except TrainingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(json.dumps(figures, indent=1))
    return 0


def measure(files: Files, options: argparse.Namespace) -> dict[str, Any]:
    """Median images per second of both loops, and their ratio."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    step = stepper(build(options.architecture, CLASSES), device, compiled=options.compile)
    epochs = Epochs(len(files.paths), options.batch, seed=7)
    crops = Crops(files, options.side, augment=True, seed=7)
    streamed = endless(loader(crops, epochs, workers=options.workers, pinned=device.type == "cuda"), epochs)
    one = next(streamed)
    memory = (one[0].to(device), one[1].to(device))
    for _ in range(options.warmup):
        step(*next(streamed))
        step(*memory)
    rates: dict[str, list[float]] = {"files": [], "memory": []}
    for _ in range(options.rounds):
        rates["files"].append(rate(lambda: step(*next(streamed)), options.steps, options.batch, device))
        rates["memory"].append(rate(lambda: step(*memory), options.steps, options.batch, device))
    medians = {name: round(statistics.median(found), 1) for name, found in rates.items()}
    return {
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "CPU",
        "torch": torch.__version__,
        "cores": len(os.sched_getaffinity(0)),
        "architecture": options.architecture,
        "side": options.side,
        "batch": options.batch,
        "compiled": options.compile,
        "images_per_second": medians,
        "rounds": {name: [round(value, 1) for value in found] for name, found in rates.items()},
        "share": round(medians["files"] / medians["memory"], 3),
    }


def stepper(network: nn.Module, device: torch.device, *, compiled: bool) -> Callable[[Tensor, Tensor], None]:
    """One step of training on uint8 images: bfloat16 and channels_last on a GPU, float32 on a CPU."""
    network.to(device).train()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's annotations
    optimiser = torch.optim.SGD(network.parameters(), 0.01, momentum=0.9, fused=device.type == "cuda")
    scale = torch.tensor(STD, device=device).view(1, 3, 1, 1) * 255
    shift = torch.tensor(MEAN, device=device).view(1, 3, 1, 1) * 255

    def loss_of(images: Tensor, labels: Tensor) -> Tensor:
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            return cross_entropy(network((images.float() - shift) / scale), labels)

    forward: Callable[[Tensor, Tensor], Tensor] = torch.compile(loss_of) if compiled else loss_of

    def step(images: Tensor, labels: Tensor) -> None:
        loss = forward(images.to(device, non_blocking=True), labels.to(device, non_blocking=True))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()

    return step


def rate(step: Callable[[], None], steps: int, batch: int, device: torch.device) -> float:
    """Images per second of so many steps, the device's own queue waited for."""
    _settle(device)
    begin = time.perf_counter()
    for _ in range(steps):
        step()
    _settle(device)
    return steps * batch / (time.perf_counter() - begin)


def endless(batches: Any, epochs: Epochs) -> Iterator[Batch]:
    """Epoch after epoch."""
    while True:
        yield from batches
        epochs.epoch += 1


def found(folder: Path) -> Files:
    """Every JPEG and PNG below a folder; the folder it lies in is its class."""
    paths = tuple(path for path in sorted(folder.rglob("*")) if path.suffix.lower() in {".jpg", ".jpeg", ".png"})
    if not paths:
        raise TrainingError("images", str(folder), "holds no .jpg or .png; name a folder with images")
    names = {name: number for number, name in enumerate(sorted({path.parent.name for path in paths}))}
    return Files(paths, tuple(names[path.parent.name] % CLASSES for path in paths))


def drawn(folder: Path, count: int, size: tuple[int, int]) -> Files:
    """Images of noise with the spectrum of photographs (Field, 1987), so that JPEGs get the size of photographs."""
    random = np.random.default_rng(7)
    originals = []
    for _ in range(min(count, 64)):
        image = np.zeros((size[1], size[0], 3), np.float32)
        for octave in range(1, 8):
            coarse = random.normal(size=(2**octave, 2**octave, 3)).astype(np.float32)
            image += cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC) * 0.5**octave
        image = 128 + 60 * image / image.std() + random.normal(scale=3, size=image.shape)
        originals.append(
            cv2.imencode(".jpg", np.clip(image, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
        )
    paths = tuple(folder / f"{number:05d}.jpg" for number in range(count))
    for number, path in enumerate(paths):
        path.write_bytes(originals[number % len(originals)].tobytes())
    return Files(paths, tuple(number % CLASSES for number in range(count)))


def _settle(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.learning.throughput", description=__doc__)
    parser.add_argument("--images", type=Path, help="folder of JPEG and PNG files (default: drawn noise)")
    parser.add_argument("--drawn", type=int, default=4096, help="images to draw without --images (default: 4096)")
    parser.add_argument("--drawn-size", type=int, nargs=2, default=(500, 375), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument(
        "--architecture", default="resnet50", help="resnet18, resnet34, resnet50 (default) or small_cnn"
    )
    parser.add_argument("--side", type=int, default=224, help="pixels of the network's input (default: 224)")
    parser.add_argument("--batch", type=int, default=256, help="images per step (default: 256)")
    parser.add_argument("--steps", type=int, default=40, help="steps per round (default: 40)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds, of which the median counts (default: 5)")
    parser.add_argument("--warmup", type=int, default=10, help="steps before the first round (default: 10)")
    parser.add_argument("--workers", type=int, help="reading processes (default: usable cores less one)")
    parser.add_argument("--compile", action="store_true", help="let torch.compile fuse the network")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
