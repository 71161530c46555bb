"""What a role may do, in people's words, narrow enough for a terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies.plan import Plan
from rehearsal.prove import explain as page
from rehearsal.prove.compare import compare
from rehearsal.prove.reasons import Reason
from rehearsal.prove.roles import roles
from rehearsal.prove.used import Use
from rehearsal.prove.words import conditions, nouns, principals, short
from tests.unit.prove_plans import DATA, KEYS, NAME, account, environment

FUNCTION = f"{NAME}-vehicles-classify-image"


def plans() -> list[Plan]:
    return [environment(), account()]


@pytest.mark.parametrize(
    ("operator", "key", "values", "told"),
    [
        ("StringEquals", "kms:ViaService", "s3.x", "the service that calls the key is s3.x"),
        ("ArnNotLike", "aws:PrincipalArn", ["arn:aws:iam::1:role/a", "b"], "the caller is not role a or b"),
        ("Bool", "aws:SecureTransport", "false", "the call is made without TLS"),
        ("BoolIfExists", "aws:ViaAWSService", ["false"], "no service of AWS calls for the caller, or nothing is said"),
        ("Null", "sagemaker:VpcSubnets", "true", "a subnet is not given"),
        ("Null", "s3:x-amz-server-side-encryption", "false", "the encryption asked for is given"),
        (
            "StringEqualsIfExists",
            "aws:ResourceAccount",
            "1",
            "that owns the resource is 1, or is not given",
        ),
        ("ForAllValues:StringLike", "lambda:Layer", "l*", "each of lambda:Layer is l*"),
        ("StringEquals", "kms:EncryptionContext:aws:x", "1", "the encryption context's aws:x is 1"),
        ("StringEquals", "aws:PrincipalTag/team", "ml", "the principal's tag team is ml"),
        ("NumericLessThan", "s3:max-keys", "10", "s3:max-keys is below 10"),
    ],
)
def test_conditions_in_words(operator: str, key: str, values: object, told: str) -> None:
    (said,) = conditions({"Condition": {operator: {key: values}}}, {})
    assert told in said


def test_who_a_statement_speaks_about() -> None:
    assert principals({"Principal": "*"}, {}) == ["anybody"]
    assert principals({"Principal": {"Service": ["sns.amazonaws.com"]}}, {}) == ["the service sns.amazonaws.com"]
    assert principals({"Principal": {"AWS": "arn:aws:iam::1:root"}}, {}) == ["whom account 1 grants it"]
    assert principals({"Principal": {"Federated": "arn:aws:iam::1:oidc-provider/x.y"}}, {}) == [
        "whoever x.y vouches for"
    ]


def test_ids_have_names() -> None:
    names = nouns(plans())
    assert names[KEYS["data"]] == f"key {NAME}-data"
    assert short("arn:aws:ec2:eu-west-1:1:subnet/subnet-1", names) == "subnet private a"
    assert short(f"arn:aws:s3:::{DATA}/x/*", names) == f"s3://{DATA}/x/*"


def test_the_page_tells_everything_in_a_hundred_columns() -> None:
    both = plans()
    known = roles(both)
    reason = Reason(FUNCTION, "WriteLogs", ("logs:PutLogEvents",), "Lambda writes the logs itself, on AWS's side.")
    used = [Use(FUNCTION, "s3:GetObject", f"arn:aws:s3:::{DATA}/x", "statements", "ReadImages")]
    seen = next(one for one in compare(known, used, [reason], []) if one.role == FUNCTION)
    lines = page.explain(known[FUNCTION], both, seen)
    told = "\n".join(lines)
    assert max(map(len, lines)) <= page.WIDTH
    for part in (
        "the service lambda.amazonaws.com may, with sts:AssumeRole",
        "if the account for which the service acts is 123456789012",
        "ReadImages",
        "may s3: GetObject",
        f"on s3://{DATA}/vehicles/incoming/*",
        "PutLogEvents (unused, with a reason)",
        "slipway-boundary allows",
        "if the call is made without TLS",
        "no route out of the VPC",
        "to sagemaker.runtime (interface endpoint)",
        "4 actions granted: 1 used, 1 not, with a reason, 2 not.",
        "Lambda writes the logs itself",
    ):
        assert part in told, part


def test_a_role_without_a_boundary_says_so() -> None:
    both = plans()
    told = "\n".join(page.explain(roles(both)["slipway-plan"], both, None))
    assert "None: it has no permissions boundary." in told
    assert "Nothing is known" in told


def test_an_unknown_role_ends_with_the_names_there_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(page, "chosen_plans", lambda *_: plans())
    assert page.main(["nobody", "--folder", str(tmp_path)]) == page.UNKNOWN
    told = capsys.readouterr().err
    assert "'nobody'" in told
    assert FUNCTION in told
    assert page.main([FUNCTION, "--folder", str(tmp_path)]) == page.FOUND
