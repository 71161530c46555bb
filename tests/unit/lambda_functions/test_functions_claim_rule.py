"""The claims rule: every branch, the thresholds at their borders, and proof that these cases hold each comparison."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit import functions_support as support

rule = support.common("claim_rule")
SOURCE = support.FUNCTIONS / "common" / "claim_rule.py"

CARS: list[tuple[list[float], float, str | None]] = [
    ([], 0.5, "no_car"),
    ([0.5], 0.5, None),
    ([0.499999], 0.5, "car_below_threshold"),
    ([0.500001], 0.5, None),
    ([0.1, 0.7, 0.2], 0.5, None),
    ([0.1, 0.2], 0.5, "car_below_threshold"),
    ([1.0], 1.0, None),
    ([0.999999], 1.0, "car_below_threshold"),
    ([0.0], 0.000001, "car_below_threshold"),
]
DAMAGES: list[tuple[dict[str, float], float, str]] = [
    ({"damaged": 0.8, "whole": 0.2}, 0.8, "damage"),
    ({"damaged": 0.799999, "whole": 0.200001}, 0.8, "damage_uncertain"),
    ({"damaged": 0.800001, "whole": 0.199999}, 0.8, "damage"),
    ({"damaged": 0.499999, "whole": 0.500001}, 0.8, "no_damage"),
    ({"damaged": 0.5, "whole": 0.5}, 0.8, "damage_uncertain"),
    ({"damaged": 0.5, "whole": 0.5}, 0.5, "damage"),
    ({"damaged": 0.0, "whole": 1.0}, 0.8, "no_damage"),
    ({"damaged": 1.0, "whole": 0.0}, 1.0, "damage"),
    ({"damaged": 0.3, "whole": 0.7}, 0.3, "damage"),
    ({"damaged": 0.4, "scratched": 0.35, "whole": 0.25}, 0.6, "damage_uncertain"),
]
CLAIMS: list[tuple[list[str], str]] = [
    (["no_car"], "no_car"),
    (["no_car", "car_below_threshold"], "car_below_threshold"),
    (["no_damage", "car_below_threshold"], "no_damage"),
    (["damage_uncertain", "no_damage", "no_car"], "damage_uncertain"),
    (["no_car", "damage", "damage_uncertain"], "damage"),
]
# No share is above the highest, so that at least it and exactly it are the same.
EQUIVALENT = {"damage >= max(probabilities.values()) by Eq"}
VERDICTS = {reason: "file" if reason == "damage" else "audit" for reason in rule.REASONS}


def kept(module: Any) -> bool:
    """Whether a version of the rule answers every case as it should."""
    try:
        return (
            all(module.without_car(scores, threshold) == expected for scores, threshold, expected in CARS)
            and all(module.of_car(shares, "damaged", threshold) == expected for shares, threshold, expected in DAMAGES)
            and all(module.of_claim(reasons) == expected for reasons, expected in CLAIMS)
            and all(module.verdict(reason) == expected for reason, expected in VERDICTS.items())
        )
    except Exception:  # a mutant that crashes is found out as well
        return False


def mutants() -> Iterator[tuple[str, ast.Module]]:
    """Every comparison turned into each other one, every constant and every choice of the best changed."""
    tree = ast.parse(SOURCE.read_text())
    comparisons = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
    for number, node in enumerate(ast.walk(tree)):
        for change in comparisons:
            if isinstance(node, ast.Compare) and not isinstance(node.ops[0], change):
                yield f"{ast.unparse(node)} by {change.__name__}", changed(tree, number, ops=[change()])
        if isinstance(node, ast.Compare):
            same = [copy.deepcopy(node.left)]
            yield f"{ast.unparse(node)} with itself", changed(tree, number, comparators=same)
        if isinstance(node, ast.Name) and node.id == "max":
            yield "max by min", changed(tree, number, id="min")
        if isinstance(node, ast.Not):
            yield "not left out", changed_to(tree, number, ast.UAdd())
        if isinstance(node, ast.IfExp):
            yield f"{ast.unparse(node)} swapped", changed(tree, number, body=node.orelse, orelse=node.body)


def changed(tree: ast.Module, number: int, **fields: Any) -> ast.Module:
    mutant = copy.deepcopy(tree)
    node = list(ast.walk(mutant))[number]
    for name, value in fields.items():
        setattr(node, name, copy.deepcopy(value))
    return ast.fix_missing_locations(mutant)


def changed_to(tree: ast.Module, number: int, other: ast.AST) -> ast.Module:
    mutant = copy.deepcopy(tree)
    node = list(ast.walk(mutant))[number]
    for holder in ast.walk(mutant):
        for name, value in ast.iter_fields(holder):
            if value is node:
                setattr(holder, name, other)
    return ast.fix_missing_locations(mutant)


@pytest.mark.parametrize(("scores", "threshold", "expected"), CARS)
def test_a_photo_without_a_car_or_with_a_doubtful_one_says_so(scores, threshold, expected):
    assert rule.without_car(scores, threshold) == expected


@pytest.mark.parametrize(("probabilities", "threshold", "expected"), DAMAGES)
def test_a_car_is_damaged_from_the_threshold_on(probabilities, threshold, expected):
    assert rule.of_car(probabilities, "damaged", threshold) == expected


@pytest.mark.parametrize(("reasons", "expected"), CLAIMS)
def test_of_several_photos_the_one_nearest_to_filing_speaks_for_the_claim(reasons, expected):
    assert rule.of_claim(reasons) == expected
    assert rule.of_claim(reasons[::-1]) == expected


def test_only_damage_is_filed():
    assert {reason: rule.verdict(reason) for reason in rule.REASONS} == VERDICTS
    assert list(VERDICTS.values()).count("file") == 1


def test_a_classifier_without_the_class_is_an_error_not_a_verdict():
    with pytest.raises(KeyError):
        rule.of_car({"whole": 1.0}, "damaged", 0.5)


def test_these_cases_find_every_mutant_of_the_rule():
    assert kept(rule)
    found = list(mutants())
    assert len(found) >= 25, "the rule has fewer comparisons than it had: are they still mutated?"
    survivors = []
    for name, mutant in found:
        scope = SimpleNamespace()
        exec(compile(mutant, name, "exec"), vars(scope))  # noqa: S102 (our own source, changed)
        if kept(scope):
            survivors.append(name)
    assert set(survivors) == EQUIVALENT
