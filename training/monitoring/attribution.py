"""Does the model still decide by the same features? The ranking's NDCG, as SageMaker Clarify defined it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from training.monitoring.errors import MonitoringError

if TYPE_CHECKING:
    from collections.abc import Mapping

LEAST = 0.90
"""Below this score Clarify raised an alert."""


def ndcg(before: Mapping[str, float], now: Mapping[str, float]) -> float:
    """DCG / iDCG of two sets of global attributions, by feature: 1 when the ranking is the same.

    DCG = sum over i of a(f'_i) / log2(i + 1), iDCG the same with f_i; a is the attribution in training, f' the
    features by attribution in live data, f by attribution in training.
    https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-model-monitor-feature-attribution-drift.html. Attributions
    are means of absolute values (`mean_abs`), so none is negative; equal ones keep the order of their names.
    """
    if not before or before.keys() != now.keys():
        raise MonitoringError("attributions", sorted(before.keys() ^ now.keys()), "both need the same features")
    if min(before.values()) < 0 or min(now.values()) < 0:
        raise MonitoringError("attributions", "negative", "give means of absolute values")
    gain = [sum(before[name] / np.log2(place + 2) for place, name in enumerate(_ranked(by))) for by in (now, before)]
    return float(gain[0] / gain[1]) if gain[1] else 1.0


def _ranked(scores: Mapping[str, float]) -> list[str]:
    return sorted(scores, key=lambda name: (-scores[name], name))
