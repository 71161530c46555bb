"""The modules that scale, under HashiCorp's provider and the embedded autoscaler: each leaves the other its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import boto3
import pytest
from aws_sagemaker_server import REGION, Server, wait_until

from rehearsal.aws.client import connection_env
from terraform.command import ROOT, terraform_path
from terraform.live.scale_in import protected

pytestmark = [pytest.mark.provider, pytest.mark.slow]

NO_CHANGES = 0
VARIANT = "endpoint/elastic/variant/primary"
ALIAS = "function:elastic:live"
START = {
    "endpoint": {"instance_type": "ml.m5.large", "live": 0, "version": "1", "scaling": {}},
    "provisioned": {"min": 1, "max": 3},
}


class Root:
    """A configuration with state, and what it made."""

    def __init__(self, aws: Server, folder: Path, env: dict[str, str]) -> None:
        self.aws, self.folder, self.env, self.values = aws, folder, env, json.loads(json.dumps(START))
        shutil.copy(Path(__file__).with_name("elastic.tf"), folder / "main.tf")
        (folder / "modules").symlink_to(ROOT / "terraform" / "modules")
        with zipfile.ZipFile(folder / "package.zip", "w") as archive:
            archive.writestr("handler.py", "def handle(event, context):\n    return 'ok'\n")
        self.scaling, self.session = aws.client("application-autoscaling"), boto3.Session(region_name=REGION)

    def terraform(self, *words: str, expect: tuple[int, ...] = (0,)) -> str:
        values = {"modules": "modules", "package": str(self.folder / "package.zip"), **self.values}
        (self.folder / "values.auto.tfvars.json").write_text(json.dumps(values))
        answer = subprocess.run(
            [terraform_path(), *words, "-no-color", "-input=false"],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert answer.returncode in expect, answer.stdout[-6000:] + answer.stderr[-6000:]
        return answer.stdout

    def apply(self, **endpoint: Any) -> str:
        self.values["endpoint"] |= endpoint
        return self.terraform("apply", "-auto-approve")

    def demand_nothing_to_do(self) -> None:
        self.terraform("plan", "-detailed-exitcode", expect=(NO_CHANGES,))

    def live(self) -> dict[str, Any]:
        return self.aws.sagemaker.describe_endpoint(EndpointName="elastic")

    def count(self) -> int:
        return self.live()["ProductionVariants"][0]["CurrentInstanceCount"]

    def variant(self) -> dict[str, Any]:
        name = self.live()["EndpointConfigName"]
        return self.aws.sagemaker.describe_endpoint_config(EndpointConfigName=name)["ProductionVariants"][0]

    def limits(self, resource: str) -> tuple[int, int]:
        namespace = "sagemaker" if resource == VARIANT else "lambda"
        (target,) = self.scaling.describe_scalable_targets(ServiceNamespace=namespace, ResourceIds=[resource])[
            "ScalableTargets"
        ]
        return target["MinCapacity"], target["MaxCapacity"]

    def metrics(self) -> dict[str, float]:
        answer = self.scaling.describe_scaling_policies(ServiceNamespace="sagemaker", ResourceId=VARIANT)
        tracked = [policy["TargetTrackingScalingPolicyConfiguration"] for policy in answer["ScalingPolicies"]]
        return {t["PredefinedMetricSpecification"]["PredefinedMetricType"]: t["TargetValue"] for t in tracked}


POLICIES = {
    "SageMakerVariantInvocationsPerInstance": 600.0,
    "SageMakerVariantConcurrentRequestsPerModelHighResolution": 16.0,
}


@pytest.fixture
def root(aws: Server, tmp_path: Path, terraform_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Root:
    env = connection_env(aws.endpoint, REGION)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    aws.put_tar("elastic/model.tar.gz", {"model.json": json.dumps({"name": "elastic"})})
    path = {
        "PATH": "/usr/bin:/bin",
        "TF_IN_AUTOMATION": "1",
        "TF_CLI_CONFIG_FILE": terraform_environment["TF_CLI_CONFIG_FILE"],
    }
    return Root(aws, tmp_path, env | path)


def test_capacity_belongs_to_the_autoscaler_and_limits_to_whoever_set_them_last(root: Root, aws: Server) -> None:
    # given two instances, two policies and one warm environment; then nothing is left to do
    root.terraform("init")
    root.apply()
    assert (root.count(), root.metrics(), root.limits(VARIANT), root.limits(ALIAS)) == (2, POLICIES, (2, 5), (1, 3))
    assert root.variant()["RoutingConfig"] == {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"}
    root.demand_nothing_to_do()

    # when the autoscaler has grown the fleet and a change holds scale-in off, then a plan has nothing to do either
    aws.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName="elastic", DesiredWeightsAndCapacities=[{"VariantName": "primary", "DesiredInstanceCount": 4}]
    )
    with protected(["elastic"], root.session, poll_s=0.1):
        assert root.count() == 4
        root.demand_nothing_to_do()

        # when a new model is rolled out, then its fleet is as large as the old one was
        root.apply(version="2", live=4)
        assert root.count() == 4
        assert root.variant()["InitialInstanceCount"] == 4
    root.apply(live=0)
    root.demand_nothing_to_do()
    assert root.count() == 4

    # when the instance type changes, then the target is out of the way and comes back
    said = root.apply(instance_type="ml.c6i.large", live=4)
    assert said.index("aws_appautoscaling_target.fixed[0]: Destruction complete") < said.index(
        "aws_sagemaker_endpoint.this: Modifying"
    )
    assert (root.variant()["InstanceType"], root.count()) == ("ml.c6i.large", 4)
    assert (root.metrics(), root.limits(VARIANT)) == (POLICIES, (2, 5))
    root.demand_nothing_to_do()

    # when schedules take over the limits, then a plan leaves what they set
    often = {"schedule": "rate(2 minutes)", "timezone": "Europe/Dublin"}
    root.values["provisioned"]["schedules"] = {"day": often | {"min": 2, "max": 4}}
    root.apply(scaling={"schedules": {"day": often | {"min": 5, "max": 6}}})
    wait_until(lambda: (root.limits(VARIANT), root.limits(ALIAS)) == ((5, 6), (2, 4)))
    wait_until(lambda: root.count() == 5)
    root.demand_nothing_to_do()
