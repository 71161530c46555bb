"""Keys: one's own without the service that should call them, somebody else's, and their administration."""

from __future__ import annotations

from collections.abc import Iterator

from rehearsal.prove.forbidden.attempt import Attempt
from rehearsal.prove.forbidden.world import World

OPEN_POLICY = (
    '{"Version":"2012-10-17","Statement":[{"Sid":"All","Effect":"Allow","Principal":{"AWS":"*"},"Action":"kms:*",'
    '"Resource":"*"}]}'
)


def own_keys_directly(world: World) -> Iterator[Attempt]:
    """Keys that are ours, called by nobody but their caller: what they protect comes only through its service."""
    for role in world.roles:
        for key in world.keys.values():
            parameters = {"KeyId": key, "KeySpec": "AES_256"}
            yield Attempt("own key directly", role, "kms", "GenerateDataKey", parameters)
        yield Attempt("own key directly", role, "kms", "Encrypt", {"KeyId": world.keys["data"], "Plaintext": b"secret"})


def other_keys(world: World) -> Iterator[Attempt]:
    """A key of somebody else in the account, and what it encrypted."""
    key = world.neighbour.key
    for role in world.roles:
        yield Attempt("other key", role, "kms", "Decrypt", {"CiphertextBlob": world.neighbour.ciphertext, "KeyId": key})
        yield Attempt("other key", role, "kms", "GenerateDataKey", {"KeyId": key, "KeySpec": "AES_256"})


def key_administration(world: World) -> Iterator[Attempt]:
    """Opening, disabling and deleting keys: the pipeline's business, but for the key of its own state."""
    for role in world.roles:
        key = world.keys["state" if world.kind(role) == "deploy" else "data"]
        yield Attempt("key administration", role, "kms", "DisableKey", {"KeyId": key})
        yield Attempt("key administration", role, "kms", "PutKeyPolicy", {"KeyId": key, "Policy": OPEN_POLICY})
        yield Attempt(
            "key administration", role, "kms", "ScheduleKeyDeletion", {"KeyId": key, "PendingWindowInDays": 7}
        )
    for role in world.roles:
        parameters = {
            "KeyId": world.keys["data"],
            "GranteePrincipal": world.neighbour.role,
            "Operations": ["Decrypt"],
        }
        yield Attempt("key administration", role, "kms", "CreateGrant", parameters)
