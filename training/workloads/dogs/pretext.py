"""`python -m training.workloads.dogs.pretext`: a backbone for the drawings, learnt from other drawings.

Where there is no network, torchvision's weights cannot be had, and transfer learning would have nothing to transfer. So
a `small_resnet` learns to name the traits (size, ears, coat, colours and so on) of drawn dogs of no breed; none of the
133 breeds' combinations of traits is among them. Its last layer is left behind by whoever takes the weights up.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import sys
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from training.learning.images import disturb, normalise
from training.learning.networks import SMALL, build
from training.workloads.dogs import breeds, coats, drawings, scenes, shapes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from training.data.progress import Progress

IMAGES, EPOCHS, BATCH, RATE, SIDE = 2400, 4, 32, 4e-3, 64

WORDS: tuple[tuple[object, ...], ...] = (
    tuple(range(breeds.SIZES[0], breeds.SIZES[1] + 1)),
    *(breeds.LEGS, breeds.BODIES, breeds.EARS, breeds.MUZZLES, breeds.TAILS, breeds.COATS, breeds.PATTERNS),
    *(tuple(breeds.COLOURS), tuple(breeds.COLOURS)),
)
"""What each trait can be, in the order of `Traits`."""


def weights(cache: Path, seed: int, progress: Progress | None = None) -> bytes:
    """The backbone's state dict as torch saves it, learnt once and kept in `cache`."""
    sources = [Path(module.__file__ or "") for module in (breeds, coats, drawings, scenes, shapes)]
    sources += [Path(__file__), Path(breeds.__file__).with_name("breeds.txt")]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]
    kept = cache / "synthetic" / f"dogs-backbone-{digest}-{seed}.pth"
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        torch.save(learn(seed, progress=progress).state_dict(), buffer)
        part = kept.with_name(f"{kept.name}.{os.getpid()}.part")
        part.write_bytes(buffer.getvalue())
        part.replace(kept)
    return kept.read_bytes()


def learn(seed: int, count: int = IMAGES, epochs: int = EPOCHS, progress: Progress | None = None) -> nn.Module:
    """A network that names traits; `progress` is told of images seen."""
    rng = np.random.default_rng([seed, 133])
    traits = breeds.invented(count, rng)
    pixels = np.stack([drawings.draw(dog, rng, SIDE) for dog in traits]).transpose(0, 3, 1, 2)
    images = torch.from_numpy(np.ascontiguousarray(pixels))
    answers = torch.tensor([[w.index(word) for w, word in zip(WORDS, astuple(dog), strict=True)] for dog in traits])
    torch.manual_seed(seed)
    network = build(SMALL, sum(len(words) for words in WORDS))
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's annotations
    optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=5e-4)
    steps = -(-count // BATCH) * epochs
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps, pct_start=0.25)
    generator = torch.Generator().manual_seed(seed)
    done = 0
    network.train()
    for _ in range(epochs):
        for at in torch.randperm(count, generator=generator).split(BATCH):
            loss = _loss(network(normalise(disturb(images[at], generator))), answers[at])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
            done += len(at)
            if progress:
                progress(done, count * epochs)
    return network.eval()


def _loss(scores: Tensor, answers: Tensor) -> Tensor:
    """The mean over the traits of the cross entropy of each."""
    parts = scores.split([len(words) for words in WORDS], 1)
    losses = [nn.functional.cross_entropy(part, answers[:, k]) for k, part in enumerate(parts)]
    return torch.stack(losses).mean()


def main(argv: Sequence[str] | None = None) -> int:
    """Write the weights to a file."""
    from training.data.progress import reporter  # noqa: PLC0415  only people at a terminal need it

    parser = argparse.ArgumentParser(prog="python -m training.workloads.dogs.pretext", description=__doc__)
    parser.add_argument("--out", required=True, type=Path, help="file to write, such as backbone.pth")
    parser.add_argument("--seed", type=int, default=7, help="of drawings and training (default 7)")
    options = parser.parse_args(argv)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    torch.save(learn(options.seed, progress=reporter("learning traits")).state_dict(), options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
