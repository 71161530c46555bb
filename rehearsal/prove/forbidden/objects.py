"""Objects: other buckets, other prefixes of one's own, without TLS, and past the VPC endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rehearsal.prove.forbidden.attempt import OUTSIDE, PLAIN_HTTP, Attempt
from rehearsal.prove.forbidden.world import World

READ, WRITE, DELETE = "GetObject", "PutObject", "DeleteObject"
OTHER = "somebody-elses-workload"
Place = tuple[str, str]

PLACES: tuple[Place, ...] = (
    ("data", "dataset"),
    ("data", "incoming"),
    ("data", "results"),
    ("data", "capture"),
    ("data", OTHER),
    ("models", "code"),
    ("models", "artifacts"),
    ("models", OTHER),
    ("logs", "data"),
    ("state", "environments"),
)
"""Bucket and prefix below the workload's own, or a name that belongs to nobody."""

_EMPTYING = {(bucket, prefix): {DELETE} for bucket, prefix in PLACES if bucket in ("data", "models", "logs")}
MAY: dict[str, dict[Place, set[str]]] = {
    "training": {("data", "dataset"): {READ}, ("models", "code"): {READ}, ("models", "artifacts"): {WRITE}},
    # The one artefact that is promoted stands elsewhere than what is tried here.
    "endpoint": {("data", "capture"): {WRITE}},
    "classify": {("data", "results"): {READ, WRITE}},
    "serialize-image": {("data", "incoming"): {READ}},
    "assess-claim": {("data", "incoming"): {READ}},
    "classify-image": {("data", "incoming"): {READ}},
    "classify-upload": {("data", "incoming"): {READ}, ("data", "results"): {WRITE}},
    "collect-results": {("data", "results"): {READ, WRITE}},
    "operator": {
        ("data", "dataset"): {READ, WRITE, DELETE},
        ("data", "incoming"): {WRITE},
        ("data", "results"): {READ},
        ("models", "code"): {WRITE},
        ("models", "artifacts"): {READ},
    },
    # A rehearsal ends with nothing left, so its pipeline empties its buckets.
    "deploy": {**_EMPTYING, ("state", "environments"): {READ, WRITE, DELETE}},
    "plan": {("state", "environments"): {READ}},
}
"""What each kind of role is for."""

IN_THE_VPC = (
    *("assess-claim", "classify-image", "classify-upload", "collect-results", "serialize-image"),
    *("endpoint", "training"),
)


def other_prefixes(world: World) -> Iterator[Attempt]:
    """Every place that is not the role's, read, written and deleted."""
    for role in world.roles:
        may = MAY.get(world.kind(role), {})
        for place in PLACES:
            for verb in (READ, WRITE, DELETE):
                if verb not in may.get(place, ()):
                    yield _call("other prefix", role, verb, world, place)
    for role in world.but("deploy", "plan"):
        for bucket in ("data", "models"):
            parameters = {"Bucket": world.buckets[bucket], "Prefix": f"{OTHER}/"}
            yield Attempt("other prefix", role, "s3", "ListObjectsV2", parameters)


def other_buckets(world: World) -> Iterator[Attempt]:
    """A bucket of somebody else in the same account."""
    for role in world.roles:
        bucket = {"Bucket": world.neighbour.bucket}
        for verb in (READ, WRITE, DELETE):
            yield Attempt("other bucket", role, "s3", verb, {**bucket, "Key": "object"} | _body(verb))
    for role in world.but("deploy", "plan"):
        yield Attempt("other bucket", role, "s3", "ListObjectsV2", {"Bucket": world.neighbour.bucket})


def without_tls(world: World) -> Iterator[Attempt]:
    """What each role may do, over a line that anybody can read."""
    yield from _worse(world, "without TLS", PLAIN_HTTP, list(world.roles))


def outside_the_endpoint(world: World) -> Iterator[Attempt]:
    """What workloads may do, from anywhere but their VPC: as with credentials that were carried off."""
    yield from _worse(world, "past the VPC endpoint", OUTSIDE, world.of(*IN_THE_VPC))


def _worse(world: World, family: str, way: str, roles: list[str]) -> Iterator[Attempt]:
    for role in roles:
        for place, verbs in MAY.get(world.kind(role), {}).items():
            for verb in sorted(verbs):
                yield _call(family, role, verb, world, place, way=way)


def _call(family: str, role: str, verb: str, world: World, place: Place, *, way: str = "") -> Attempt:
    bucket, prefix = place
    folder = prefix if prefix in (OTHER, "environments") else f"{world.workload}/{prefix}"
    parameters = {"Bucket": world.buckets[bucket], "Key": f"{folder}/forbidden.txt"}
    return Attempt(family, role, "s3", verb, parameters | _body(verb), way)


def _body(verb: str) -> dict[str, Any]:
    return {"Body": b"forbidden"} if verb == WRITE else {}
