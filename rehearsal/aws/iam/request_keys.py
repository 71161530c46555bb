"""Condition keys that the embedded AWS fills, and from which parameters of a call.

Sources: the Service Authorization Reference, and the page named beside a row. A documented key that is in none of these
tables would always be absent, and a Deny on it would never hold: a policy that asks for one is refused instead.
"""

from __future__ import annotations

import re
from functools import lru_cache

PARAMETERS: dict[str, dict[str, tuple[str, ...]]] = {
    "cloudwatch": {"cloudwatch:namespace": ("Namespace",)},
    "application-autoscaling": {
        "application-autoscaling:scalable-dimension": ("ScalableDimension",),
        "application-autoscaling:service-namespace": ("ServiceNamespace",),
    },
    "events": {
        "events:detail-type": ("Entries.DetailType",),
        "events:source": ("Entries.Source",),
        "events:TargetArn": ("Targets.Arn",),
    },
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
    "iam": {
        "iam:AWSServiceName": ("AWSServiceName",),
        "iam:PermissionsBoundary": ("PermissionsBoundary",),
        "iam:PolicyARN": ("PolicyArn",),
    },
    "kms": {
        "kms:EncryptionAlgorithm": ("EncryptionAlgorithm",),
        "kms:GrantOperations": ("Operations",),
        "kms:GranteePrincipal": ("GranteePrincipal",),
        "kms:ScheduleKeyDeletionPendingWindowInDays": ("PendingWindowInDays",),
    },
    "lambda": {
        "lambda:FunctionUrlAuthType": ("FunctionUrlAuthType", "AuthType"),
        "lambda:Layer": ("Layers",),
        "lambda:Principal": ("Principal",),
        "lambda:SecurityGroupIds": ("VpcConfig.SecurityGroupIds",),
        "lambda:SubnetIds": ("VpcConfig.SubnetIds",),
    },
    "s3": {
        "s3:VersionId": ("VersionId",),
        "s3:delimiter": ("Delimiter",),
        "s3:max-keys": ("MaxKeys",),
        "s3:prefix": ("Prefix",),
        "s3:x-amz-acl": ("ACL",),
        "s3:x-amz-copy-source": ("CopySource",),
        "s3:x-amz-metadata-directive": ("MetadataDirective",),
        "s3:x-amz-server-side-encryption": ("ServerSideEncryption",),
        "s3:x-amz-server-side-encryption-aws-kms-key-id": ("SSEKMSKeyId",),
        "s3:x-amz-server-side-encryption-customer-algorithm": ("SSECustomerAlgorithm",),
        "s3:x-amz-storage-class": ("StorageClass",),
    },
    # https://docs.aws.amazon.com/sagemaker/latest/dg/security_iam_id-based-policy-examples.html
    "sagemaker": {
        "sagemaker:InstanceTypes": (
            "ResourceConfig.InstanceType",
            "ResourceConfig.InstanceGroups.InstanceType",
            "ProductionVariants.InstanceType",
            "ShadowProductionVariants.InstanceType",
            "TransformResources.InstanceType",
            "ProcessingResources.ClusterConfig.InstanceType",
            "TrainingJobDefinition.ResourceConfig.InstanceType",
            "TrainingJobDefinition.HyperParameterTuningResourceConfig.InstanceType",
            "TrainingJobDefinition.HyperParameterTuningResourceConfig.InstanceConfigs.InstanceType",
            "TrainingJobDefinitions.ResourceConfig.InstanceType",
            "TrainingJobDefinitions.HyperParameterTuningResourceConfig.InstanceType",
            "TrainingJobDefinitions.HyperParameterTuningResourceConfig.InstanceConfigs.InstanceType",
            "InstanceType",
        ),
        "sagemaker:InterContainerTrafficEncryption": (
            "EnableInterContainerTrafficEncryption",
            "NetworkConfig.EnableInterContainerTrafficEncryption",
            "TrainingJobDefinition.EnableInterContainerTrafficEncryption",
            "TrainingJobDefinitions.EnableInterContainerTrafficEncryption",
        ),
        "sagemaker:KeepAlivePeriod": ("ResourceConfig.KeepAlivePeriodInSeconds",),
        "sagemaker:ModelApprovalStatus": ("ModelApprovalStatus",),
        "sagemaker:MaxRuntimeInSeconds": (
            "StoppingCondition.MaxRuntimeInSeconds",
            "TrainingJobDefinition.StoppingCondition.MaxRuntimeInSeconds",
            "TrainingJobDefinitions.StoppingCondition.MaxRuntimeInSeconds",
        ),
        "sagemaker:NetworkIsolation": (
            "EnableNetworkIsolation",
            "NetworkConfig.EnableNetworkIsolation",
            "TrainingJobDefinition.EnableNetworkIsolation",
            "TrainingJobDefinitions.EnableNetworkIsolation",
        ),
        "sagemaker:OutputKmsKey": (
            "OutputDataConfig.KmsKeyId",
            "TransformOutput.KmsKeyId",
            "ProcessingOutputConfig.KmsKeyId",
            "DataCaptureConfig.KmsKeyId",
            "TrainingJobDefinition.OutputDataConfig.KmsKeyId",
            "TrainingJobDefinitions.OutputDataConfig.KmsKeyId",
        ),
        "sagemaker:EnableRemoteDebug": ("RemoteDebugConfig.EnableRemoteDebug",),
        "sagemaker:VolumeKmsKey": (
            "ResourceConfig.VolumeKmsKeyId",
            "KmsKeyId",
            "TransformResources.VolumeKmsKeyId",
            "ProcessingResources.ClusterConfig.VolumeKmsKeyId",
            "TrainingJobDefinition.ResourceConfig.VolumeKmsKeyId",
            "TrainingJobDefinition.HyperParameterTuningResourceConfig.VolumeKmsKeyId",
            "TrainingJobDefinitions.ResourceConfig.VolumeKmsKeyId",
            "TrainingJobDefinitions.HyperParameterTuningResourceConfig.VolumeKmsKeyId",
        ),
        "sagemaker:VpcSecurityGroupIds": (
            "VpcConfig.SecurityGroupIds",
            "NetworkConfig.VpcConfig.SecurityGroupIds",
            "TrainingJobDefinition.VpcConfig.SecurityGroupIds",
            "TrainingJobDefinitions.VpcConfig.SecurityGroupIds",
        ),
        "sagemaker:VpcSubnets": (
            "VpcConfig.Subnets",
            "NetworkConfig.VpcConfig.Subnets",
            "TrainingJobDefinition.VpcConfig.Subnets",
            "TrainingJobDefinitions.VpcConfig.Subnets",
        ),
    },
    "sagemaker-runtime": {"sagemaker:TargetModel": ("TargetModel",)},
    "sns": {"sns:Endpoint": ("Endpoint",), "sns:Protocol": ("Protocol",)},
    "sts": {
        "sts:ExternalId": ("ExternalId",),
        "sts:RoleSessionName": ("RoleSessionName",),
        "sts:SourceIdentity": ("SourceIdentity",),
        "sts:TransitiveTagKeys": ("TransitiveTagKeys",),
    },
}
"""Service model -> key -> the parameters (a dot walks into a member) that fill it."""

ARRAYS = {
    "events:TargetArn", "kms:GrantOperations", "lambda:Layer", "lambda:SecurityGroupIds", "lambda:SubnetIds",
    "sagemaker:InstanceTypes", "sagemaker:VpcSecurityGroupIds", "sagemaker:VpcSubnets", "sts:TransitiveTagKeys",
}  # fmt: skip
"""Keys with several values (ArrayOf... in the reference), even where a call has one."""

_OTHERS = {
    # Of who asks and of the way, by the gate.
    "aws:CurrentTime", "aws:EpochTime", "aws:MultiFactorAuthPresent", "aws:PrincipalAccount", "aws:PrincipalArn",
    "aws:PrincipalIsAWSService", "aws:PrincipalServiceName", "aws:PrincipalType", "aws:RequestedRegion",
    "aws:ResourceAccount", "aws:SecureTransport", "aws:SourceAccount", "aws:SourceArn", "aws:SourceIdentity",
    "aws:SourceIp", "aws:SourceOwner", "aws:SourceVpc", "aws:SourceVpce", "aws:TagKeys", "aws:TokenIssueTime",
    "aws:userid", "aws:username", "aws:ViaAWSService", "aws:VpceAccount", "lambda:SourceFunctionArn",
    # Of what is asked for.
    "ec2:CreateAction", "iam:PassedToService", "kms:CallerAccount", "kms:EncryptionContextKeys",
    "kms:GrantIsForAWSResource", "kms:RequestAlias", "kms:ViaService", "lambda:FunctionArn", "s3:ResourceAccount",
    # Rightly absent: the account is in no organisation, and nobody comes with a second factor.
    "aws:MultiFactorAuthAge", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths", "aws:ResourceOrgID",
    "aws:ResourceOrgPaths", "aws:SourceOrgID", "aws:SourceOrgPaths", "aws:VpceOrgID", "aws:VpceOrgPaths",
}  # fmt: skip
_FAMILIES = re.compile(
    r"(aws:(principal|request|resource)tag/|kms:encryptioncontext:|([a-z0-9-]+\.)+[a-z]+(/[^:]+)?:).+"
)


@lru_cache(maxsize=4096)
def filled(key: str) -> bool:
    """Whether a request to the embedded AWS has this key whenever one to AWS would."""
    return key.lower() in _all() or _FAMILIES.fullmatch(key.lower()) is not None


@lru_cache(maxsize=1)
def _all() -> frozenset[str]:
    return frozenset(key.lower() for key in [*_OTHERS, *(key for keys in PARAMETERS.values() for key in keys)])
