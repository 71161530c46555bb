"""Every control passes what is right, fails what is broken, and is written up."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from policies import catalogue
from policies.__main__ import main
from policies.control import Control
from policies.kit import machine_text
from policies.plan import Plan, Resource, UnreadableError, document, read_plan
from policies.registry import controls
from policies.reports import table, write_junit, write_sarif
from policies.scan import Verdict, WaiverError, apply_waivers, never_evaluated, read_waivers, scan
from policies.standards import AI, CIS, CIS_NUMBERS, FSBP, NOT_APPLICABLE, STANDARDS, UNANSWERED

ALL = controls()
WAYS = [(control, way) for control in ALL for way in control.breaks]
TODAY = datetime.date(2026, 6, 1)
GOOD_WAIVER = {
    "control": "SLIP_SM_INSTANCES",
    "environment": "prod",
    "resource": "aws_x.y",
    "reason": "Costs are kept down until the launch.",
    "expires": datetime.date(2026, 7, 1),
    "only": ["one instance"],
}


def by_id(name: str) -> Control:
    return next(control for control in ALL if control.id == name)


@pytest.mark.parametrize("control", ALL, ids=lambda control: control.id)
def test_the_passing_fixture_is_judged_and_passes(control: Control) -> None:
    verdicts = scan(control.passing(), [control])
    assert verdicts
    assert [verdict.faults for verdict in verdicts if verdict.faults] == []


@pytest.mark.parametrize(("control", "way"), WAYS, ids=lambda part: part.id if isinstance(part, Control) else part)
def test_the_broken_fixture_fails(control: Control, way: str) -> None:
    assert any(verdict.faults for verdict in scan(control.failing()[way], [control]))


def test_there_are_at_least_sixty_controls_and_two_hundred_ways_to_break_them() -> None:
    assert len(ALL) >= 60
    assert len(WAYS) >= 200


def test_every_item_of_the_ai_standard_is_answered() -> None:
    answered = {source for control in ALL for source in control.sources} | set(NOT_APPLICABLE)
    assert [key for key, item in STANDARDS.items() if item.standard == AI and key not in answered] == []


def test_nothing_that_is_answered_is_said_to_be_inapplicable() -> None:
    assert not {source for control in ALL for source in control.sources} & set(NOT_APPLICABLE)


def test_every_item_of_cis_is_answered_or_said_to_be_out_of_reach() -> None:
    answered = {source for control in ALL for source in control.sources}
    told = " ".join(UNANSWERED)
    for key in CIS - answered:
        service, number = key.split(".")
        assert key in told or service in told, key
        assert service in ("EFS", "RDS") or number in told.replace(",", " ").replace(".", " ").split(), key
    assert CIS_NUMBERS.keys() <= CIS & STANDARDS.keys()
    assert STANDARDS.keys() >= FSBP


def test_the_catalogue_is_fresh() -> None:
    assert catalogue.PAGE.read_text() == catalogue.page(ALL), "run `python -m policies.catalogue`"


def test_what_cannot_be_read_has_failed() -> None:
    control = by_id("SLIP_SF_TASK_TIMEOUT")
    plan = Plan("prod", "1", "r", [Resource("aws_sfn_state_machine.x", "aws_sfn_state_machine", {"definition": None})])
    assert scan(plan, [control])[0].faults[0].startswith("unreadable: ")


@pytest.mark.parametrize("text", [None, "", "[]", "{broken", 7])
def test_a_document_that_is_none_is_unreadable(text: object) -> None:
    with pytest.raises(UnreadableError):
        document(text)


def test_an_error_in_a_control_is_not_swallowed() -> None:
    control = by_id("SLIP_SM_SCALING_LIMITS")
    plan = control.passing()
    plan.resources[0].values["min_capacity"] = "two"
    with pytest.raises(TypeError):
        scan(plan, [control])


def test_an_empty_plan_is_refused() -> None:
    with pytest.raises(UnreadableError, match="holds no resources"):
        read_plan({"resource_changes": []}, "prod", "1", "r")


def test_a_control_that_judged_nothing_is_told() -> None:
    used, unused = by_id("SLIP_SM_INSTANCES"), by_id("SLIP_SM_NOTEBOOK_ROOT")
    assert never_evaluated([], [used, unused]) == ["SLIP_SM_INSTANCES"]
    assert never_evaluated(scan(used.passing(), [used]), [used]) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"reason": None}, "write the reason"),
        ({"reason": "because"}, "write the reason"),
        ({"expires": None}, "add the day it ends"),
        ({"expires": "2030-01-31"}, "add the day it ends"),
        ({"expires": datetime.date(2026, 5, 31)}, "ended on 2026-05-31"),
        ({"expires": datetime.date(2036, 5, 31)}, "in more than 366 days"),
        ({"only": []}, "how each fault begins"),
        ({"resouce": "x"}, "not known: resouce"),
    ],
)
def test_a_waiver_without_reason_or_end_fails(change: dict[str, object], says: str) -> None:
    with pytest.raises(WaiverError, match=says):
        read_waivers([GOOD_WAIVER | change], TODAY)


def test_a_waiver_covers_its_finding_alone() -> None:
    control = by_id("SLIP_SM_INSTANCES")
    found = [Verdict(control, "prod", address, ("one instance",)) for address in ("aws_x.y", "aws_x.z")]
    assert [v.outcome for v in apply_waivers(found, read_waivers([GOOD_WAIVER], TODAY))] == ["skipped", "failed"]


@pytest.mark.parametrize("faults", [("another",), ("one instance", "another"), ()])
def test_a_waiver_ends_when_the_faults_have_changed(faults: tuple[str, ...]) -> None:
    found = [Verdict(by_id("SLIP_SM_INSTANCES"), "prod", "aws_x.y", faults)]
    with pytest.raises(WaiverError, match="match no finding"):
        apply_waivers(found, read_waivers([GOOD_WAIVER], TODAY))
    wider = read_waivers([GOOD_WAIVER | {"only": ["one instance", "another"]}], TODAY)
    assert wider[0].holds(("one instance", "another"))
    assert not wider[0].holds(("one instance",))


def test_a_waiver_that_nothing_needs_fails() -> None:
    passed = [Verdict(by_id("SLIP_SM_INSTANCES"), "prod", "aws_x.y", ())]
    with pytest.raises(WaiverError, match="match no finding"):
        apply_waivers(passed, read_waivers([GOOD_WAIVER], TODAY))


def test_findings_are_reported_to_machines_and_people(tmp_path: Path) -> None:
    control = by_id("SLIP_SM_INSTANCES")
    verdicts = [
        Verdict(control, "prod", "aws_x.bad", ("one instance",)),
        Verdict(control, "prod", "aws_x.waived", ("one instance",), "until the launch"),
        Verdict(control, "prod", "aws_x.good", ()),
    ]
    write_sarif(tmp_path / "x.sarif", verdicts, ALL)
    write_junit(tmp_path / "x.xml", verdicts)
    run = json.loads((tmp_path / "x.sarif").read_text())["runs"][0]
    assert len(run["tool"]["driver"]["rules"]) == len(ALL)
    assert [("suppressions" in result) for result in run["results"]] == [False, True]
    suite = Xml.parse(tmp_path / "x.xml").getroot().find("testsuite")  # noqa: S314 (written above)
    assert suite is not None
    assert suite.attrib == {"name": "prod", "tests": "3", "failures": "1", "skipped": "1"}
    text = "\n".join(table(verdicts))
    assert "SLIP_SM_INSTANCES" in text
    assert control.remedy in text


def test_an_insecure_stack_is_refused_with_ids() -> None:
    public = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]})
    domain = {"app_network_access_type": "PublicInternetOnly"}
    role = {"name": "r", "arn": "arn:aws:iam::1:role/r", "assume_role_policy": public}
    full = {"role": "r", "policy_arn": "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"}
    plan = Plan(
        "prod",
        "111122223333",
        "eu-west-1",
        [
            Resource("aws_sagemaker_domain.d", "aws_sagemaker_domain", domain),
            Resource("aws_vpc_endpoint.e", "aws_vpc_endpoint", {"policy": public, "vpc_endpoint_type": "Interface"}),
            Resource("aws_iam_role.r", "aws_iam_role", role),
            Resource("aws_iam_role_policy_attachment.a", "aws_iam_role_policy_attachment", full),
        ],
    )
    failed = {verdict.control.id for verdict in scan(plan, ALL) if verdict.faults}
    assert failed >= {
        "SLIP_SM_DOMAIN_NETWORK",
        "SLIP_NET_ENDPOINT_POLICY",
        "SLIP_IAM_MANAGED_POLICIES",
        "SLIP_IAM_BOUNDARY",
        "SLIP_IAM_TRUST_PRINCIPAL",
    }


ACCOUNT_ARN = "arn:aws:iam::111122223333"


@pytest.mark.parametrize(
    ("principal", "right"),
    [
        (
            {"AWS": f"{ACCOUNT_ARN}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Operator_01"},
            True,
        ),
        ({"AWS": [f"{ACCOUNT_ARN}:user/alice", f"{ACCOUNT_ARN}:role/b"]}, True),
        ({"AWS": f"{ACCOUNT_ARN}:root"}, False),
        ({"AWS": "111122223333"}, False),
        ({"AWS": f"{ACCOUNT_ARN}:role/*"}, False),
        ({"AWS": f"{ACCOUNT_ARN}:role/a?c"}, False),
        ({"AWS": "AROAEXAMPLEID"}, False),
        ({"CanonicalUser": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}, False),
        ({}, False),
    ],
)
def test_people_take_a_role_by_their_arn_and_nothing_else(principal: dict[str, object], right: bool) -> None:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    plan = Plan(
        "prod", "111122223333", "eu-west-1", [Resource("aws_iam_role.r", "aws_iam_role", {"assume_role_policy": trust})]
    )
    faults = scan(plan, [by_id("SLIP_IAM_TRUST_PRINCIPAL")])[0].faults
    assert (faults == ()) is right


@pytest.mark.parametrize(
    "text",
    [
        '{"Statement": [{"Effect": "Allow", "Action": "s3:Get", "Action": "s3:*", "Resource": "arn:aws:s3:::b"}]}',
        '{"Statement": [{"Effect": "allow", "Action": "s3:*", "Resource": "*"}]}',
        '{"Statement": [{"Effect": "Allow", "action": "s3:*", "Resource": "*"}]}',
        '{"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": "none"}]}',
        '{"Statement": []}',
        '{"Version": "2012-10-17"}',
    ],
)
def test_a_policy_in_no_known_form_is_unreadable(text: str) -> None:
    plan = Plan("prod", "1", "r", [Resource("aws_iam_role_policy.p", "aws_iam_role_policy", {"policy": text})])
    faults = scan(plan, [by_id("SLIP_IAM_SERVICE_WILDCARD")])[0].faults
    assert faults[0].startswith("unreadable: ")


@pytest.mark.parametrize(
    "task",
    [
        {"Parameters": {"A": 1}, "Arguments": {"A": 2}},
        {"Arguments": "{% $states.input %}", "Parameters": None},
    ],
)
def test_a_task_whose_request_cannot_be_told_is_unreadable(task: dict[str, object]) -> None:
    text = machine_text(**{key: value for key, value in task.items() if value is not None})
    if "Parameters" in task and task["Parameters"] is None:
        parsed = json.loads(text)
        del parsed["States"]["T"]["Parameters"]
        text = json.dumps(parsed)
    machine = Resource("aws_sfn_state_machine.m", "aws_sfn_state_machine", {"definition": text})
    faults = scan(Plan("prod", "1", "r", [machine]), [by_id("SLIP_SF_JOB_ISOLATION")])[0].faults
    assert faults[0].startswith("unreadable: ")


def test_a_plan_with_values_that_are_still_open_is_refused() -> None:
    change = {"actions": ["create"], "after": {"rule": [{}]}, "after_unknown": {"rule": [{"key": True}]}}
    document = {"resource_changes": [{"address": "aws_x.y", "mode": "managed", "type": "aws_x", "change": change}]}
    with pytest.raises(UnreadableError, match=r"known only after an apply: aws_x\.y\.rule\.0\.key"):
        read_plan(document, "prod", "1", "r")


@pytest.mark.provider
@pytest.mark.slow
def test_the_insecure_fixture_is_refused_with_ids_and_remedies(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--folder", str(Path(__file__).parent / "fixtures" / "insecure")]) == 1
    said = capsys.readouterr().out
    for name in ("SLIP_SM_DOMAIN_NETWORK", "SLIP_NET_ENDPOINT_POLICY", "SLIP_IAM_MANAGED_POLICIES"):
        assert f"HIGH {name}: " in said
        assert by_id(name).remedy in said
