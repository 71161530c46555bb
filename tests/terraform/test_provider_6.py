"""The modules promise to run on versions 5.100 and 6.x of the AWS provider; run on 5.100, they are only read for 6.x.

``provider_6_schema.json`` holds the name of every argument and block of version 6.66, for the types the modules use,
and whether it is required, optional or computed (from the package of bindings it names). It knows nothing of
deprecation: the arguments that matter are listed here, from the provider's upgrade guide and its resource pages.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hcl2
import pytest

from terraform import docs

SCHEMA = json.loads((Path(__file__).parent / "provider_6_schema.json").read_text())
META = {"connection", "count", "depends_on", "dynamic", "for_each", "lifecycle", "provider", "provisioner"}
DEPRECATED = {
    "aws_flow_log": {"log_group_name"},
    "aws_iam_role": {"inline_policy", "managed_policy_arns"},
    "aws_s3_bucket": {
        "acceleration_status", "acl", "cors_rule", "grant", "lifecycle_rule", "logging", "object_lock_configuration",
        "policy", "replication_configuration", "request_payer", "server_side_encryption_configuration", "versioning",
        "website",
    },
}  # fmt: skip
DEPRECATED_REFERENCES = {
    r"data\.aws_region\.\w+(\[\d+\])?\.name\b": "data.aws_region.<x>.name: use .id, which both versions have",
    r"\baws_s3_bucket\.\w+(\[[^]]*\])?\.region\b": "aws_s3_bucket.<x>.region means the resource's own region in 6.x",
}


def sources() -> list[Path]:
    """Every file of HCL that a module or a root is made of."""
    return sorted(path for folder in docs.folders() for path in folder.glob("*.tf"))


def resources(path: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield kind (resources or data), type and body of every resource and data source of a file."""
    document = docs.parse(path)
    for kind, key in (("resources", "resource"), ("data", "data")):
        for type_, named in docs.blocks(document, key):
            for body in named.values():
                yield kind, type_, body


def faults(where: str, body: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    """Yield what a body says that the schema does not know, cannot be set, or misses."""
    arguments, nested = schema["arguments"], schema.get("blocks", {})
    inner = list(blocks_of(body))
    given = {name for name in body if not name.startswith("__")} - META - {name for name, _ in inner}
    for name in sorted(given):
        if arguments.get(name, "computed" if name in arguments else "unknown") in ("computed", "unknown"):
            yield f"{where}.{name}: {'computed, cannot be set' if name in arguments else 'unknown argument'}"
    for name, content in inner:
        if name in nested:
            yield from faults(f"{where}.{name}", content, nested[name])
        elif arguments.get(name) not in ("required", "optional"):  # some blocks are attributes in the schema
            yield f"{where}.{name}: unknown block"
    missing = {name for name, kind in arguments.items() if kind == "required"} - given
    missing |= {name for name, block in nested.items() if block.get("required")}
    yield from (f"{where}.{name}: required, missing" for name in sorted(missing - {name for name, _ in inner}))


def blocks_of(body: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield name and content of every nested block, written out or dynamic."""
    for name, value in body.items():
        if name == "dynamic":
            for block in value:
                for label, dynamic in block.items():
                    yield from ((docs.plain(label), content) for content in dynamic["content"])
        elif name not in META and isinstance(value, list):
            yield from ((name, item) for item in value if isinstance(item, dict) and item.get("__is_block__"))


def test_every_argument_exists_in_version_6(record_property: Callable[[str, object], None]) -> None:
    found, covered, uncovered = [], set(), set()
    for path in sources():
        for kind, type_, body in resources(path):
            if type_ not in SCHEMA[kind]:
                uncovered.add(type_)
                continue
            covered.add(type_)
            found += faults(f"{path.parent.name}/{path.name} {type_}", body, SCHEMA[kind][type_])
    assert found == []
    assert len(covered) > 3 * len(uncovered), "most types must be covered, or this proves little"
    record_property(
        "terraform_note", f"{len(uncovered)} resource types not checked for provider 6: {', '.join(sorted(uncovered))}"
    )


def test_nothing_deprecated_in_version_6_is_used() -> None:
    found = []
    for path in sources():
        text = path.read_text()
        found += [
            f"{path.parent.name}/{path.name}: {why}"
            for what, why in DEPRECATED_REFERENCES.items()
            if re.search(what, text)
        ]
        for _, type_, body in resources(path):
            names = set(body) | {name for name, _ in blocks_of(body)}
            found += [
                f"{path.parent.name}/{path.name} {type_}.{name}"
                for name in sorted(names & DEPRECATED.get(type_, set()))
            ]
    assert found == []


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ('name = "x"\n colour = "red"', "x.colour: unknown argument"),
        ('name = "x"\n arn = "y"', "x.arn: computed, cannot be set"),
        ('name = "x"\n paint {\n colour = "red"\n }', "x.paint: unknown block"),
        (
            'name = "x"\n dynamic "paint" {\n for_each = [1]\n content {\n colour = "red"\n }\n }',
            "x.paint: unknown block",
        ),
        ('name = "x"\n rule {\n id = "a"\n colour = "red"\n }', "x.rule.colour: unknown argument"),
        ('rule {\n id = "a"\n }', "x.name: required, missing"),
    ],
)
def test_faults_are_found(code: str, fault: str) -> None:
    schema = {
        "arguments": {"name": "required", "arn": "computed"},
        "blocks": {"rule": {"arguments": {"id": "optional"}}},
    }
    body = hcl2.loads(f'resource "t" "x" {{\n {code}\n}}\n')["resource"][0]['"t"']['"x"']
    assert list(faults("x", body, schema)) == [fault]


def test_a_correct_body_has_no_fault() -> None:
    schema = {
        "arguments": {"name": "required"},
        "blocks": {"rule": {"arguments": {"id": "optional"}, "required": True}},
    }
    body = hcl2.loads('resource "t" "x" {\n name = "x"\n count = 1\n rule {\n id = "a"\n }\n}\n')["resource"][0]['"t"'][
        '"x"'
    ]
    assert list(faults("x", body, schema)) == []
