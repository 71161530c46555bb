"""Which server answers the next request. A route never changes; it is replaced as a whole."""

from __future__ import annotations

import random
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rehearsal.aws.sagemaker.serving.fleet import VariantFleet


class Route:
    """Lanes to the variants' fleets, each with its share of the traffic."""

    def __init__(self, fleets: Iterable[tuple[Sequence[VariantFleet], float]]) -> None:
        """Take (fleets of one deployment, share of the endpoint's traffic) pairs.

        Within a deployment the variants share by weight. A variant of weight zero gets no traffic of its own and can
        still be asked for by name.
        """
        self._lanes: list[tuple[VariantFleet, float]] = []
        for deployment, share in fleets:
            total = sum(fleet.spec.current_weight for fleet in deployment)
            for fleet in deployment:
                part = fleet.spec.current_weight / total if total else 1 / len(deployment)
                self._lanes.append((fleet, share * part))
        self._fleets = [fleet for fleet, _ in self._lanes]
        self._limits = list(accumulate(share for _, share in self._lanes))
        self._only = self._fleets[0] if len(self._fleets) == 1 else None

    def pick(self, target: str | None = None) -> VariantFleet | None:
        """Return the fleet for the next request; None when no variant has the target's name.

        While two deployments share the traffic, a request for a variant by name is shared between them too.
        """
        if target is None:
            if self._only is not None:
                return self._only
            return random.choices(self._fleets, cum_weights=self._limits)[0]  # noqa: S311  # load balancing
        named = [(fleet, share) for fleet, share in self._lanes if fleet.spec.name == target]
        if not named:
            return None
        weights = [share for _, share in named]
        if not any(weights):
            return named[0][0]
        return random.choices([fleet for fleet, _ in named], weights)[0]  # noqa: S311  # load balancing
