"""HashiCorp's own provider against the embedded AWS: apply, nothing to change, an update in place, destroy."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from rehearsal.aws.client import EmbeddedAws
from terraform.command import terraform_path

pytestmark = [pytest.mark.provider, pytest.mark.slow]  # the rehearsal shows the same on the real environment

CONFIGURATION = Path(__file__).parent / "provider" / "main.tf"
NO_CHANGES, CHANGES = 0, 2


@pytest.fixture(scope="module")
def terraform(terraform_environment: dict[str, str]) -> dict[str, str]:
    """Return where Terraform finds the provider."""
    return {"TF_CLI_CONFIG_FILE": terraform_environment["TF_CLI_CONFIG_FILE"]}


def left_over(aws: EmbeddedAws) -> dict[str, list[Any]]:
    """Return what a destroy should have removed."""
    ec2 = aws.client("ec2")
    return {
        "networks": [v for v in ec2.describe_vpcs()["Vpcs"] if not v["IsDefault"]],
        "endpoints": ec2.describe_vpc_endpoints()["VpcEndpoints"],
        "templates": ec2.describe_launch_templates()["LaunchTemplates"],
        "functions": aws.client("lambda").list_functions()["Functions"],
        "tables": aws.client("dynamodb").list_tables()["TableNames"],
        "rules": aws.client("events").list_rules()["Rules"],
        "queues": aws.client("sqs").list_queues().get("QueueUrls", []),
        "topics": aws.client("sns").list_topics()["Topics"],
        "machines": aws.client("stepfunctions").list_state_machines()["stateMachines"],
        "schedules": aws.client("scheduler").list_schedules()["Schedules"],
        "alarms": aws.client("cloudwatch").describe_alarms()["MetricAlarms"],
        "repositories": aws.client("ecr").describe_repositories()["repositories"],
        "budgets": aws.client("budgets").describe_budgets(AccountId=aws.account_id).get("Budgets", []),
        "roles": aws.client("iam").list_roles()["Roles"],
        "targets": aws.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="lambda")[
            "ScalableTargets"
        ],
    }


def test_apply_plan_update_restart_and_destroy(tmp_path: Path, terraform: dict[str, str]) -> None:
    folder, state = tmp_path / "tf", tmp_path / "state"
    folder.mkdir()
    shutil.copy(CONFIGURATION, folder)
    package = tmp_path / "package.zip"
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("handler.py", "def handle(event, context):\n    return 'ok'\n")

    def run(aws: EmbeddedAws, *words: str, memory_mb: int = 128, expect: tuple[int, ...] = (0,)) -> str:
        variables = {"TF_VAR_package": str(package), "TF_VAR_memory_mb": str(memory_mb), "TF_IN_AUTOMATION": "1"}
        answer = subprocess.run(
            [terraform_path(), *words, "-no-color", "-input=false"],
            cwd=folder,
            env=aws.env() | terraform | variables,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert answer.returncode in expect, answer.stdout[-6000:] + answer.stderr[-6000:]
        return answer.stdout

    with EmbeddedAws.start(tmp_path / "one", state=state) as aws:
        run(aws, "init")
        run(aws, "apply", "-auto-approve")
        run(aws, "plan", "-detailed-exitcode", expect=(NO_CHANGES,))
        update = run(aws, "apply", "-auto-approve", memory_mb=256)
        assert "2 changed, 0 destroyed" in update
    with EmbeddedAws.start(tmp_path / "two", state=state) as aws:
        run(aws, "plan", "-detailed-exitcode", memory_mb=256, expect=(NO_CHANGES,))
        answer = aws.client("lambda").invoke(FunctionName="embedded", Qualifier="live")
        assert (answer["ExecutedVersion"], answer["Payload"].read()) == ("2", b'"ok"')
        run(aws, "destroy", "-auto-approve", memory_mb=256)
        assert {kind: found for kind, found in left_over(aws).items() if found} == {}
