"""`python -m training.workloads.dogs.instances`: what an epoch takes and costs on which instance, as docs/instances.md.

Time is images divided by a published or measured throughput; cost is time by a price that names its source. What nobody
has published or measured has no row, and what has no price has no cost.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from training.errors import InputError, SpecError
from training.jobs import cost
from training.workloads import spec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PAGE = Path(__file__).resolve().parents[3] / "docs" / "instances.md"
THROUGHPUTS = Path(__file__).with_name("throughputs.yaml")

TRAINING_IMAGES = 6680
"""Of the 133-breed data set."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A place to train: what it is, how fast, what it costs, and who says so."""

    name: str
    what: str
    images_per_second: float
    source: str
    hourly: float | None
    price_source: str


def choices(region: str, prices: Mapping[str, float], measured: Mapping[str, Any] | None) -> list[Choice]:
    """All places that are known, fastest first.

    Parameters
    ----------
    prices
        The caller's own, in US dollars per hour by instance type; `here` for the machine that was measured.
    measured
        What `training.learning.throughput` printed.

    Raises
    ------
    SpecError
        A price of something that is not in the table, or a measurement of another network.
    """
    table: dict[str, Any] = yaml.safe_load(THROUGHPUTS.read_text(encoding="utf-8"))
    found = []
    for name, row in table.items():
        price = cost.price(region, name, prices.get(name))
        hourly, source = (price.hourly, price.source) if price else (None, "")
        said = f"[{row['says']}]({row['source']})"
        found.append(Choice(name, row["what"], float(row["images_per_second"]), said, hourly, source))
    if measured is not None:
        network = (measured["architecture"], measured["side"])
        if network != ("resnet50", 224):
            raise SpecError("--measured", network, "must be of resnet50 at side 224, as the published figures are")
        what = f"{measured['device']}, {measured['cores']} cores, torch {measured['torch']}"
        rate = float(measured["images_per_second"]["files"])
        own = prices.get("here")
        found.append(Choice("here", what, rate, "measured, from files", own, "the price given" if own else ""))
    if unknown := set(prices) - {choice.name for choice in found}:
        known = ", ".join(choice.name for choice in found)
        raise SpecError("--price", sorted(unknown)[0], f"has no throughput to go with it; known: {known}")
    return sorted(found, key=lambda choice: -choice.images_per_second)


def page(found: Sequence[Choice], region: str, images: int, epochs: int) -> str:
    """The table as Markdown."""
    rows = []
    for choice in found:
        seconds = images / choice.images_per_second
        money = ["not known"] * 3
        if choice.hourly is not None:
            per_epoch = choice.hourly * seconds / 3600
            money = [f"{choice.hourly:.3f}", f"{per_epoch:.3f}", f"{per_epoch * epochs:.2f}"]
        cells = [f"`{choice.name}`", choice.what, f"{choice.images_per_second:,.0f}", f"{seconds:,.0f} s"]
        rows.append("| " + " | ".join([*cells, f"{seconds * epochs / 60:,.1f} min", *money, choice.source]) + " |")
    sources = sorted({choice.price_source for choice in found if choice.price_source})
    default = spec.load("dogs").training.instance.type
    return f"""# Which instance to train the dogs on

ResNet-50 at 224 x 224, {images:,} training images, {epochs} epochs; on-demand prices in {region}. Written by
`python -m training.workloads.dogs.instances --write`, which takes `--price TYPE=USD`, `--images`, `--epochs`, and with
`--measured FILE` what `python -m training.learning.throughput` says of a machine of yours.

| instance | what it is | images/s | an epoch | the run | USD/h | USD/epoch | USD/run | throughput by |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |
{chr(10).join(rows)}

Prices: {"; ".join(sources) or "none known"}.

Time and cost are computed from these figures and were not observed on AWS: starting an instance and fetching the data
come on top, spot capacity costs less, and our loop may be slower than the one that was published. The workload's own
choice is `{default}`. Types with local NVMe storage (g4dn, g5, g6, p4d, p5) are missing because SageMaker refuses a
customer-managed volume key for them, and the modules refuse them too.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Print the page, or write it; 2 for wrong arguments."""
    parser = argparse.ArgumentParser(prog="python -m training.workloads.dogs.instances", description=__doc__)
    parser.add_argument("--region", default="eu-west-1", help="whose prices count (default eu-west-1)")
    parser.add_argument("--price", action="append", default=[], metavar="TYPE=USD", help="per hour; may be repeated")
    parser.add_argument("--measured", type=Path, metavar="FILE", help="JSON of training.learning.throughput")
    parser.add_argument("--images", type=int, default=TRAINING_IMAGES, help="training images (default 6680)")
    parser.add_argument("--epochs", type=int, help="default: the workload's")
    parser.add_argument("--write", action="store_true", help=f"write docs/{PAGE.name} instead of printing")
    options = parser.parse_args(argv)
    try:
        measured = json.loads(options.measured.read_text(encoding="utf-8")) if options.measured else None
        found = choices(options.region, _prices(options.price), measured)
    except (InputError, OSError, ValueError, KeyError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    epochs = options.epochs or int(spec.load("dogs").training.hyperparameters["epochs"].default)
    text = page(found, options.region, options.images, epochs)
    if options.write:
        PAGE.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return 0


def _prices(given: Sequence[str]) -> dict[str, float]:
    prices = {}
    for text in given:
        name, _, value = text.partition("=")
        try:
            prices[name] = float(value)
        except ValueError:
            raise SpecError("--price", text, "must be a type and US dollars per hour, as ml.p3.2xlarge=4.13") from None
    return prices


if __name__ == "__main__":
    sys.exit(main())
