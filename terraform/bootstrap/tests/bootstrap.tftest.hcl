mock_provider "aws" {
  source = "../mocks"

  override_resource {
    target          = aws_kms_key.state
    override_during = plan
    values          = { arn = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555" }
  }

  override_resource {
    target          = aws_iam_openid_connect_provider.github
    override_during = plan
    values          = { arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" }
  }
}

variables {
  account_id     = "123456789012"
  administrators = ["arn:aws:iam::123456789012:role/slipway-administrator"]
  environments   = ["staging", "dev"]
  region         = "eu-west-1"
  repository     = "example/slipway"
}

run "names_the_settings_expect" {
  command = plan

  assert {
    condition     = output.state_bucket == "slipway-123456789012-state" && output.state_key_alias == "alias/slipway-state"
    error_message = "The environments' settings name this bucket and this alias."
  }

  assert {
    condition     = output.boundary_arn == "arn:aws:iam::123456789012:policy/slipway-boundary"
    error_message = "The environments' settings name this boundary."
  }

  assert {
    condition     = aws_iam_role.ci["deploy"].name == "slipway-deploy" && aws_iam_role.ci["plan"].name == "slipway-plan"
    error_message = "The environments' settings name these roles."
  }

  assert {
    condition     = strcontains(output.backend, "use_lockfile = true") && strcontains(output.backend, "bucket       = \"slipway-123456789012-state\"")
    error_message = "The backend must lock, in the bucket."
  }
}

run "trust_is_exact" {
  command = plan

  assert {
    condition = jsondecode(aws_iam_role.ci["deploy"].assume_role_policy).Statement[0].Condition == {
      StringEquals = {
        "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
        "token.actions.githubusercontent.com:sub" = ["repo:example/slipway:environment:dev", "repo:example/slipway:environment:staging"]
      }
    }
    error_message = "Only jobs of the repository's own environments may deploy."
  }

  assert {
    condition     = jsondecode(aws_iam_role.ci["plan"].assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == ["repo:example/slipway:ref:refs/heads/main"]
    error_message = "Only jobs of main may plan unless asked for."
  }

  assert {
    condition     = jsondecode(aws_iam_role.ci["plan"].assume_role_policy).Statement[0].Principal.Federated == "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
    error_message = "GitHub's provider must be the principal."
  }
}

run "plan_reads_settings_and_state_only" {
  command = plan

  assert {
    condition = length([
      for action in flatten([for s in jsondecode(aws_iam_policy.ci["read"].policy).Statement : s.Action]) : action
      if !can(regex("^[a-z0-9-]+:(Describe|Get|List|View|Validate)|^kms:Decrypt$", action))
    ]) == 0
    error_message = "The plan role must not be able to change anything."
  }

  assert {
    condition = [
      for s in jsondecode(aws_iam_policy.ci["read"].policy).Statement : s.Resource
      if length(setintersection(flatten([s.Action]), ["s3:GetObject", "kms:Decrypt"])) > 0
      ] == [
      "arn:aws:s3:::slipway-123456789012-state/*",
      "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555",
    ]
    error_message = "The plan role must read no object but the state."
  }

  assert {
    condition     = [for name, attachment in aws_iam_role_policy_attachment.ci : name if attachment.role == "slipway-plan"] == ["plan read"]
    error_message = "The plan role must have the reading policy only."
  }
}

run "deploy_is_bounded" {
  command = plan

  assert {
    condition = [
      for s in jsondecode(aws_iam_policy.ci["identity"].policy).Statement : s.Condition.StringEquals["iam:PermissionsBoundary"]
      if s.Effect == "Allow" && contains(flatten([s.Action]), "iam:CreateRole")
    ] == ["arn:aws:iam::123456789012:policy/slipway-boundary"]
    error_message = "Roles may be made under the boundary only."
  }

  assert {
    condition = alltrue(flatten([
      for policy in aws_iam_policy.ci : [
        for s in jsondecode(policy.policy).Statement : [for action in flatten([s.Action]) : !can(regex("^[*]|:[*]$", action))]
        if s.Effect == "Allow"
      ]
    ]))
    error_message = "No policy may grant a service as a whole."
  }

  assert {
    condition = alltrue(flatten([
      for name, policy in aws_iam_policy.ci : [
        for s in jsondecode(policy.policy).Statement : can(s.Condition.StringEquals["aws:RequestedRegion"])
        if s.Effect == "Allow" && s.Resource == "*" && name != "read"
      ]
    ]))
    error_message = "Whatever is not bound by name must be bound to the region."
  }

  assert {
    condition     = contains(flatten([for s in jsondecode(aws_iam_policy.ci["network"].policy).Statement : s.Action if s.Effect == "Deny"]), "ec2:CreateInternetGateway")
    error_message = "The pipeline must not open the network."
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_policy.ci["storage"].policy).Statement : s.Sid if s.Effect == "Deny"] == ["NeverTheStateBucketItself", "NeverTheStateKeyItself"]
    error_message = "The pipeline must not spoil its own state."
  }
}

run "the_pipeline_does_no_persons_work" {
  command = plan

  assert {
    condition = length([
      for action in flatten([
        for policy in aws_iam_policy.ci : [for s in jsondecode(policy.policy).Statement : s.Action if s.Effect == "Allow"]
      ]) : action
      if can(regex("^(lambda:Invoke|sagemaker:(Invoke|CreateTrainingJob|UpdateModelPackage|UpdateModel\\*|Update\\*|Create\\*)|states:(Start|Stop|Redrive))", action))
    ]) == 0
    error_message = "Training, approving, classifying and calling are for the people's roles."
  }

  assert {
    condition = distinct(flatten([
      for policy in aws_iam_policy.ci : [
        for s in jsondecode(policy.policy).Statement : s.Resource
        if s.Effect == "Allow" && length([for action in flatten([s.Action]) : action if can(regex("^s3:(Get|Put|Delete)Object", action))]) > 0
      ]
    ])) == tolist(["arn:aws:s3:::slipway-123456789012-state/*"])
    error_message = "The pipeline must touch no object but the state."
  }
}

run "disposable_environments_can_be_emptied" {
  command = plan

  variables {
    disposable_environments = ["dev"]
  }

  assert {
    condition = [
      for s in jsondecode(aws_iam_policy.ci["storage"].policy).Statement : [s.Action, s.Resource] if s.Sid == "EmptyBuckets"
    ] == [[["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:ListBucketVersions"], ["arn:aws:s3:::slipway-dev-*", "arn:aws:s3:::slipway-dev-*/*"]]]
    error_message = "Only the named environments' buckets may be emptied."
  }
}

run "refuses_disposable_environment_of_another_account" {
  command = plan
  variables {
    disposable_environments = ["prod"]
  }
  expect_failures = [var.disposable_environments]
}

run "pull_requests_when_asked_for" {
  command = plan

  variables {
    plan_pull_requests = true
    plan_refs          = []
  }

  assert {
    condition     = jsondecode(aws_iam_role.ci["plan"].assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == ["repo:example/slipway:pull_request"]
    error_message = "Pull requests were asked for, and nothing else."
  }
}

run "uses_the_provider_there_is" {
  command = plan

  variables {
    oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0
    error_message = "An account holds one provider per address."
  }
}

run "refuses_wildcards_everywhere" {
  command = plan
  variables {
    account_id        = "12345678901"
    administrators    = ["arn:aws:iam::123456789012:role/*"]
    environments      = ["*"]
    oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/accounts.google.com"
    plan_refs         = ["refs/heads/*"]
    project           = "sl*"
    region            = "eu-west-1a"
    repository        = "example/*"
  }
  expect_failures = [
    var.account_id, var.administrators, var.environments, var.oidc_provider_arn, var.plan_refs, var.project, var.region,
    var.repository,
  ]
}

run "refuses_nobody" {
  command = plan
  variables {
    administrators = []
    environments   = []
    plan_refs      = []
    repository     = "https://github.com/example/slipway"
  }
  expect_failures = [var.administrators, var.environments, var.plan_refs, var.repository]
}

run "refuses_environment_twice" {
  command = plan
  variables {
    environments = ["dev", "dev"]
  }
  expect_failures = [var.environments]
}

run "no_instances_unless_asked_for" {
  command = plan

  assert {
    condition     = !strcontains(join("", [for policy in aws_iam_policy.ci : policy.policy]), "RunInstances")
    error_message = "Without workbenches the pipeline starts no instances."
  }
}

run "workbenches_when_asked_for" {
  command = plan

  variables {
    workbenches = true
  }

  assert {
    condition = [
      for s in jsondecode(aws_iam_policy.ci["workbench"].policy).Statement :
      [s.Resource, s.Condition.StringEquals["iam:PassedToService"]] if s.Sid == "PassRolesToInstances"
    ] == [["arn:aws:iam::123456789012:role/slipway-*-workbench", "ec2.amazonaws.com"]]
    error_message = "Instances get the roles of workbenches and no other."
  }

  assert {
    condition = toset([
      for name, attached in aws_iam_role_policy_attachment.ci : name if strcontains(name, "workbench")
    ]) == toset(["deploy workbench", "deploy workbench-read", "plan workbench-read"])
    error_message = "Whoever only plans changes nothing."
  }
}
