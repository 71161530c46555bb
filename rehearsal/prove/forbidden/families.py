"""All families of forbidden calls."""

from __future__ import annotations

from rehearsal.prove.forbidden import accounts, duties, envelope, harm, identity, keys, objects
from rehearsal.prove.forbidden.attempt import Attempt, Family
from rehearsal.prove.forbidden.world import World

FAMILIES: tuple[Family, ...] = (
    objects.other_buckets,
    objects.other_prefixes,
    objects.without_tls,
    objects.outside_the_endpoint,
    keys.own_keys_directly,
    keys.other_keys,
    keys.key_administration,
    identity.other_roles,
    identity.escalation,
    identity.handed_over_roles,
    accounts.other_accounts,
    envelope.loosened_jobs,
    envelope.loosened_models,
    envelope.others_jobs,
    harm.covered_tracks,
    harm.destruction,
    harm.roads_out,
    duties.approvals,
    duties.starts,
    duties.versions,
)
LEAST = 300
"""Fewer calls than these prove too little."""


def attempts(world: World) -> list[Attempt]:
    """Every forbidden call in this world."""
    return [attempt for family in FAMILIES for attempt in family(world)]
