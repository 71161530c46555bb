"""The base operators of conditions: how one wanted value compares with one value of the request.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import operator as compare
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rehearsal.aws.iam.errors import PolicyEvaluationError
from rehearsal.aws.iam.patterns import arn_matches, matches, plain

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Operator:
    """A base operator.

    Parameters
    ----------
    base
        Its name without qualifier and suffix.
    test
        Of (wanted, had): whether they match, before any negation.
    negated
        Whether the condition holds when nothing matches.
    takes_variables
        Policy variables may stand in its values.
    check
        Of a wanted value: raises PolicyEvaluationError when it cannot be compared.
    """

    base: str
    test: Callable[[str, str], bool]
    negated: bool = False
    takes_variables: bool = False
    check: Callable[[str], Any] = str


def _number(text: str) -> Decimal:
    if not re.fullmatch(r"[+-]?\d+(\.\d+)?", text, re.ASCII):
        raise PolicyEvaluationError(f"{text!r} is not an integer or decimal number")
    return Decimal(text)


def _moment(text: str) -> datetime:
    """Read ISO 8601 (without a zone: UTC) or seconds since 1970."""
    try:
        if re.fullmatch(r"-?\d+(\.\d+)?", text, re.ASCII) and len(text) > 4:
            return datetime.fromtimestamp(float(text), UTC)
        whole = {4: "-01-01", 7: "-01"}.get(len(text), "")  # a year, a month
        moment = datetime.fromisoformat(text + whole)
    except (ValueError, OverflowError, OSError) as error:
        raise PolicyEvaluationError(f"{text!r} is neither an ISO 8601 date nor seconds since 1970") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise PolicyEvaluationError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise PolicyEvaluationError(f"{text!r} is not base64") from error


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise PolicyEvaluationError(f"{text!r} is neither an address nor a CIDR range") from error


def _in_network(wanted: str, had: str) -> bool:
    network = _network(wanted)
    try:
        address = ipaddress.ip_address(had)
    except ValueError as error:
        raise PolicyEvaluationError(f"the request's address {had!r} is malformed") from error
    return address in network


def _arn_pattern(text: str) -> None:
    if text != "*" and not (text.startswith(("arn:", "${")) and (text.count(":") >= 5 or "${" in text)):
        raise PolicyEvaluationError(f"{text!r} is not an ARN of six parts")


def _never(_wanted: str, _had: str) -> bool:
    return False  # Null looks at the key, not at values


def _null(text: str) -> None:
    if text not in ("true", "false"):
        raise PolicyEvaluationError(f"Null takes true or false, got {text!r}")


def _ordered(name: str, read: Callable[[str], Any]) -> list[Operator]:
    tests = {
        "Equals": compare.eq,
        "LessThan": compare.lt,
        "LessThanEquals": compare.le,
        "GreaterThan": compare.gt,
        "GreaterThanEquals": compare.ge,
    }

    def test(verdict: Callable[[Any, Any], bool]) -> Callable[[str, str], bool]:
        return lambda wanted, had: bool(verdict(read(had), read(wanted)))

    made = [Operator(name + suffix, test(verdict), check=read) for suffix, verdict in tests.items()]
    return [*made, Operator(f"{name}NotEquals", test(compare.eq), negated=True, check=read)]


def _pair(
    base: str, negation: str, test: Callable[[str, str], bool], check: Callable[[str], Any] = str
) -> list[Operator]:
    return [
        Operator(base, test, takes_variables=True, check=check),
        Operator(negation, test, negated=True, takes_variables=True, check=check),
    ]


OPERATORS: dict[str, Operator] = {
    made.base: made
    for made in [
        *_pair("StringEquals", "StringNotEquals", lambda wanted, had: plain(wanted) == had),
        *_pair(
            "StringEqualsIgnoreCase",
            "StringNotEqualsIgnoreCase",
            lambda wanted, had: plain(wanted).casefold() == had.casefold(),
        ),
        *_pair("StringLike", "StringNotLike", matches),
        *_pair("ArnEquals", "ArnNotEquals", arn_matches, _arn_pattern),
        *_pair("ArnLike", "ArnNotLike", arn_matches, _arn_pattern),
        *_ordered("Numeric", _number),
        *_ordered("Date", _moment),
        Operator("Bool", lambda wanted, had: _truth(wanted) == _truth(had), check=_truth),
        Operator("BinaryEquals", lambda wanted, had: _bytes(wanted) == _bytes(had), check=_bytes),
        Operator("IpAddress", _in_network, check=_network),
        Operator("NotIpAddress", _in_network, negated=True, check=_network),
        Operator("Null", _never, check=_null),
    ]
}
"""Every operator AWS documents, by name."""
