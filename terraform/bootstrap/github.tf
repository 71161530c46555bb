locals {
  _github = "token.actions.githubusercontent.com"

  # Exact subjects, never patterns: which claim GitHub puts into sub depends on how the job runs. A job
  # that names an environment carries that and nothing about its branch: the branch rules and reviewers
  # of the GitHub environment decide who deploys.
  _subjects = {
    deploy = [for name in sort(var.environments) : "repo:${var.repository}:environment:${name}"]
    plan = concat(
      [for ref in sort(var.plan_refs) : "repo:${var.repository}:ref:${ref}"],
      var.plan_pull_requests ? ["repo:${var.repository}:pull_request"] : [],
    )
  }

  _purposes = {
    deploy = "Applies the environments ${join(", ", sort(var.environments))}"
    plan   = "Plans, and cannot change anything"
  }

  _oidc_provider_arn = var.oidc_provider_arn == null ? one(aws_iam_openid_connect_provider.github[*].arn) : var.oidc_provider_arn
}

resource "aws_iam_openid_connect_provider" "github" {
  count = var.oidc_provider_arn == null ? 1 : 0

  url            = "https://${local._github}"
  client_id_list = ["sts.amazonaws.com"]
}

# Neither role carries the boundary: it is made for workloads, and forbids what these two are for. What
# they may do is written out in plan_role.tf and deploy_role.tf, and an hour is the longest session.
resource "aws_iam_role" "ci" {
  for_each = local._subjects

  name                 = "${var.project}-${each.key}"
  description          = local._purposes[each.key]
  max_session_duration = 3600

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "GitHubActions"
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = local._oidc_provider_arn }
      Condition = {
        StringEquals = {
          "${local._github}:aud" = "sts.amazonaws.com"
          "${local._github}:sub" = each.value
        }
      }
    }]
  })
}

resource "aws_iam_policy" "ci" {
  for_each = merge(local._plan_policies, local._deploy_policies, local._workbench_policies)

  name        = "${var.project}-ci-${each.key}"
  description = "Part of what the pipeline may do: ${each.key}"
  policy      = jsonencode({ Version = "2012-10-17", Statement = each.value })

  lifecycle {
    precondition {
      condition     = length(jsonencode({ Version = "2012-10-17", Statement = each.value })) <= 6144
      error_message = "The policy ${var.project}-ci-${each.key} exceeds 6,144 characters, the limit of IAM: shorten project or split the policy."
    }
  }
}

resource "aws_iam_role_policy_attachment" "ci" {
  for_each = merge(
    { for name in keys(local._plan_policies) : "plan ${name}" => { role = "plan", policy = name } },
    { for name in keys(local._deploy_policies) : "deploy ${name}" => { role = "deploy", policy = name } },
    # Whoever applies plans first.
    { "deploy read" = { role = "deploy", policy = "read" } },
    { for name in keys(local._workbench_policies) : "deploy ${name}" => { role = "deploy", policy = name } },
    { for name in keys(local._workbench_policies) : "plan ${name}" => { role = "plan", policy = name } if name == "workbench-read" },
  )

  role       = aws_iam_role.ci[each.value.role].name
  policy_arn = aws_iam_policy.ci[each.value.policy].arn
}
