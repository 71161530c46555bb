"""What becomes of a claim: the rule alone, without a call to anything.

A claim is filed where a photo shows a damaged car; everything else is for a person to audit, each with its reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

FILE, AUDIT = "file", "audit"
NO_CAR = "no_car"
CAR_BELOW_THRESHOLD = "car_below_threshold"
NO_DAMAGE = "no_damage"
DAMAGE_UNCERTAIN = "damage_uncertain"
DAMAGE = "damage"
REASONS = (NO_CAR, CAR_BELOW_THRESHOLD, NO_DAMAGE, DAMAGE_UNCERTAIN, DAMAGE)
"""From the furthest from filing to filing itself."""


def without_car(scores: Sequence[float], threshold: float) -> str | None:
    """Return why a photo shows no car to judge, or None when it shows one; a score equal to the threshold is enough.

    Parameters
    ----------
    scores
        Of the boxes in which the detector sees a car, in any order.
    """
    if not scores:
        return NO_CAR
    return CAR_BELOW_THRESHOLD if max(scores) < threshold else None


def of_car(probabilities: Mapping[str, float], damaged: str, threshold: float) -> str:
    """Return what a photo of a car says about damage; a probability equal to the threshold is enough.

    Parameters
    ----------
    probabilities
        Of every class of the damage classifier.
    damaged
        The class that means damage.

    Raises
    ------
    KeyError
        The classifier does not know that class.
    """
    damage = probabilities[damaged]
    if damage >= threshold:
        return DAMAGE
    return DAMAGE_UNCERTAIN if damage >= max(probabilities.values()) else NO_DAMAGE


def of_claim(reasons: Sequence[str]) -> str:
    """Return the reason for a claim with several photos: that of the photo which is nearest to filing."""
    return max(reasons, key=REASONS.index)


def verdict(reason: str) -> str:
    """Return what a reason leads to."""
    return FILE if reason == DAMAGE else AUDIT
