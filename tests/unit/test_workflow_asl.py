"""What the workflows' definitions promise on paper: both of them the same, and each what it alone can break."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from terraform.modules.workflow import diagram
from tests.unit import asl_support as asl
from tests.unit import functions_support as support

PAGE = support.REPOSITORY / "docs/workflow.md"
STATE_BYTES = 262_144  # Step Functions: input or output of a state
HISTORY_EVENTS = 25_000  # Step Functions: events in one execution's history
GIVEN = {"console_url", "data_bucket", "partition", "topic_arn", "workload"}
PLACEHOLDERS = {"assess_claims": GIVEN - {"data_bucket"}, "classify_images": GIVEN | {"results_prefix"}}
DEFINITION = asl.definition("classify_images")
STATES = {name: dict(asl.states_of(asl.definition(name)["States"])) for name in asl.FUNCTIONS}
TASKS = [
    pytest.param(state, id=f"{definition}.{name}")
    for definition, states in STATES.items()
    for name, state in states.items()
    if state["Type"] == "Task"
]

each_definition = pytest.mark.parametrize("name", asl.FUNCTIONS)


@each_definition
def test_the_file_is_json_whose_placeholders_all_stand_in_strings(name):
    assert asl.definition(name)
    assert set(re.findall(r"\$\{(\w+)\}", asl.text(name))) == {*asl.FUNCTIONS[name], *PLACEHOLDERS[name]}


@each_definition
def test_state_names_are_unique_and_short_enough(name):
    names = [state for state, _ in asl.states_of(asl.definition(name)["States"])]
    assert len(names) == len(set(names))
    assert all(len(state) <= 80 for state in names)


@each_definition
def test_every_state_is_reachable_and_every_target_exists(name):
    for states, start in asl.machines(asl.definition(name)):
        waiting, reached = [start], set()
        while waiting:
            state = waiting.pop()
            assert state in states, f"{state} is a target but no state"
            if state not in reached:
                reached.add(state)
                waiting += asl.targets(states[state])
        assert reached == set(states)


def test_the_diagrams_in_the_docs_are_fresh(tmp_path, monkeypatch, capsys):
    assert diagram.main(["--check"]) == 0, "run python -m terraform.modules.workflow.diagram"
    for page in diagram.PAGES:
        (tmp_path / page).write_text((PAGE.parent / page).read_text())
    stale = tmp_path / "workflow.md"
    stale.write_text(PAGE.read_text().replace("Serialize image", "Look at image"))
    monkeypatch.setattr(diagram, "DOCS", tmp_path)
    assert diagram.main(["--check"]) == 1
    assert diagram.main([]) == 0
    assert stale.read_text() == PAGE.read_text()
    stale.write_text("nothing to draw into")
    assert diagram.main([]) == 2
    assert "lacks <!-- diagram: run -->" in capsys.readouterr().err


def test_both_maps_treat_an_item_alike():
    inline = DEFINITION["States"]["ClassifyList"]["ItemProcessor"]["States"]
    listed = DEFINITION["States"]["ClassifyPrefix"]["ItemProcessor"]["States"]
    renamed = json.loads(json.dumps(listed).replace("Listed", ""))
    assert {name: state for name, state in renamed.items() if name in inline} == inline
    assert set(renamed) - set(inline) == {"InspectObject", "SkipObject"}


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_a_timeout_retries_with_jitter_and_a_catch_for_everything(task):
    assert 0 < task["TimeoutSeconds"] <= 900
    assert task["Retry"]
    for retry in task["Retry"]:
        assert retry["JitterStrategy"] == "FULL"
        assert retry["BackoffRate"] > 1
        assert retry["MaxDelaySeconds"] >= retry["IntervalSeconds"]
        assert 1 <= retry["MaxAttempts"] <= 6
    assert task["Catch"][-1]["ErrorEquals"] == ["States.ALL"]


@each_definition
def test_only_errors_that_may_pass_are_retried(name):
    retried = {
        error for state in STATES[name].values() for retry in state.get("Retry", ()) for error in retry["ErrorEquals"]
    }
    ours = asl.our_errors()
    assert retried & ours == {"StorageUnavailable", "ModelUnavailable", "OutOfTime"}
    foreign = retried - ours
    assert all(re.match(r"(Lambda|SNS)\.|States\.Timeout$|Sandbox\.Timedout$", error) for error in foreign)
    assert not foreign & {"States.ALL", "States.TaskFailed", "Lambda.Unknown"}


@each_definition
def test_every_error_name_that_is_ours_exists_in_the_functions(name):
    named = {
        error
        for state in STATES[name].values()
        for rule in (*state.get("Retry", ()), *state.get("Catch", ()))
        for error in rule["ErrorEquals"]
        if "." not in error
    }
    assert named <= asl.our_errors()


@pytest.mark.parametrize(
    ("name", "function"), [(name, function) for name, called in asl.FUNCTIONS.items() for function in called]
)
def test_lambda_gives_up_before_the_task_does(name, function):
    spec = yaml.safe_load((support.FUNCTIONS / function / "function.yaml").read_text())
    tasks = [state for state in STATES[name].values() if state["Type"] == "Task"]
    waits = [task["TimeoutSeconds"] for task in tasks if asl.function(task) == function]
    assert waits
    assert min(waits) > spec["timeout_s"]


def test_an_assessment_is_told_only_after_it_stands_in_the_record():
    states = STATES["assess_claims"]
    assert states["AssessClaim"]["Next"] == "RecordAssessment"
    assert states["RecordAssessment"]["Next"] == "InspectVerdict"
    assert [name for name, state in states.items() if "NotifyAudit" in asl.targets(state)] == ["InspectVerdict"]
    history = 2 + asl.longest(states, asl.definition("assess_claims")["StartAt"])
    assert history < 0.01 * HISTORY_EVENTS


def test_no_map_runs_more_items_at_once_than_its_functions_may():
    widest = max(state["MaxConcurrency"] for state in STATES["classify_images"].values() if state["Type"] == "Map")
    assert widest <= 40, "an inline Map runs at most 40 iterations at once"
    for function in asl.FUNCTIONS["classify_images"][:3]:
        spec = yaml.safe_load((support.FUNCTIONS / function / "function.yaml").read_text())
        assert spec["concurrency"]["reserved"] >= widest


def test_the_history_of_the_longest_list_stays_below_the_limit():
    # Every image goes the longest way: all retries of all steps, the notification's too, and fails at the end.
    processor = DEFINITION["States"]["ClassifyList"]["ItemProcessor"]
    per_image = 2 + asl.longest(processor["States"], processor["StartAt"])  # 2: iteration started and ended
    outside = 2 + asl.longest(DEFINITION["States"], DEFINITION["StartAt"])
    assert 200 * per_image + outside < 0.9 * HISTORY_EVENTS
    assert outside < 100
    assert f"an image makes at most {per_image} (" in PAGE.read_text(), "docs/workflow.md says another number"


def test_the_longest_list_fits_into_the_state_even_when_every_image_fails():
    # CollectList is handed the list and the results together.
    key = "k" * 300
    image = {"bucket": "b" * 40, "key": key, "version": "v" * 32}
    claim = image | {"size": 10**7, "format": "jpeg", "width": 10**4, "height": 10**4}
    failed = {"index": 199, "image": claim, "status": "failed", "error": "E" * 20, "reason": "r" * 300}
    prediction = {"label": "l" * 20, "index": 99, "probability": 0.123456}
    model = {"variant": "primary", "version": "v" * 20}
    kept = {"index": 199, "image": claim, "status": "classified", "label": "l" * 20, "probability": 0.123456}
    kept |= {"threshold": 0.93, "predictions": [prediction] * 3, "model": model}
    for result in (failed, kept):
        handed = {"images": [image] * 200, "results": [result] * 200}
        assert len(json.dumps(handed, separators=(",", ":"))) < STATE_BYTES
