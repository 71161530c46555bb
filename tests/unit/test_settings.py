"""A settings file that is wrong is refused with the key, the value and the remedy; a right one is read as written."""

from __future__ import annotations

import contextlib
import copy
import enum
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from terraform.stacks.settings import Settings, SettingsError, load_settings, parse_settings

ENVIRONMENTS = Path(__file__).resolve().parents[2] / "terraform" / "environments"


class Absent(enum.Enum):
    """Stands for a key that is not there. An enum, because its text names a test alike in every process of a run."""

    ABSENT = "absent"


ABSENT = Absent.ABSENT


def document(environment: str) -> dict[str, Any]:
    return yaml.safe_load((ENVIRONMENTS / environment / "settings.yaml").read_text())


def changed(environment: str, *changes: tuple[str, object]) -> dict[str, Any]:
    """A committed document with dotted keys set, or removed where the value is ABSENT."""
    content = copy.deepcopy(document(environment))
    for key, value in changes:
        *parents, last = [int(part) if part.isdigit() else part for part in key.split(".")]
        place: Any = content
        for parent in parents:
            place = place.setdefault(parent, {}) if isinstance(place, dict) else place[parent]
        if value is ABSENT:
            del place[last]
        else:
            place[last] = value
    return content


def parse(content: dict[str, Any]) -> Settings:
    return parse_settings(yaml.safe_dump(content))


def refusal(content: dict[str, Any]) -> str:
    with pytest.raises(SettingsError) as caught:
        parse(content)
    return str(caught.value)


@pytest.mark.parametrize("environment", ["dev", "staging", "prod", "rehearsal"])
def test_committed_settings_are_valid(environment: str) -> None:
    assert load_settings(ENVIRONMENTS / environment / "settings.yaml").environment == environment


def outside(**changes: object) -> dict[str, object]:
    """An entry of outside_access."""
    arns = ["arn:aws:iam::777788889999:role/somebody"]
    return {"name": "somebody", "principal_arns": arns, "reason": "A reason long enough to be read."} | changes


V = "workloads.vehicles"
PERSON = "arn:aws:iam::777788889999:role/somebody"
DAY = {"schedule": "cron(0 7 ? * MON-FRI *)", "timezone": "Europe/Dublin", "min": 4, "max": 40}
SINGLE_VALUES = [
    ("network.cidr", "10.0.0.0/33", ["settings.yaml: network.cidr: got '10.0.0.0/33'", "an IPv4 range"]),
    ("network.cidr", "10.0.0.1/20", ["network.cidr: got '10.0.0.1/20'", "host bits"]),
    ("network.cidr", "52.0.0.0/16", ["a private range (RFC 1918)", "inside 10.0.0.0/8"]),
    ("network.cidr", "10.0.0.0/12", ["a prefix between /16 and /28"]),
    ("network.cidr", "10.0.0.0/29", ["a prefix between /16 and /28"]),
    ("network.zones", ["eu-west-1a"], ["network.zones: got", "at least 2"]),
    ("network.zones", ["eu-west-1a", "eu-west-1a"], ["each zone once", "remove the repeated zone"]),
    ("network.zones", "eu-west-1a", ["network.zones: got 'eu-west-1a', expected a list"]),
    ("network.zones", ["eu-west-1a", "Frankfurt"], ["network.zones[1]: got 'Frankfurt'", "an availability zone"]),
    ("network.cdir", "10.0.0.0/16", ["network.cdir: got", "did you mean 'cidr'?"]),
    ("enviroment", "prod", ["enviroment: got 'prod', expected a known key", "did you mean 'environment'?"]),
    ("environment", "production", ["environment: got 'production'", "'dev', 'staging', 'prod' or 'rehearsal'"]),
    (
        "account_id",
        777788889999,
        ["account_id: got 777788889999, expected text", 'put quotes around it: "777788889999"'],
    ),
    ("account_id", "12345", ["the 12 digits of an AWS account"]),
    ("region", "Ireland", ["an AWS region such as eu-west-1"]),
    ("production", "yes", ["production: got 'yes', expected true or false", "remove the quotes"]),
    ("production", 1, ["production: got 1, expected true or false"]),
    ("owner", "", ["owner: got ''", "at least 1"]),
    ("owner", ABSENT, ["owner: is missing", "add 'owner'"]),
    ("administrators", [], ["administrators: got []", "expected a role at least", "the one that runs Terraform"]),
    ("administrators", ["arn:aws:iam::777788889999:user/bob"], ["administrators[0]: got", "not a user"]),
    ("administrators", ["arn:aws:iam::777788889999:role/*"], ["the ARN of an IAM role"]),
    ("boundary", {"create": True}, ["boundary.create: got true, expected a known key"]),
    ("boundary", {}, ["boundary.arn: is missing"]),
    ("boundary", {"arn": "arn:aws:iam::777788889999:role/b"}, ["boundary.arn: got", "the ARN of an IAM policy"]),
    ("state", {}, ["either 's3' or 'local: true'"]),
    ("state.s3.bucket", "s3://state", ["state.s3.bucket: got 's3://state'", "write the name without s3://"]),
    ("state.s3.use_lockfile", False, ["state.s3.use_lockfile: got false, expected a known key"]),
    ("keys", {"deletion_window_days": 3}, ["keys.deletion_window_days: got 3", "greater than or equal to 7"]),
    ("logs.retention_days", 500, ["a retention CloudWatch Logs accepts", "choose the next longer one"]),
    ("logs.retention_days", "365", ["expected a whole number", "remove the quotes"]),
    ("alerts.emails", ["nobody"], ["alerts.emails[0]: got 'nobody'", "an e-mail address"]),
    ("alerts.email", ["a@b.example"], ["did you mean 'emails'?"]),
    (
        "outside_access",
        [outside(reason="needed")],
        ["outside_access[0].reason: got 'needed'", "at least 20 characters"],
    ),
    ("outside_access", [outside(principal_arns=[])], ["outside_access[0].principal_arns"]),
    (
        "outside_access",
        [outside(principal_arns=["arn:aws:iam::777788889999:root"])],
        ["outside_access[0].principal_arns[0]: got 'arn:aws:iam::777788889999:root'", "the ARN of an IAM role"],
    ),
    ("people.operators", "everybody", ["people.operators: got 'everybody', expected a list"]),
    ("people.approvers", ["arn:aws:iam::777788889999:role/*"], ["people.approvers[0]: got", "without wildcards"]),
    ("people.approvers", ["arn:aws:iam::777788889999:root"], ["people.approvers[0]: got", "the ARN of an IAM role"]),
    ("people.approver", [], ["people.approver: got [], expected a known key", "did you mean 'approvers'?"]),
    ("concurrency_quota", 100, ["concurrency_quota: got 100", "greater than 100"]),
    ("workloads", {}, ["workloads: got {}", "at least 1"]),
    ("workloads", [], ["workloads: got [], expected a mapping of keys to values"]),
    (f"{V}.training.image_digest", "latest", [f"{V}.training.image_digest: got 'latest'", "sha256:"]),
    (f"{V}.training.image_digest", ABSENT, [f"{V}.training.image_digest: is missing"]),
    (f"{V}.functions.classify_image.reserved", 0, [f"{V}.functions.classify_image.reserved: got 0"]),
    (f"{V}.functions.classify_image.reserved", 5.5, ["expected a whole number"]),
    (f"{V}.functions.classify_image.timeout_s", 901, ["less than or equal to 900"]),
    (f"{V}.functions.classify_image.memory", 512, ["did you mean 'memory_mb'?"]),
    (f"{V}.functions.classify_image.provisioned.target_utilisation", 1.5, ["less than or equal to 0.9"]),
    (f"{V}.endpoint.instance_type", "m5.large", [f"{V}.endpoint.instance_type: got 'm5.large'", "write it with 'ml.'"]),
    (f"{V}.endpoint.rollout.type", "BLUE", [f"{V}.endpoint.rollout.type: got 'BLUE'", "'CANARY' or 'LINEAR'"]),
    (f"{V}.endpoint.rollout.step_percent", 60, ["less than or equal to 50"]),
    (f"{V}.workflow", {"threshold": 1.2}, [f"{V}.workflow.threshold: got 1.2", "less than or equal to 1"]),
    (f"{V}.workflow", {"treshold": 0.9}, ["did you mean 'threshold'?"]),
    (f"{V}.endpoint.routing", "ROUND_ROBIN", ["endpoint.routing: got 'ROUND_ROBIN'", "LEAST_OUTSTANDING_REQUESTS"]),
    (f"{V}.endpoint.scaling.concurrent_requests_per_model", 0, ["concurrent_requests_per_model: got 0"]),
    (f"{V}.endpoint.scaling.concurent_requests", 8, ["did you mean 'concurrent_requests_per_model'?"]),
    (f"{V}.endpoint.scaling.scale_out_cooldown_s", 120000, ["scale_out_cooldown_s: got 120000", "equal to 3600"]),
    (f"{V}.endpoint.rollout.headroom_percent", 101, ["rollout.headroom_percent: got 101"]),
    (
        f"{V}.endpoint.scaling.schedules",
        {"day": DAY | {"schedule": "07:00"}},
        ["schedules.day.schedule: got '07:00'", "cron(...), rate(...) or at(...)", "write cron(0 7 ? * MON-FRI *)"],
    ),
    (
        f"{V}.endpoint.scaling.schedules",
        {"day": DAY | {"timezone": "Dublin"}},
        ["schedules.day.timezone: got 'Dublin'", "a time zone such as Europe/Dublin"],
    ),
    (f"{V}.endpoint.scaling.schedules", {"In the day": DAY}, ["lower-case letters, digits and single dashes"]),
    (f"{V}.endpont", {}, ["did you mean 'endpoint'?"]),
    ("loosened", {"force_destroy": True}, ["loosened.force_destroy: got true, expected text"]),
    ("loosened", {"force_destry": "x" * 30}, ["did you mean 'force_destroy'?"]),
]


@pytest.mark.parametrize(("key", "value", "fragments"), SINGLE_VALUES, ids=lambda value: str(value)[:40])
def test_a_wrong_value_is_refused_with_its_remedy(key: str, value: object, fragments: list[str]) -> None:
    message = refusal(changed("prod", (key, value)))
    for fragment in fragments:
        assert fragment in message
    assert "remedy: " in message


PRODUCTION_RULES = [
    ([(f"{V}.endpoint.scaling.min", 1)], ["endpoint.scaling.min: got 1", "at least 2 instances in production"]),
    ([(f"{V}.endpoint.scaling.max", 3)], ["endpoint.scaling.max: got 3", "more than min (3) in production"]),
    ([(f"{V}.endpoint.rollout.type", "ALL_AT_ONCE")], ["a gradual rollout in production", "CANARY or LINEAR"]),
    (
        [(f"{V}.endpoint.scaling.schedules", {"night": {"schedule": "cron(0 22 * * ? *)", "min": 1, "max": 4}})],
        ["scaling.schedules.night.min: got 1", "at least 2 instances in production"],
    ),
    (
        [(f"{V}.functions.serialize_image.provisioned", ABSENT)],
        ["serialize_image.provisioned: is missing, expected it to be set in production", "'on_demand'"],
    ),
    ([("loosened.force_destroy", "we like to live dangerously")], ["loosened.force_destroy", "nothing in production"]),
    ([("logs.retention_days", 180)], ["logs.retention_days: got 180", "at least 365 days of logs in production"]),
    (
        [("logs.retention_days", 180), ("loosened.log_retention", "storage is expensive this year")],
        ["at least 365 days of logs in production"],
    ),
    ([("keys.deletion_window_days", 7)], ["keys.deletion_window_days: got 7", "30 days", "in production"]),
    ([("alerts.emails", [])], ["alerts.emails: got []", "somebody whom alarms reach in production"]),
    ([("network.endpoint_zones", 1)], ["network.endpoint_zones: got 1", "in production"]),
    (
        [("people", {"operators": [PERSON], "approvers": [PERSON]})],
        [f"people.approvers[0]: got '{PERSON}'", "not an operator in production", "nobody approves what they trained"],
    ),
    ([("state", {"local": True})], ["state.local: got true", "a bucket for 'prod'"]),
]


@pytest.mark.parametrize(("changes", "fragments"), PRODUCTION_RULES, ids=lambda value: str(value)[:60])
def test_production_keeps_every_safe_default(changes: list[tuple[str, object]], fragments: list[str]) -> None:
    message = refusal(changed("prod", *changes))
    for fragment in fragments:
        assert fragment in message


AGREEMENTS = [
    (
        [("network.cidr", "10.60.0.0/26")],
        ["network.cidr: got '10.60.0.0/26'", "room for 3 subnets", "use a /24 or larger"],
    ),
    ([("network.cidr", "10.60.0.0/25")], ["use a /24 or larger"]),
    ([("network.zones.2", "us-east-1a")], ["network.zones[2]: got 'us-east-1a'", "a zone of 'eu-west-1'"]),
    ([("network.endpoint_zones", 4)], ["network.endpoint_zones: got 4", "at most the 3 zones"]),
    (
        [("administrators.0", "arn:aws:iam::111111111111:role/somebody")],
        ["administrators[0]: got 'arn:aws:iam::111111111111:role/somebody'", "account_id '777788889999'"],
    ),
    ([("boundary.arn", "arn:aws:iam::111111111111:policy/theirs")], ["boundary.arn: got", "account_id '777788889999'"]),
    ([("outside_access", [outside(), outside()])], ["outside_access[1].name: got 'somebody'", "a name of its own"]),
    ([("people.operators", [PERSON, PERSON])], ["people.operators[1]: got", "everybody once"]),
    (
        [("people.operators", ["arn:aws:iam::111111111111:role/somebody"])],
        ["people.operators[0]: got 'arn:aws:iam::111111111111:role/somebody'", "account_id '777788889999'"],
    ),
    (
        [("people.operators", ["arn:aws:iam::777788889999:user/bob"])],
        ["people.operators[0]: got", "the keys of a user never expire"],
    ),
    (
        [(f"{V}.functions.classify_image.provisioned", {"min": 5, "max": 201})],
        ["classify_image.provisioned.max: got 201", "at most reserved (200)", "raise reserved"],
    ),
    (
        [(f"{V}.functions.classify_image.provisioned", {"min": 9, "max": 3})],
        ["classify_image.provisioned.min: got 9", "at most max (3)", "swap min and max"],
    ),
    (
        [
            (
                f"{V}.functions.classify_image.provisioned",
                {"min": 5, "max": 50, "schedules": {"day": DAY | {"max": 201}}},
            )
        ],
        ["provisioned.schedules.day.max: got 201", "at most reserved (200)"],
    ),
    (
        [(f"{V}.functions.classify_image.provisioned.schedules", {"day": DAY | {"min": 60}})],
        ["provisioned.schedules.day.min: got 60", "at most max (40)"],
    ),
    (
        [(f"{V}.endpoint.scaling.scale_in_cooldown_s", 60)],
        ["scaling.scale_in_cooldown_s: got 60", "at least scale_out_cooldown_s (120)", "drops requests"],
    ),
    (
        [(f"{V}.functions.classify_image.on_demand", "cold starts do not matter here")],
        ["classify_image.on_demand", "it absent beside 'provisioned'"],
    ),
    (
        [(f"{V}.functions.classify_image.reserved", 491)],
        ["workloads: got 901", "at most 900 in sum (1000 less 100 unreserved)"],
    ),
    ([("concurrency_quota", 500)], ["workloads: got 610", "at most 400 in sum"]),
    ([(f"{V}.endpoint.scaling.min", 20)], ["endpoint.scaling.min: got 20", "at most max (12)"]),
    (
        [(f"{V}.endpoint.instance_type", "ml.t2.medium")],
        ["endpoint.instance_type: got 'ml.t2.medium'", "ml.c6i.large", "or write 'loosened.instance_types'"],
    ),
    ([(f"{V}.training.instance_type", "ml.p5.48xlarge")], ["training.instance_type: got 'ml.p5.48xlarge'"]),
    ([("loosened.instance_types", "nothing here really needs it")], ["loosened.instance_types", "nothing needs it"]),
    ([("loosened.single_endpoint_zone", "nothing here really needs it")], ["remove it: nothing needs it"]),
    ([(f"{V}.functions.Classify-Image", {"reserved": 1, "on_demand": "x" * 20})], ["write it in snake_case"]),
]


@pytest.mark.parametrize(("changes", "fragments"), AGREEMENTS, ids=lambda value: str(value)[:60])
def test_settings_that_contradict_each_other_are_refused(
    changes: list[tuple[str, object]], fragments: list[str]
) -> None:
    message = refusal(changed("prod", *changes))
    for fragment in fragments:
        assert fragment in message


@pytest.mark.parametrize("excess", [0, 1, 5])
def test_a_name_is_accepted_up_to_the_limit_and_refused_beyond_with_the_excess(excess: int) -> None:
    name = "v" * (40 - len("slipway-prod-") + excess)
    content = document("prod")
    content["workloads"] = {name: content["workloads"]["vehicles"]}

    if excess == 0:
        assert list(parse(content).workloads) == [name]
        return
    message = refusal(content)
    assert f"workloads.{name}: got '{name}'" in message
    assert f"leaves 'slipway-prod-{name}' within the 40 characters of a training job's prefix" in message
    assert f"remedy: shorten it by {excess}" in message


def test_a_function_counts_towards_the_limit() -> None:
    function = "a_function_whose_name_says_all_about_what_it_does"
    content = changed("prod", (f"{V}.functions.{function}", {"reserved": 1, "on_demand": "x" * 20}))
    message = refusal(content)
    assert "within the 64 characters of a function" in message
    assert "remedy: shorten it by" in message


def test_a_workload_name_with_capitals_is_refused() -> None:
    content = document("prod")
    content["workloads"] = {"Vehicles": content["workloads"]["vehicles"]}
    assert "lower-case letters, digits and single dashes" in refusal(content)


@pytest.mark.parametrize(
    ("key", "value", "loosened", "reason"),
    [
        ("keys.deletion_window_days", 7, "deletion_window", "keys made for a week of experiments"),
        ("logs.retention_days", 30, "log_retention", "the environment lives for a week only"),
        ("alerts.emails", [], "no_alert_emails", "nobody is on call for this environment"),
        ("network.endpoint_zones", 1, "single_endpoint_zone", "the price of a second zone is not worth it"),
        (f"{V}.endpoint.instance_type", "ml.t2.medium", "instance_types", "a demonstration of a burstable type"),
    ],
)
def test_a_default_is_given_up_only_with_a_reason(key: str, value: object, loosened: str, reason: str) -> None:
    without = refusal(changed("staging", (key, value)))
    assert f"'loosened.{loosened}'" in without

    with_reason = parse(changed("staging", (key, value), (f"loosened.{loosened}", reason)))
    assert getattr(with_reason.loosened, loosened) == reason


def test_schedules_of_endpoint_and_function_are_read_as_written() -> None:
    read = parse(
        changed(
            "prod",
            (f"{V}.endpoint.scaling.schedules", {"day": DAY}),
            (f"{V}.functions.classify_image.provisioned.schedules", {"day": DAY}),
        )
    ).workloads["vehicles"]
    provisioned = read.functions["classify_image"].provisioned
    assert provisioned is not None
    assert read.endpoint.scaling.schedules["day"].model_dump() == provisioned.schedules["day"].model_dump() == DAY


def test_outside_production_one_person_may_do_both() -> None:
    person = "arn:aws:iam::444455556666:role/somebody"
    read = parse(changed("staging", ("people", {"operators": [person], "approvers": [person]})))
    assert read.people.operators == read.people.approvers


def test_every_fault_is_reported_at_once() -> None:
    message = refusal(changed("prod", ("account_id", "1"), ("region", "x"), ("owner", ABSENT)))
    assert len(message.splitlines()) == 3


@pytest.mark.parametrize(
    ("text", "fragments"),
    [
        ("", ["settings.yaml: is missing, expected a mapping"]),
        ("- a\n- b\n", ["expected a mapping of keys to values"]),
        (
            "environment: prod\nenvironment: dev\n",
            ["line 2, column 1", "the key 'environment' stands here a second time"],
        ),
        ("network:\n  cidr: 1\n  cidr: 2\n", ["line 3, column 3", "the key 'cidr'"]),
        ("owner: [unclosed\n", ["line 2", "expected YAML"]),
        ("owner: !!python/object/apply:os.system ['true']\n", ["line 1", "could not determine a constructor"]),
        ("? [a, b]\n: c\n", ["line 1"]),
        ("{a: b}: c\n", ["line 1"]),
        ("\t- x", ["line 1"]),
    ],
)
def test_broken_yaml_names_the_line(text: str, fragments: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_settings(text)
    for fragment in fragments:
        assert fragment in str(caught.value)


def test_a_missing_file_and_a_binary_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"settings.yaml: is missing, expected a file"):
        load_settings(tmp_path / "settings.yaml")
    (tmp_path / "settings.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="UTF-8"):
        load_settings(tmp_path / "settings.yaml")


# The corpus above covers the shapes people really write; this one is for the others.
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists))
def test_whatever_stands_in_the_file_nothing_but_a_settings_error_comes_out(value: object) -> None:
    for key in ("network", "boundary", "people", f"{V}.endpoint", "outside_access"):
        with contextlib.suppress(SettingsError):
            assert parse(changed("prod", (key, value)))


def test_settings_cannot_be_changed_after_reading() -> None:
    read = parse(document("prod"))
    with pytest.raises(ValueError, match="frozen"):
        read.owner = "somebody else"  # type: ignore[misc]
