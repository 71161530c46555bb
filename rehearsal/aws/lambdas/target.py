"""Which version of a function an invocation means."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Target:
    """A function version, and the name under which it was called.

    Attributes
    ----------
    fn
        moto's object of the version that runs.
    qualifier
        Alias or version of the call; None for an unqualified one.
    arn
        The invoked ARN, as the handler's context shows it.
    """

    fn: Any
    name: str
    qualifier: str | None
    arn: str


def resolve(backend: Any, name_or_arn: str, qualifier: str | None = None) -> Target:
    """Find what a call names; an alias with weights picks one of its two versions by lot.

    Raises
    ------
    moto.awslambda.exceptions.UnknownFunctionException
        A ResourceNotFoundException on the wire.
    """
    name = name_or_arn
    if name_or_arn.startswith("arn:"):
        _, name, in_arn = backend._lambdas.split_function_arn(name_or_arn)
        qualifier = in_arn or qualifier
    elif ":" in name_or_arn:
        name, _, in_name = name_or_arn.rpartition(":")
        name, qualifier = name.rpartition(":")[2], in_name or qualifier
    fn = backend.get_function(name, qualifier)
    alias = backend._lambdas._get_function_aliases(name).get(qualifier) if qualifier else None
    weights = ((alias.routing_config or {}).get("AdditionalVersionWeights") or {}) if alias else {}
    for version, weight in weights.items():
        if random.random() < float(weight):  # noqa: S311 (traffic shifting, not cryptography)
            fn = backend.get_function(name, version)
    base = f"arn:aws:lambda:{backend.region_name}:{backend.account_id}:function:{name}"
    return Target(fn, name, qualifier, f"{base}:{qualifier}" if qualifier else base)
