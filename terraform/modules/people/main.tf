data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  _account   = data.aws_caller_identity.current.account_id
  _partition = data.aws_partition.current.partition
  _region    = data.aws_region.current.id
  _via       = "${local._region}.${data.aws_partition.current.dns_suffix}"

  _arn = { for service in ["autoscaling", "ec2", "logs", "sagemaker", "ssm", "states"] : service =>
    "arn:${local._partition}:${service}:${local._region}:${local._account}"
  }

  # Composed from the names, because an endpoint exists only once a model is promoted, and the right to call it precedes it.
  # Patterns, because IAM ends at 10,240 characters: every name of this environment, and of no other, begins like that.
  _packages = ["${local._arn.sagemaker}:model-package/${var.name}-*/*"]
  _jobs     = ["${local._arn.sagemaker}:training-job/${var.name}-*"]
  _groups   = ["${local._arn.sagemaker}:model-package-group/${var.name}-*"]
  _machines = concat(
    ["${var.name}-*-retrain"],
    [for ending in distinct([for name in values(var.workflows) : element(split("-", name), -1)]) : "${var.name}-*-${ending}"],
  )
}

# One hour, whatever is asked for: a role that is assumed from another role's session lasts no longer anyway.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining
module "operator" {
  source = "../role"
  count  = length(var.operators) == 0 ? 0 : 1

  boundary_arn        = var.boundary_arn
  description         = "People who train, classify and read results in ${var.name}; they cannot approve a model"
  max_session_seconds = 3600
  name                = "${var.name}-operator"
  statements = concat(
    local._operator_statements, local._job_statements, local._record_statements, local._workbench_statements,
  )
  trust = { principal_arns = var.operators }
}

module "approver" {
  source = "../role"
  count  = length(var.approvers) == 0 ? 0 : 1

  boundary_arn        = var.boundary_arn
  description         = "People who approve models in ${var.name}; they can change nothing else"
  max_session_seconds = 3600
  name                = "${var.name}-approver"
  statements          = local._approver_statements
  trust               = { principal_arns = var.approvers }
}
