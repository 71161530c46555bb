"""A second evaluator for tests, told from AWS's pages and not from the code: nothing compiled, cached or shared.

It knows role sessions and users, five kinds of policies, wildcards, and the string operators with their set qualifiers.
"""

from __future__ import annotations

from typing import Any

Document = list[dict[str, Any]]
Context = dict[str, list[str]]


def allowed(who: dict[str, str], action: str, resource: str, context: Context, policies: dict[str, Document]) -> bool:
    """Decide: ``who`` has arn, account and perhaps role; ``policies`` has identity and perhaps the other kinds."""
    said = {kind: speak(document, who, action, resource, context) for kind, document in policies.items()}
    if any("Deny" in effects for effects in said.values()):
        return False
    gives = {kind: "Allow" in effects for kind, effects in said.items()}
    if not gives.get("endpoint", True):
        return False
    limits = gives.get("boundary", True) and gives.get("session", True)
    named = names(policies.get("resource", []), who, action, resource, context)
    if who["account"] != "111122223333":  # the resources' account
        return bool(named) and gives["identity"] and limits
    if "me" in named:
        return True
    if "role" in named and limits:
        return True
    return gives["identity"] and limits


def speak(document: Document, who: dict[str, str], action: str, resource: str, context: Context) -> set[str]:
    """Effects of the statements that speak about the request."""
    return {
        statement["Effect"]
        for statement in document
        if about(statement, who, action, resource, context) and ("Principal" not in statement or means(statement, who))
    }


def names(document: Document, who: dict[str, str], action: str, resource: str, context: Context) -> set[str]:
    """In which ways the allowing statements name the caller."""
    found: set[str] = set()
    for statement in document:
        if statement["Effect"] == "Allow" and about(statement, who, action, resource, context):
            found |= means(statement, who)
    return found


def means(statement: dict[str, Any], who: dict[str, str]) -> set[str]:
    """``me``, ``role`` and ``account``: how the element names the caller."""
    element = statement["Principal"]
    listed = [element] if isinstance(element, str) else as_list(element["AWS"])
    ways = {"*": "me", who["arn"]: "me", who.get("role", "-"): "role"}
    ways |= {who["account"]: "account", f"arn:aws:iam::{who['account']}:root": "account"}
    return {ways[name] for name in listed if name in ways}


def about(statement: dict[str, Any], who: dict[str, str], action: str, resource: str, context: Context) -> bool:
    """Whether action, resource and conditions fit."""
    del who
    if "Action" in statement:
        fits = any(glob(text.lower(), action.lower()) for text in as_list(statement["Action"]))
    else:
        fits = not any(glob(text.lower(), action.lower()) for text in as_list(statement["NotAction"]))
    if "Resource" in statement:
        fits = fits and any(glob(text, resource) for text in as_list(statement["Resource"]))
    else:
        fits = fits and not any(glob(text, resource) for text in as_list(statement["NotResource"]))
    tests = statement.get("Condition", {}).items()
    return fits and all(
        holds(name, as_list(wanted), context.get(key)) for name, keys in tests for key, wanted in keys.items()
    )


def holds(name: str, wanted: list[str], had: list[str] | None) -> bool:
    """One condition."""
    if name == "Null":
        return (wanted[0] == "true") == (had is None or had in ([], [""]))
    optional = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    every, some = name.startswith("ForAllValues:"), name.startswith("ForAnyValue:")
    name = name.split(":")[-1]
    negated = "Not" in name
    same = {"String": lambda w, h: w == h, "StringLike": glob, "StringIgnoreCase": lambda w, h: w.lower() == h.lower()}
    match = same[name.replace("Not", "").replace("Equals", "")]
    if had is None or had == [] or (had == [""] and (every or some)):
        return optional or every or (negated and not some)
    each = [
        (not any(match(want, have) for want in wanted)) if negated else any(match(want, have) for want in wanted)
        for have in had
    ]
    return all(each) if every or not some else any(each)


def glob(pattern: str, text: str) -> bool:
    """Wildcards, one letter after another."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return glob(pattern[1:], text) or (bool(text) and glob(pattern, text[1:]))
    return bool(text) and pattern[0] in ("?", text[0]) and glob(pattern[1:], text[1:])


def as_list(value: Any) -> list[str]:
    """One text or several."""
    return list(value) if isinstance(value, list) else [value]
