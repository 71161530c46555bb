"""The standards that controls answer to, with the titles as AWS writes them, and what cannot apply here.

Every id and title of ``_AI_ITEMS`` and ``_HUB_ITEMS``, the members of AI Security Best Practices v1.0.0, of the
Foundational Security Best Practices (FSBP) v1.0.0 and of the CIS AWS Foundations Benchmark v5.0.0, and the CIS numbers
that are written here were compared in November 2026 with the AWS Security Hub user guide: the pages
standards-ai-security, fsbp-standard and cis-aws-foundations-benchmark, and each service's page of controls. Titles that
CIS itself gives its recommendations are not public, so none is quoted.
"""

from __future__ import annotations

from dataclasses import dataclass

AI = "AWS AI Security Best Practices v1.0.0"
HUB = "AWS Security Hub"
GUIDE = "AWS guidance"

_HUB_PAGE = "https://docs.aws.amazon.com/securityhub/latest/userguide/"
_SAGEMAKER = "https://docs.aws.amazon.com/sagemaker/latest/dg/"
_LAMBDA = "https://docs.aws.amazon.com/lambda/latest/dg/"
_IAM = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
_KMS = "https://docs.aws.amazon.com/kms/latest/developerguide/"
_WA = "https://docs.aws.amazon.com/wellarchitected/latest/"


@dataclass(frozen=True)
class Item:
    """One demand of a standard."""

    standard: str
    title: str
    url: str


def _hub(standard: str, titles: dict[str, str]) -> dict[str, Item]:
    return {key: Item(standard, title, f"{_HUB_PAGE}{_page(key)}") for key, title in titles.items()}


def _page(key: str) -> str:
    service, number = key.split(".")
    return f"{service.lower()}-controls.html#{service.lower()}-{number}"


_AI_ITEMS = {
    "SageMaker.1": "Amazon SageMaker notebook instances should not have direct internet access",
    "SageMaker.2": "SageMaker notebook instances should be launched in a custom VPC",
    "SageMaker.3": "Users should not have root access to SageMaker notebook instances",
    "SageMaker.4": "SageMaker endpoint production variants should have an initial instance count greater than 1",
    "SageMaker.5": "SageMaker models should have network isolation enabled",
    "SageMaker.8": "SageMaker notebook instances should run on supported platforms",
    "SageMaker.9": "SageMaker data quality job definitions should have inter-container traffic encryption enabled",
    "SageMaker.10": "SageMaker model explainability job definitions should have inter-container traffic encryption "
    "enabled",
    "SageMaker.11": "SageMaker data quality job definitions should have network isolation enabled",
    "SageMaker.12": "SageMaker model bias job definitions should have network isolation enabled",
    "SageMaker.13": "SageMaker model quality job definitions should have inter-container traffic encryption enabled",
    "SageMaker.14": "SageMaker monitoring schedules should have network isolation enabled",
    "SageMaker.15": "SageMaker model bias job definitions should have inter-container traffic encryption enabled",
    "SageMaker.16": "SageMaker models should use private registry in VPC for primary containers",
    "SageMaker.17": "SageMaker feature group offline stores should be encrypted with AWS KMS keys",
    "SageMaker.18": "SageMaker feature group online stores with standard storage should be encrypted with AWS KMS keys",
    "SageMaker.19": "SageMaker models should use private registry in VPC for multi-container inference pipelines",
    "SageMaker.20": "SageMaker model explainability job definitions should have network isolation enabled",
    "SageMaker.21": "SageMaker notebook instances should be encrypted with customer managed AWS KMS keys",
    "SageMaker.22": "SageMaker monitoring schedules should have inter-container traffic encryption enabled",
    "SageMaker.23": "SageMaker inference experiments should have instance storage volume encrypted with customer "
    "managed AWS KMS keys",
    "SageMaker.24": "SageMaker inference experiments should have data storage encrypted with customer managed AWS KMS "
    "keys",
    "SageMaker.25": "SageMaker model quality job definitions should have network isolation enabled",
}

_HUB_ITEMS = {
    "CloudWatch.15": "CloudWatch alarms should have specified actions configured",
    "CloudWatch.16": "CloudWatch log groups should be retained for a specified time period",
    "CloudWatch.17": "CloudWatch alarm actions should be activated",
    "EC2.2": "VPC default security groups should not allow inbound or outbound traffic",
    "EC2.3": "Attached Amazon EBS volumes should be encrypted at-rest",
    "EC2.6": "VPC flow logging should be enabled in all VPCs",
    "EC2.8": "EC2 instances should use Instance Metadata Service Version 2 (IMDSv2)",
    "EC2.9": "Amazon EC2 instances should not have a public IPv4 address",
    "EC2.15": "Amazon EC2 subnets should not automatically assign public IP addresses",
    "EC2.25": "Amazon EC2 launch templates should not assign public IPs to network interfaces",
    "EC2.53": "EC2 security groups should not allow ingress from 0.0.0.0/0 to remote server administration ports",
    "EC2.54": "EC2 security groups should not allow ingress from ::/0 to remote server administration ports",
    "EC2.55": "VPCs should be configured with an interface endpoint for ECR API",
    "EC2.56": "VPCs should be configured with an interface endpoint for Docker Registry",
    "ECR.1": "ECR private repositories should have image scanning configured",
    "ECR.2": "ECR private repositories should have tag immutability configured",
    "DynamoDB.2": "DynamoDB tables should have point-in-time recovery enabled",
    "DynamoDB.6": "DynamoDB tables should have deletion protection enabled",
    "ECR.3": "ECR repositories should have at least one lifecycle policy configured",
    "ECR.5": "ECR repositories should be encrypted with customer managed AWS KMS keys",
    "IAM.1": 'IAM policies should not allow full "*" administrative privileges',
    "IAM.2": "IAM users should not have IAM policies attached",
    "IAM.3": "IAM users' access keys should be rotated every 90 days or less",
    "IAM.21": "IAM customer managed policies that you create should not allow wildcard actions for services",
    "IAM.27": "IAM identities should not have the AWSCloudShellFullAccess policy attached",
    "KMS.1": "IAM customer managed policies should not allow decryption actions on all KMS keys",
    "KMS.2": "IAM principals should not have IAM inline policies that allow decryption actions on all KMS keys",
    "KMS.3": "AWS KMS keys should not be deleted unintentionally",
    "KMS.4": "AWS KMS key rotation should be enabled",
    "KMS.5": "KMS keys should not be publicly accessible",
    "Lambda.1": "Lambda function policies should prohibit public access",
    "Lambda.2": "Lambda functions should use supported runtimes",
    "Lambda.3": "Lambda functions should be in a VPC",
    "Lambda.5": "VPC Lambda functions should operate in multiple Availability Zones",
    "Lambda.7": "Lambda functions should have AWS X-Ray active tracing enabled",
    "S3.2": "S3 general purpose buckets should block public read access",
    "S3.3": "S3 general purpose buckets should block public write access",
    "S3.5": "S3 general purpose buckets should require requests to use SSL",
    "S3.6": "S3 general purpose bucket policies should restrict access to other AWS accounts",
    "S3.8": "S3 general purpose buckets should block public access",
    "S3.9": "S3 general purpose buckets should have server access logging enabled",
    "S3.12": "ACLs should not be used to manage user access to S3 general purpose buckets",
    "S3.13": "S3 general purpose buckets should have Lifecycle configurations",
    "S3.14": "S3 general purpose buckets should have versioning enabled",
    "S3.17": "S3 general purpose buckets should be encrypted at rest with AWS KMS keys",
    "SNS.1": "SNS topics should be encrypted at-rest using AWS KMS",
    "SNS.4": "SNS topic access policies should not allow public access",
    "SQS.1": "Amazon SQS queues should be encrypted at rest",
    "SQS.3": "SQS queue access policies should not allow public access",
    "StepFunctions.1": "Step Functions state machines should have logging turned on",
}

# Members of FSBP v1.0.0; Security Hub has the others of _HUB_ITEMS outside that standard.
_FSBP_TEXT = """
DynamoDB.2 DynamoDB.6 EC2.2 EC2.3 EC2.6 EC2.8 EC2.9 EC2.15 EC2.25 EC2.55 EC2.56 ECR.1 ECR.2 ECR.3 IAM.1 IAM.2 IAM.3
IAM.21 KMS.1 KMS.2 KMS.3 KMS.5 Lambda.1 Lambda.2 Lambda.5 S3.2 S3.3 S3.5 S3.6 S3.8 S3.9 S3.12 S3.13 SNS.4 SQS.1 SQS.3
StepFunctions.1 SageMaker.1 SageMaker.2 SageMaker.3 SageMaker.4 SageMaker.5 SageMaker.8
"""
FSBP = frozenset(_FSBP_TEXT.split())

# Members of CIS v5.0.0, with the number of the recommendation where the control's page was read.
CIS_NUMBERS = {"EC2.2": "5.5", "EC2.6": "3.7", "KMS.4": "3.6", "S3.5": "2.1.1", "S3.8": "2.1.4"}
_CIS_TEXT = """
Account.1 CloudTrail.1 CloudTrail.2 CloudTrail.4 CloudTrail.7 Config.1 EC2.2 EC2.6 EC2.7 EC2.8 EC2.21 EC2.53 EC2.54
EFS.1 EFS.8 IAM.2 IAM.3 IAM.4 IAM.5 IAM.6 IAM.9 IAM.15 IAM.16 IAM.18 IAM.22 IAM.26 IAM.27 IAM.28 KMS.4 RDS.2 RDS.3 RDS.5
RDS.13 RDS.15 S3.1 S3.5 S3.8 S3.20 S3.22 S3.23
"""
CIS = frozenset(_CIS_TEXT.split())

_GUIDES = {
    "ALARM-EXIST": ("Monitor what users feel", f"{_WA}machine-learning-lens/"),
    "DATA-MIN": ("Logs hold no payloads", f"{_WA}security-pillar/protecting-data-at-rest.html"),
    "IAM-BOUNDARY": ("Permissions boundaries for IAM entities", f"{_IAM}access_policies_boundaries.html"),
    "IAM-DEPUTY": ("The confused deputy problem", f"{_IAM}confused-deputy.html"),
    "IAM-OIDC": (
        "Create a role for OpenID Connect federation: limit the subject",
        f"{_IAM}id_roles_create_for-idp_oidc.html",
    ),
    "IAM-PASSROLE": ("Grant a user permissions to pass a role", f"{_IAM}id_roles_use_passrole.html"),
    "IAM-USERS": ("Require workloads to use temporary credentials", f"{_IAM}best-practices.html"),
    "KMS-SPLIT": ("Key policies in AWS KMS", f"{_KMS}key-policies.html"),
    "KMS-VIA": ("Condition keys of AWS KMS: kms:ViaService", f"{_KMS}conditions-kms.html"),
    "LA-ALIAS": ("Lambda function aliases", f"{_LAMBDA}configuration-aliases.html"),
    "LA-CONCURRENCY": ("Reserved and provisioned concurrency", f"{_LAMBDA}configuration-concurrency.html"),
    "LA-DLQ": ("Asynchronous invocation: dead-letter queues", f"{_LAMBDA}invocation-async-retain-records.html"),
    "LA-ENV": ("Securing Lambda environment variables", f"{_LAMBDA}configuration-envvars-encryption.html"),
    "LA-URL": ("Control access to Lambda function URLs", f"{_LAMBDA}urls-auth.html"),
    "LOG-KMS": (
        "Encrypt log data using AWS KMS",
        "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html",
    ),
    "LOG-MANAGED": (
        "Log retention of log groups",
        "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/Working-with-log-groups-and-streams.html",
    ),
    "ML-CONDITIONS": (
        "Condition keys for Amazon SageMaker",
        "https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html",
    ),
    "ML-FULLACCESS": ("AWS managed policies for SageMaker AI", f"{_SAGEMAKER}security-iam-awsmanpol.html"),
    "ML-GUARDRAILS": ("Deployment guardrails: auto-rollback", f"{_SAGEMAKER}deployment-guardrails.html"),
    "ML-ISOLATION": (
        "Training and inference containers in internet-free mode",
        f"{_SAGEMAKER}mkt-algo-model-internet-free.html",
    ),
    "ML-KMS": ("Protect data at rest using encryption", f"{_SAGEMAKER}encryption-at-rest.html"),
    "ML-PUBLIC": ("No resource policy admits the public", f"{_IAM}access_policies_identity-vs-resource.html"),
    "ML-REGISTRY": ("Update the approval status of a model", f"{_SAGEMAKER}model-registry-approve.html"),
    "ML-REMOTE-DEBUG": ("Access a training container for remote debugging", f"{_SAGEMAKER}train-remote-debugging.html"),
    "ML-SSM": ("Access containers through SSM", f"{_SAGEMAKER}ssm-access.html"),
    "ML-TRAFFIC": ("Protect communications between ML compute instances", f"{_SAGEMAKER}train-encrypt.html"),
    "ML-VPC": ("Give SageMaker AI access to resources in your VPC", f"{_SAGEMAKER}infrastructure-give-access.html"),
    "MSG-TLS": (
        "SNS: enforce encryption in transit",
        "https://docs.aws.amazon.com/sns/latest/dg/sns-security-best-practices.html",
    ),
    "MSG-EVENTS": (
        "EventBridge: dead-letter queues for undelivered events",
        "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html",
    ),
    "NET-ISOLATION": ("Control traffic at all layers", f"{_WA}security-pillar/protecting-networks.html"),
    "NET-PERIMETER": (
        "Control access to VPC endpoints using endpoint policies",
        "https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html",
    ),
    "DDB-ENCRYPTION": (
        "DynamoDB encryption at rest",
        "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html",
    ),
    "SFN-BEST": (
        "Best practices for Step Functions",
        "https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html",
    ),
    "SLSA": ("Supply chain: fixed, own artefacts", "https://slsa.dev/spec/v1.0/requirements"),
    "TAGS": ("Tagging AWS resources", "https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html"),
    "WA-COST": ("Cost controls", f"{_WA}cost-optimization-pillar/"),
    "WA-LEAST": ("Grant least-privilege access", f"{_IAM}best-practices.html"),
    "WA-ML": ("Machine Learning Lens: automatic scaling", f"{_WA}machine-learning-lens/"),
    "WA-REL": ("Deploy the workload to multiple locations", f"{_WA}reliability-pillar/"),
}

STANDARDS: dict[str, Item] = {
    **_hub(AI, _AI_ITEMS),
    **_hub(HUB, _HUB_ITEMS),
    **{key: Item(GUIDE, title, url) for key, (title, url) in _GUIDES.items()},
}

_NO_RESOURCE = "hashicorp/aws has no such resource, and nothing here calls the operation."
_NO_BEDROCK = "Slipway uses no Bedrock."
NOT_APPLICABLE = {
    "SageMaker.10": _NO_RESOURCE,
    "SageMaker.12": _NO_RESOURCE,
    "SageMaker.13": _NO_RESOURCE,
    "SageMaker.15": _NO_RESOURCE,
    "SageMaker.20": _NO_RESOURCE,
    "SageMaker.23": _NO_RESOURCE,
    "SageMaker.24": _NO_RESOURCE,
    "SageMaker.25": _NO_RESOURCE,
    "Bedrock.1": _NO_BEDROCK,
    "BedrockAgentCore.1 to .7": _NO_BEDROCK,
}

# What FSBP and CIS ask beside this, and why no plan of this repository can answer it.
_ACCOUNT = "A setting of the account as a whole, made before Slipway comes; Security Hub itself watches it."
_NO_TYPE = "refused by SLIP_PLAN_TYPES if it ever appeared."
UNANSWERED = {
    "Account.1, Config.1, EC2.7, EC2.172, IAM.4, .5, .6, .7, .8, .9, .15, .16, .18, .22, .26, .28, S3.1": _ACCOUNT,
    "CloudTrail.1, .2, .4, .7, S3.22, S3.23, GuardDuty, Inspector, Macie": f"{_ACCOUNT} The trail belongs to it too.",
    "EC2.1, .4, .17, .24, .170, .173, .180, .181, SSM": "No snapshots and no fleets; workbenches, where they are on, "
    "are judged by SLIP_EC2_METADATA, SLIP_EC2_DOOR, SLIP_EC2_VOLUME and SLIP_EC2_ENDS.",
    "EC2.10, .57, .58, .60": "Endpoints exist for the services that are called; EC2, SSM and Incident Manager are not.",
    "EC2.16, .18, .19, .20, .21, .23, .51, .171": f"No network ACLs, no ingress from everywhere, no VPN: {_NO_TYPE}",
    "S3.19, S3.24, S3.25": f"No access points and no directory buckets: {_NO_TYPE}",
    "S3.20": "MFA delete can be set by the root user alone, and not by Terraform.",
    "EFS, RDS, and every other service of FSBP": f"Not in use: {_NO_TYPE}",
}
