"""What is asked and by whom: the input of a decision besides the policies."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from rehearsal.aws.iam.errors import PolicyEvaluationError

ContextValue = str | Sequence[str]

_SESSION = re.compile(r"arn:(aws[a-z-]*):sts::(\d{12}):assumed-role/([\w+=,.@-]+)/([\w+=,.@-]+)")
_IDENTITY = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):(user/.+|root|role/.+|saml-provider/.+|oidc-provider/.+)")
_SERVICE = re.compile(r"[a-z0-9][a-z0-9.-]*\.amazonaws\.com(\.cn)?")


@dataclass(frozen=True)
class Principal:
    """Who asks.

    Parameters
    ----------
    kind
        ``session`` (of a role), ``user``, ``root``, ``service``, ``federated`` (a provider) or ``anonymous``.
    arn
        As in an ARN of a resource policy; the name of a service, such as ``sns.amazonaws.com``; "" for anonymous.
    account
        Twelve digits; "" for services, providers (nobody of the account comes with a token) and anonymous callers.
    role_arn
        Of a session only: the role whose identity policies hold.
    """

    kind: str
    arn: str
    account: str = ""
    role_arn: str = ""


def principal(arn: str, role_arn: str = "") -> Principal:
    """Read who asks from an ARN or a service's name; "" is an anonymous caller.

    Parameters
    ----------
    role_arn
        Of a session, where the role has a path (the session's ARN does not show it).

    Raises
    ------
    PolicyEvaluationError
        For anything that cannot sign a request.
    """
    if not arn:
        return Principal("anonymous", "")
    if session := _SESSION.fullmatch(arn):
        partition, account, role, _ = session.groups()
        return Principal("session", arn, account, role_arn or f"arn:{partition}:iam::{account}:role/{role}")
    if identity := _IDENTITY.fullmatch(arn):
        account, rest = identity.groups()
        kinds = {"root": "root", "user": "user", "saml-provider": "federated", "oidc-provider": "federated"}
        kind = kinds.get(rest.split("/")[0])
        if kind:
            return Principal(kind, arn, "" if kind == "federated" else account)
    if _SERVICE.fullmatch(arn):
        return Principal("service", arn)
    raise PolicyEvaluationError(
        f"principal {arn!r} cannot sign a request: expected a role session, user, root, provider or service"
    )


@dataclass(frozen=True)
class Request:
    """One action on one resource.

    Parameters
    ----------
    action
        With its prefix, such as ``s3:GetObject``.
    resource
        ARN, or ``*`` for an action without resources.
    context
        Condition keys (their case does not count) and values; several values are a list.
    resource_account
        Owner of the resource; read from the ARN, and the caller's own where the ARN has none.
    fills
        Of a condition key: whether the context would have it if AWS's had. None: always.
    """

    caller: Principal
    action: str
    resource: str
    context: Mapping[str, ContextValue] = field(default_factory=dict)
    resource_account: str = ""
    fills: Callable[[str], bool] | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9-]+:[A-Za-z0-9]+", self.action):
            raise PolicyEvaluationError(f"action {self.action!r} is not of the form service:Operation")
        if self.resource != "*" and not self.resource.startswith("arn:"):
            raise PolicyEvaluationError(f"resource {self.resource!r} is neither an ARN nor *")

    def values(self, key: str) -> tuple[str, ...] | None:
        """Return the values of a condition key; None when the request does not have it.

        Raises
        ------
        PolicyEvaluationError
            When the key is absent only because nothing fills it here.
        """
        found = self._folded.get(key.lower())
        if found is None and self.fills is not None and not self.fills(key):
            raise PolicyEvaluationError(
                f"condition key {key} is one of AWS's, but nothing here fills it: see rehearsal/aws/iam/request_keys.py"
            )
        return found

    @property
    def owner(self) -> str:
        """The account that owns the resource."""
        parts = self.resource.split(":", 5)
        named = parts[4] if len(parts) == 6 and parts[4].isdigit() else ""
        return self.resource_account or named or self.caller.account

    @property
    def _folded(self) -> dict[str, tuple[str, ...]]:
        cached = self.__dict__.get("_cache")
        if cached is None:
            cached = {key.lower(): as_texts(value) for key, value in self.context.items()}
            object.__setattr__(self, "_cache", cached)
        return cached


def as_texts(value: object) -> tuple[str, ...]:
    """Return one value or several as texts: booleans as JSON writes them."""
    items = list(value) if isinstance(value, (list, tuple, set, frozenset)) else [value]
    return tuple(str(item).lower() if isinstance(item, bool) else str(item) for item in items)
