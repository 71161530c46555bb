"""A function's declared needs, filled in with the names of one environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from terraform.stacks.settings import Problem, SettingsError
from terraform.stacks.settings.errors import unknown_name_remedy
from terraform.stacks.specs import FunctionSpec

_TOKEN = re.compile(r"\$\{([a-z_]+)\}")


@dataclass(frozen=True)
class Surroundings:
    """What a function finds around it.

    Attributes
    ----------
    variables : mapping of str to str
        Values for the environment variables that functions may ask for.
    tokens : mapping of str to tuple of str
        Values for the tokens of `functions/function.schema.json`; a token may stand for several ARNs.
    """

    variables: Mapping[str, str]
    tokens: Mapping[str, tuple[str, ...]]


def environment_of(function: FunctionSpec, around: Surroundings) -> dict[str, str]:
    """Choose the environment variables a function declares; one with a default may stay unset.

    Raises
    ------
    SettingsError
        When the function needs a variable that nothing here provides.
    """
    unknown = [
        Problem(
            f"environment.{name}", "a variable the stacks provide", unknown_name_remedy(name, around.variables), name
        )
        for name, declared in function.environment.items()
        if name not in around.variables and declared.default is None
    ]
    if unknown:
        raise SettingsError(f"functions/{function.name}/function.yaml", unknown)
    return {name: around.variables[name] for name in sorted(function.environment) if name in around.variables}


def statements_of(function: FunctionSpec, around: Surroundings) -> list[dict[str, Any]]:
    """Fill the tokens of a function's statements; the result is what the role module takes.

    Raises
    ------
    SettingsError
        When a statement holds an unknown token.
    """
    source = f"functions/{function.name}/function.yaml"
    return [
        {
            "sid": statement.sid,
            "actions": list(statement.actions),
            "resources": _filled(statement.resources, around.tokens, source),
            "conditions": [
                {
                    "test": condition.test,
                    "variable": condition.variable,
                    "values": _filled(condition.values, around.tokens, source),
                }
                for condition in statement.conditions
            ],
        }
        for statement in function.statements
    ]


def _filled(texts: tuple[str, ...], tokens: Mapping[str, tuple[str, ...]], source: str) -> list[str]:
    filled: list[str] = []
    for text in texts:
        whole = _TOKEN.fullmatch(text)
        if whole:
            filled.extend(_value(whole[1], tokens, source))
        else:
            filled.append(_TOKEN.sub(lambda match: "".join(_value(match[1], tokens, source)), text))
    return filled


def _value(token: str, tokens: Mapping[str, tuple[str, ...]], source: str) -> tuple[str, ...]:
    if token not in tokens:
        raise SettingsError(
            source, [Problem("statements", "a known token", unknown_name_remedy(token, tokens), "${" + token + "}")]
        )
    return tokens[token]
