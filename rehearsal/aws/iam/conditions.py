"""The ``Condition`` element: operators, ``IfExists`` and the set qualifiers, with their rules for missing keys.

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rehearsal.aws.iam import variables
from rehearsal.aws.iam.errors import PolicyEvaluationError
from rehearsal.aws.iam.keys import require_known
from rehearsal.aws.iam.operators import OPERATORS, Operator
from rehearsal.aws.iam.patterns import plain
from rehearsal.aws.iam.request import as_texts

if TYPE_CHECKING:
    from rehearsal.aws.iam.request import Request

_QUALIFIERS = ("ForAllValues", "ForAnyValue")
_IF_EXISTS = "IfExists"


@dataclass(frozen=True)
class Condition:
    """One key under one operator.

    Parameters
    ----------
    name
        The operator as written, with qualifier and suffix.
    qualifier
        "", ``ForAllValues`` or ``ForAnyValue``.
    wanted
        The policy's values, of which any one is enough.
    """

    name: str
    qualifier: str
    operator: Operator
    if_exists: bool
    key: str
    wanted: tuple[str, ...]
    variables: bool

    def holds(self, request: Request, effect: str) -> bool:
        """Whether the request meets the condition of a statement with this effect.

        "Is not <a variable without a value>" is decided for safety: it holds in a Deny and not in an Allow.
        """
        had = request.values(self.key)
        present = () if had is None else had
        if self.operator.base == "Null":
            return (not any(present)) == (self.wanted[0] == "true")
        if self.qualifier:
            present = present if any(present) else ()  # a set of nothing but "" counts as no set
        if not present:
            return self.if_exists or self.qualifier == "ForAllValues" or (self.operator.negated and not self.qualifier)
        if len(present) > 1 and not self.qualifier:
            raise PolicyEvaluationError(
                f"condition key {self.key} has {len(present)} values in the request: "
                f"{self.name} needs ForAllValues: or ForAnyValue:"
            )
        wanted = self._resolved(request)
        if self.operator.negated and len(wanted) < len(self.wanted):
            return effect == "Deny"
        verdicts = [any(self.operator.test(want, have) for want in wanted) != self.operator.negated for have in present]
        return all(verdicts) if self.qualifier != "ForAnyValue" else any(verdicts)

    def explain(self, request: Request, *, met: bool) -> str:
        """Return what the condition says, whether it is met, and what the request has."""
        had = request.values(self.key)
        wanted = [plain(text) for text in self._resolved(request)] or list(self.wanted)
        has = _listed(had) if had else f"no {self.key}"
        verdict = "holds" if met else "fails"
        return f"condition {self.name} {self.key} {_listed(wanted)} {verdict} (the request has {has})"

    def _resolved(self, request: Request) -> list[str]:
        if not (self.variables and self.operator.takes_variables):
            return list(self.wanted)
        found = (variables.substitute(text, request) for text in self.wanted)
        return [text for text in found if text is not None]


def read_conditions(element: object, modern: bool) -> tuple[Condition, ...]:
    """Read a ``Condition`` element; None stands for no conditions.

    Parameters
    ----------
    modern
        Whether the policy's version knows variables.

    Raises
    ------
    PolicyEvaluationError
        For an unknown operator or key, and for a value the operator cannot compare.
    """
    if element is None:
        return ()
    if not isinstance(element, dict):
        raise PolicyEvaluationError(f"Condition must be an object, got {element!r}")
    read: list[Condition] = []
    for name, tests in element.items():
        if not isinstance(tests, dict) or not tests:
            raise PolicyEvaluationError(f"Condition {name} must hold keys and values, got {tests!r}")
        if len({key.lower() for key in tests}) != len(tests):
            raise PolicyEvaluationError(f"Condition {name} has a key twice, in different case: {', '.join(tests)}")
        read += [_condition(name, key, value, modern) for key, value in tests.items()]
    return tuple(read)


def _condition(name: str, key: str, value: Any, modern: bool) -> Condition:
    qualifier, _, rest = name.rpartition(":")
    if_exists = rest.endswith(_IF_EXISTS)
    operator = OPERATORS.get(rest.removesuffix(_IF_EXISTS))
    null = operator is not None and operator.base == "Null"
    if operator is None or (":" in name and qualifier not in _QUALIFIERS) or (null and (if_exists or qualifier)):
        raise PolicyEvaluationError(f"condition operator {name!r} is unknown")
    require_known(key)
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(item, (str, int, float, bool)) for item in values):
        raise PolicyEvaluationError(f"{name} {key}: values must be texts, numbers or booleans, got {value!r}")
    wanted = as_texts(values)
    if null and len(wanted) > 1:
        raise PolicyEvaluationError(f"{name} {key}: one value, true or false")
    for text in wanted:
        if modern and operator.takes_variables:
            variables.check(text)
        operator.check(text)
    return Condition(name, qualifier, operator, if_exists, key, wanted, modern)


def _listed(values: list[str] | tuple[str, ...]) -> str:
    shown = [value or '""' for value in values]
    return shown[0] if len(shown) == 1 else "[" + ", ".join(shown) + "]"
