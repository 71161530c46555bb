"""What the last rehearsal's roles did, as its embedded AWS wrote it down."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

RESOURCE_POLICY = "of "
"""How the journal names a policy that stands on a resource: ``of`` and its ARN."""


class EvidenceError(Exception):
    """The journals are missing or say something that nobody understands, so nothing is proved."""


@dataclass(frozen=True)
class Use:
    """The first time that a role's action was allowed by a statement.

    Parameters
    ----------
    pattern
        The resource pattern of the statement that covered the resource; "" where the journal does not tell.
    via
        ``call``: the role's own; ``service``: made by a service with the role.
    """

    role: str
    action: str
    resource: str
    policy: str
    statement: str
    pattern: str = ""
    via: str = "call"

    @property
    def by_resource_policy(self) -> bool:
        """Whether a policy on the resource allowed it, and not one of the role's own."""
        return self.policy.startswith(RESOURCE_POLICY)


def uses(path: Path) -> list[Use]:
    """The uses of roles; those of users, services and the account's owner are nobody's grants here.

    EvidenceError when the file is missing or a line has no known form.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise EvidenceError(f"no record of what the roles did: {error}") from None
    found = []
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            role = row["role"]
            use = Use(
                role.rsplit("/", 1)[-1],
                row["action"],
                row["resource"],
                row["policy"],
                row["statement"],
                row.get("pattern", ""),
                row.get("via", "call"),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise EvidenceError(f"{path}:{number}: {type(error).__name__}: {error}") from None
        if ":role/" in role:
            found.append(use)
    if not found:
        raise EvidenceError(f"{path}: no role did anything; was IAM off in that rehearsal?")
    return found


def denials(path: Path) -> list[dict[str, str]]:
    """Every refusal of the rehearsal, in order."""
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise EvidenceError(f"no record of what was refused: {error}") from None
