mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name = "slipway-boundary"
}

run "ceiling" {
  command = plan

  assert {
    condition     = length(aws_iam_policy.this.policy) <= 6144
    error_message = "The document must fit into a managed policy."
  }

  assert {
    condition = length([
      for action in jsondecode(aws_iam_policy.this.policy).Statement[0].Action : action
      if startswith(action, "iam:") || can(regex("^[*]|:[*]$", action))
    ]) == 0
    error_message = "The ceiling must hold no identity management and no service as a whole."
  }

  assert {
    condition     = jsondecode(aws_iam_policy.this.policy).Statement[1].Resource == "arn:aws:iam::123456789012:role/slipway-*"
    error_message = "Only this project's roles may be passed on."
  }
}

run "denials" {
  command = plan

  assert {
    condition = [for s in jsondecode(aws_iam_policy.this.policy).Statement : s.Sid if s.Effect == "Deny"] == [
      "DenyIdentityChanges", "DenyOtherRegions", "DenyDataOfOtherAccounts",
      "DenyWithoutInterContainerTrafficEncryption", "DenyWithoutNetworkIsolation", "DenyWithoutOutputKmsKey",
      "DenyWithoutVolumeKmsKey", "DenyWithoutVpcSecurityGroupIds", "DenyWithoutVpcSubnets",
    ]
    error_message = "A denial is missing."
  }

  assert {
    condition = alltrue([
      for s in jsondecode(aws_iam_policy.this.policy).Statement :
      length(s.Condition) == 1 && length(values(s.Condition)[0]) == 1 if startswith(s.Sid, "DenyWithout")
    ])
    error_message = "Each setting of a job needs a statement of its own: two tests in one statement must both hold to deny."
  }

  assert {
    condition = alltrue([
      for s in jsondecode(aws_iam_policy.this.policy).Statement : contains(s.Action, "sagemaker:CreateTrainingJob")
      if startswith(s.Sid, "DenyWithout")
    ])
    error_message = "Every setting must be demanded of training jobs."
  }

  assert {
    condition = [
      for s in jsondecode(aws_iam_policy.this.policy).Statement : s.Condition if s.Sid == "DenyOtherRegions"
    ] == [{ StringNotEquals = { "aws:RequestedRegion" = "eu-west-1" } }]
    error_message = "Other regions must be denied."
  }
}

run "arn_is_known_before_the_policy_is" {
  command = plan

  assert {
    condition     = output.arn == "arn:aws:iam::123456789012:policy/slipway-boundary"
    error_message = "The ARN must be part of the plan."
  }
}

run "other_project" {
  command = plan

  variables {
    passable_roles = "harbour-prod-"
  }

  assert {
    condition     = jsondecode(aws_iam_policy.this.policy).Statement[1].Resource == "arn:aws:iam::123456789012:role/harbour-prod-*"
    error_message = "The prefix of the roles must be the one given."
  }
}

run "refuses_wildcards" {
  command = plan
  variables {
    name           = "slipway boundary"
    passable_roles = "*"
  }
  expect_failures = [var.name, var.passable_roles]
}
