mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name         = "slipway-dev"
  boundary_arn = "arn:aws:iam::123456789012:policy/slipway-boundary"
  production   = true
  operators    = ["arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_operator_0123456789abcdef"]
  approvers    = ["arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_approver_0123456789abcdef"]
  workloads    = { claims = "slipway-dev-claims", vehicles = "slipway-dev-vehicles" }
  workflows    = { claims = "slipway-dev-claims-assess" }

  jobs = {
    instance_types     = ["ml.c5.xlarge", "ml.m5.xlarge"]
    max_runtime_s      = 3600
    security_group_ids = { claims = ["sg-11111111", "sg-22222222"], vehicles = ["sg-11111111", "sg-33333333"] }
    subnet_ids         = ["subnet-11111111", "subnet-22222222"]
    tuning_names       = { vehicles = "vehicles-dev" }
  }

  bucket_arns = {
    data   = "arn:aws:s3:::slipway-dev-123456789012-data"
    models = "arn:aws:s3:::slipway-dev-123456789012-models"
  }

  key_arns = {
    data  = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    model = "arn:aws:kms:eu-west-1:123456789012:key/66666666-7777-8888-9999-000000000000"
  }
}

run "machines_are_those_that_there_are" {
  command = plan

  assert {
    condition = toset([
      for arn in one([for s in local._operator_statements : s.resources if s.sid == "RunStateMachines"]) : element(split(":", arn), 6)
    ]) == toset(["slipway-dev-*-assess", "slipway-dev-*-retrain"])
    error_message = "The operator starts every retraining, and the workflows of the workloads that have one."
  }
}

run "records_are_read_where_there_are_any" {
  command = plan

  variables {
    table_arns = ["arn:aws:dynamodb:eu-west-1:123456789012:table/slipway-dev-claims-records"]
  }

  assert {
    condition     = [for s in local._record_statements : s.sid] == ["ReadRecords", "DecryptRecords"]
    error_message = "Operators read records, and DynamoDB needs the key for that."
  }
}

run "records_are_those_of_named_tables" {
  command = plan

  variables {
    table_arns = ["arn:aws:dynamodb:eu-west-1:123456789012:table/*"]
  }

  expect_failures = [var.table_arns]
}

run "a_workflow_belongs_to_a_workload" {
  command = plan

  variables {
    workflows = { dogs = "slipway-dev-dogs-classify" }
  }

  expect_failures = [var.workflows]
}

run "duties_are_separate" {
  command = plan

  assert {
    condition = length(setintersection(
      flatten([for s in local._operator_statements : s.actions if try(s.effect, "Allow") == "Allow"]),
      ["sagemaker:CreateModelPackage", "sagemaker:UpdateModelPackage"],
    )) == 0
    error_message = "The operator must not be granted an approval."
  }

  assert {
    condition     = [for s in local._operator_statements : s.actions if try(s.effect, "Allow") == "Deny" && s.resources == ["*"]] == [["sagemaker:CreateModelPackage", "sagemaker:UpdateModelPackage"]]
    error_message = "The operator must be denied an approval, whatever is granted one day."
  }

  assert {
    condition = [
      for action in flatten([for s in local._approver_statements : s.actions if try(s.effect, "Allow") == "Allow"]) : action
      if !can(regex(":(Describe|List)", action))
    ] == ["sagemaker:UpdateModelPackage"]
    error_message = "The approver must change nothing but the approval."
  }

  assert {
    condition = length(setsubtract(
      ["s3:PutObject*", "sagemaker:Create*", "states:Start*"],
      flatten([for s in local._approver_statements : s.actions if try(s.effect, "Allow") == "Deny"]),
    )) == 0
    error_message = "The approver must be denied training and uploading, whatever is granted one day."
  }
}

run "only_named_resources" {
  command = plan

  assert {
    condition = alltrue([
      for s in concat(local._operator_statements, local._approver_statements) : !contains(s.resources, "*") if try(s.effect, "Allow") == "Allow"
    ])
    error_message = "Every grant must name what it is for."
  }

  assert {
    condition = alltrue([
      for arn in flatten([for s in concat(local._operator_statements, local._approver_statements) : s.resources if s.sid != "ListData" && try(s.effect, "Allow") == "Allow"]) :
      can(regex("/claims/|/vehicles/|[:/]slipway-dev-|:key/|log-group:/aws/sagemaker/TrainingJobs:\\*", arn))
    ])
    error_message = "Every grant must be for this environment."
  }

  assert {
    condition     = [for s in local._operator_statements : s.conditions[0].values if s.sid == "ListData"][0] == ["claims/dataset/*", "claims/incoming/*", "claims/results/*", "vehicles/dataset/*", "vehicles/incoming/*", "vehicles/results/*"]
    error_message = "Only the workloads' prefixes may be listed."
  }
}

run "named_people_for_an_hour" {
  command = plan

  assert {
    condition     = output.operator_role_arn == "arn:aws:iam::123456789012:role/slipway-dev-operator" && output.approver_role_arn == "arn:aws:iam::123456789012:role/slipway-dev-approver"
    error_message = "The roles must have the names that people and buckets know."
  }
}

run "no_people_no_roles" {
  command = plan
  variables {
    operators = []
    approvers = []
  }

  assert {
    condition     = output.operator_role_arn == null && output.approver_role_arn == null
    error_message = "A role that nobody may assume must not exist."
  }
}

run "both_outside_production" {
  command = plan
  variables {
    production = false
    operators  = ["arn:aws:iam::123456789012:role/developer"]
    approvers  = ["arn:aws:iam::123456789012:role/developer"]
  }

  assert {
    condition     = output.approver_role_arn == "arn:aws:iam::123456789012:role/slipway-dev-approver"
    error_message = "Where nothing is at stake one person may do both."
  }
}

run "refuses_both_in_production" {
  command = plan
  variables {
    operators = ["arn:aws:iam::123456789012:role/developer", "arn:aws:iam::123456789012:role/trainer"]
    approvers = ["arn:aws:iam::123456789012:role/developer"]
  }
  expect_failures = [var.production]
}

run "refuses_somebody_twice" {
  command = plan
  variables {
    operators = ["arn:aws:iam::123456789012:role/developer", "arn:aws:iam::123456789012:role/developer"]
    approvers = ["arn:aws:iam::123456789012:role/auditor", "arn:aws:iam::123456789012:role/auditor"]
  }
  expect_failures = [var.approvers, var.operators]
}

run "refuses_malformed_names_and_arns" {
  command = plan
  variables {
    boundary_arn = "arn:aws:iam::aws:policy/PowerUserAccess"
    bucket_arns  = { data = "arn:aws:s3:::bucket/*", models = "bucket" }
    key_arns     = { data = "alias/slipway", model = "*" }
    name         = "Slipway"
    workloads    = { vehicles = "*" }
  }
  expect_failures = [var.boundary_arn, var.bucket_arns, var.key_arns, var.name, var.workloads]
}

run "refuses_no_workload" {
  command = plan
  variables {
    workloads = {}
  }
  expect_failures = [var.workloads]
}

run "job_passes_in_its_envelope_only" {
  command = plan

  assert {
    condition = one(distinct([
      for s in local._job_statements : jsonencode({ for c in s.conditions : "${c.test} ${c.variable}" => c.values })
      if contains(s.actions, "sagemaker:CreateTrainingJob") || contains(s.actions, "sagemaker:CreateHyperParameterTuningJob")
      ])) == jsonencode({
      "ForAllValues:StringEquals sagemaker:InstanceTypes"       = ["ml.c5.xlarge", "ml.m5.xlarge"]
      "ForAllValues:StringEquals sagemaker:VpcSecurityGroupIds" = ["sg-11111111", "sg-22222222", "sg-33333333"]
      "ForAllValues:StringEquals sagemaker:VpcSubnets"          = ["subnet-11111111", "subnet-22222222"]
      "Null sagemaker:InstanceTypes"                            = ["false"]
      "Null sagemaker:VpcSecurityGroupIds"                      = ["false"]
      "Null sagemaker:VpcSubnets"                               = ["false"]
      "Bool sagemaker:InterContainerTrafficEncryption"          = ["true"]
      "Bool sagemaker:NetworkIsolation"                         = ["true"]
      "ArnEquals sagemaker:OutputKmsKey"                        = [var.key_arns.model]
      "ArnEquals sagemaker:VolumeKmsKey"                        = [var.key_arns.model]
      "NumericLessThanEquals sagemaker:MaxRuntimeInSeconds"     = ["3600"]
    })
    error_message = "Every part of the envelope must be demanded of both requests."
  }

  assert {
    condition = toset(flatten([for s in local._job_statements : s.resources if startswith(s.sid, "Send")])) == toset([
      for name in ["training-job/slipway-dev-*", "hyper-parameter-tuning-job/vehicles-dev-*"] :
      "arn:aws:sagemaker:eu-west-1:123456789012:${name}"
    ])
    error_message = "Jobs are known by their names: no trial is made but by SageMaker, and no job of another environment."
  }

  assert {
    condition     = one([for s in local._job_statements : length(s.conditions) if contains(s.actions, "iam:PassRole")]) == 1
    error_message = "A role may be passed to SageMaker alone."
  }
}

run "nobody_searches_where_there_is_nothing_to_search" {
  command = plan

  variables {
    jobs = {
      instance_types     = ["ml.m5.xlarge"]
      max_runtime_s      = 3600
      security_group_ids = { claims = ["sg-11111111"], vehicles = ["sg-11111111"] }
      subnet_ids         = ["subnet-11111111"]
    }
  }

  assert {
    condition     = !contains(flatten([for s in local._job_statements : s.actions]), "sagemaker:CreateHyperParameterTuningJob")
    error_message = "Without a workload that is tuned, the grant would be for nothing."
  }
}

run "search_of_a_stranger" {
  command = plan

  variables {
    jobs = {
      instance_types     = ["ml.m5.xlarge"]
      max_runtime_s      = 3600
      security_group_ids = { claims = ["sg-11111111"], vehicles = ["sg-11111111"] }
      subnet_ids         = ["subnet-11111111"]
      tuning_names       = { dogs = "dogs-dev" }
    }
  }

  expect_failures = [var.jobs]
}

run "workload_without_its_groups" {
  command = plan

  variables {
    jobs = {
      instance_types     = []
      max_runtime_s      = 0
      security_group_ids = { vehicles = ["sg-11111111"] }
      subnet_ids         = ["subnet-11111111"]
    }
  }

  expect_failures = [var.jobs]
}

run "workbenches_are_switched_and_entered_by_name" {
  command = plan

  variables {
    workbenches = ["vehicles"]
  }

  assert {
    condition = one([for s in local._workbench_statements : s.resources if s.sid == "SwitchWorkbenches"]) == [
      "arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:*:autoScalingGroupName/slipway-dev-vehicles-workbench",
    ]
    error_message = "One group, by its name."
  }

  assert {
    condition     = one([for s in local._workbench_statements : s.conditions[0].values if s.sid == "OpenSessions"]) == ["slipway-dev-vehicles-workbench"]
    error_message = "Sessions are opened on workbenches alone."
  }

  assert {
    condition = alltrue([
      for s in local._workbench_statements : alltrue([for action in s.actions : !startswith(action, "ec2:") && action != "iam:PassRole"])
    ])
    error_message = "Nobody starts instances of their own, or hands them a role."
  }
}

run "without_workbenches_nothing_is_granted_for_them" {
  command = plan

  assert {
    condition     = length(local._workbench_statements) == 0
    error_message = "No workbench, no grant."
  }
}

run "a_workbench_belongs_to_a_workload" {
  command = plan

  variables {
    workbenches = ["trains"]
  }

  expect_failures = [var.workbenches]
}

run "rights_over_many_workloads_fit_into_one_role" {
  command = plan

  variables {
    workloads  = { bikes = "slipway-rehearsal-bikes", claims = "slipway-rehearsal-claims", claims-detector = "slipway-rehearsal-claims-detector", dogs = "slipway-rehearsal-dogs", pneumonia = "slipway-rehearsal-pneumonia", reviews = "slipway-rehearsal-reviews", vehicles = "slipway-rehearsal-vehicles", wine = "slipway-rehearsal-wine" }
    workflows  = { claims = "slipway-rehearsal-claims-assess", vehicles = "slipway-rehearsal-vehicles-classify" }
    table_arns = ["arn:aws:dynamodb:eu-west-1:123456789012:table/slipway-rehearsal-claims"]

    jobs = {
      instance_types     = [for number in range(24) : "ml.m5.${number}xlarge"]
      max_runtime_s      = 3600
      security_group_ids = { bikes = ["sg-11111111111111111", "sg-bikes"], claims = ["sg-11111111111111111", "sg-claims"], claims-detector = ["sg-11111111111111111", "sg-claims-detector"], dogs = ["sg-11111111111111111", "sg-dogs"], pneumonia = ["sg-11111111111111111", "sg-pneumonia"], reviews = ["sg-11111111111111111", "sg-reviews"], vehicles = ["sg-11111111111111111", "sg-vehicles"], wine = ["sg-11111111111111111", "sg-wine"] }
      subnet_ids         = ["subnet-11111111111111111", "subnet-22222222222222222", "subnet-33333333333333333"]
      tuning_names       = { dogs = "dogs-rehe", pneumonia = "pneumonia-rehe" }
    }
  }

  # What counts is the document, and the role module refuses one that is longer than IAM takes.
  assert {
    condition     = length(module.operator) == 1
    error_message = "Statements exceed what IAM takes: merge some, or name things by patterns."
  }
}
