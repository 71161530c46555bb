mock_provider "aws" {
  source = "../../mocks"
}

# Known in the plan, so that the whole definition is.
override_resource {
  target          = aws_security_group.cluster
  override_during = plan
  values          = { id = "sg-99999999" }
}

override_resource {
  target          = aws_sagemaker_model_package_group.this
  override_during = plan
  values          = { tags_all = { Project = "slipway" } }
}

variables {
  name               = "slipway-dev-vehicles"
  workload           = "vehicles"
  boundary_arn       = "arn:aws:iam::123456789012:policy/slipway-boundary"
  alarms             = { topic_arn = "arn:aws:sns:eu-west-1:123456789012:slipway-dev-alerts" }
  gate               = { metric = "test:accuracy", minimum = 0.9 }
  log_retention_days = 365

  buckets = {
    data   = { name = "slipway-dev-123456789012-data", arn = "arn:aws:s3:::slipway-dev-123456789012-data" }
    models = { name = "slipway-dev-123456789012-models", arn = "arn:aws:s3:::slipway-dev-123456789012-models" }
  }

  inference = {
    content_types  = ["image/png", "image/jpeg"]
    image          = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-dev-vehicles/serving@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    instance_types = ["ml.m5.large"]
    response_types = ["application/json"]
  }

  job = {
    channels = {
      train   = { prefix = "vehicles/dataset/train/", content_type = "application/x-image" }
      weights = { prefix = "vehicles/weights/" }
    }
    hyperparameters = { epochs = "12" }
    image           = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-dev-vehicles/training@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    instance_count  = 2
    instance_type   = "ml.m5.xlarge"
    max_runtime_s   = 3600
    metrics         = [{ name = "test:accuracy", regex = "test:accuracy=([0-9.]+);" }]
    volume_gb       = 30
  }

  keys = {
    data     = "arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111"
    logs     = "arn:aws:kms:eu-west-1:123456789012:key/22222222-2222-2222-2222-222222222222"
    messages = "arn:aws:kms:eu-west-1:123456789012:key/33333333-3333-3333-3333-333333333333"
    model    = "arn:aws:kms:eu-west-1:123456789012:key/44444444-4444-4444-4444-444444444444"
  }

  network = {
    security_group_id = "sg-11111111"
    subnet_ids        = ["subnet-11111111", "subnet-22222222"]
  }
}

run "job_travels_in_the_secure_envelope" {
  command = plan

  assert {
    condition = (
      jsondecode(aws_sfn_state_machine.this.definition).States.Train.Parameters.EnableNetworkIsolation == true &&
      jsondecode(aws_sfn_state_machine.this.definition).States.Train.Parameters.EnableInterContainerTrafficEncryption == true
    )
    error_message = "Isolation and encryption between instances must be literally true."
  }

  assert {
    condition = jsonencode(jsondecode(aws_sfn_state_machine.this.definition).States.Train.Parameters.VpcConfig) == jsonencode({
      SecurityGroupIds = ["sg-11111111", "sg-99999999"]
      Subnets          = ["subnet-11111111", "subnet-22222222"]
    })
    error_message = "The job must lie in the private subnets, in the client group and its own."
  }

  assert {
    condition = (
      jsondecode(aws_sfn_state_machine.this.definition).States.Train.Parameters.OutputDataConfig.KmsKeyId == var.keys.model &&
      jsondecode(aws_sfn_state_machine.this.definition).States.Train.Parameters.ResourceConfig.VolumeKmsKeyId == var.keys.model
    )
    error_message = "Artefact and volume need their keys."
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.this.definition).States.Train.Parameters.RoleArn == "arn:aws:iam::123456789012:role/slipway-dev-vehicles-training"
    error_message = "The role must be literal: a role out of the input would be anybody's."
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.this.definition).States.Train.Parameters.StoppingCondition == { MaxRuntimeInSeconds = 3600 }
    error_message = "A job must end by itself."
  }

  assert {
    condition = toset(jsondecode(aws_sfn_state_machine.this.definition).States.Train.Parameters.Tags) == toset([
      { Key = "Name", Value = "slipway-dev-vehicles" },
      { Key = "Project", Value = "slipway" },
      { Key = "Workload", Value = "vehicles" },
    ])
    error_message = "A job must carry the provider's default tags, which Terraform gives to its own resources only."
  }
}

run "code_comes_through_a_channel" {
  command = plan

  assert {
    condition     = jsondecode(aws_sfn_state_machine.this.definition).States.Train.Parameters.HyperParameters.sagemaker_submit_directory == "/opt/ml/input/data/code/sourcedir.tar.gz"
    error_message = "An isolated container cannot fetch its code from S3."
  }

  assert {
    condition = {
      for c in jsondecode(aws_sfn_state_machine.this.definition).States.Train.Parameters.InputDataConfig :
      c.ChannelName => try(c.DataSource.S3DataSource["S3Uri.$"], c.DataSource.S3DataSource.S3Uri)
      } == {
      code    = "$.code"
      train   = "States.Format('{}/train/', $.dataset)"
      weights = "s3://slipway-dev-123456789012-data/vehicles/weights/"
    }
    error_message = "Code follows the input, channels of the dataset follow the chosen dataset, others stay."
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.this.definition).States.Train.Parameters.HyperParameters.epochs == "12"
    error_message = "The workload's own hyperparameters must arrive."
  }
}

run "channels_processes_and_warm_instances_reach_the_job" {
  command = plan

  variables {
    job = {
      channels = {
        train = {
          attributes     = ["source-ref", "class"]
          data_type      = "AugmentedManifestFile"
          distribution   = "ShardedByS3Key"
          input_mode     = "Pipe"
          prefix         = "vehicles/dataset/train.manifest"
          record_wrapper = "RecordIO"
          shuffle_seed   = 7
        }
      }
      image                  = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-dev-vehicles/training@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      instance_count         = 2
      instance_type          = "ml.m5.xlarge"
      max_runtime_s          = 3600
      metrics                = [{ name = "test:accuracy", regex = "test:accuracy=([0-9.]+);" }]
      processes_per_instance = 4
      volume_gb              = 30
      warm_s                 = 600
    }
  }

  assert {
    condition = jsonencode(jsondecode(aws_sfn_state_machine.this.definition).States.Train.Parameters.InputDataConfig[0]) == jsonencode({
      ChannelName       = "train"
      InputMode         = "Pipe"
      RecordWrapperType = "RecordIO"
      ShuffleConfig     = { Seed = 7 }
      DataSource = {
        S3DataSource = {
          AttributeNames         = ["source-ref", "class"]
          S3DataDistributionType = "ShardedByS3Key"
          S3DataType             = "AugmentedManifestFile"
          "S3Uri.$"              = "States.Format('{}/train.manifest', $.dataset)"
        }
      }
    })
    error_message = "A channel must arrive as it was described."
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.this.definition).States.Train.Parameters.ResourceConfig.KeepAlivePeriodInSeconds == 600
    error_message = "Instances must be kept for the next job where that was asked for."
  }

  assert {
    condition = [
      jsondecode(aws_sfn_state_machine.this.definition).States.Train.Parameters.HyperParameters.sagemaker_torch_distributed_enabled,
      jsondecode(aws_sfn_state_machine.this.definition).States.Train.Parameters.HyperParameters.sagemaker_torch_processes_per_host,
    ] == ["true", "4"]
    error_message = "Several processes need torchrun, which must know how many it starts on an instance."
  }
}

run "one_process_needs_no_launcher_and_no_instance_is_kept" {
  command = plan

  variables {
    job = {
      channels       = { train = { prefix = "vehicles/dataset/train/" } }
      image          = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-dev-vehicles/training@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      instance_count = 1
      instance_type  = "ml.m5.xlarge"
      max_runtime_s  = 3600
      metrics        = [{ name = "test:accuracy", regex = "test:accuracy=([0-9.]+);" }]
      volume_gb      = 30
    }
  }

  assert {
    condition = length([
      for name in keys(jsondecode(aws_sfn_state_machine.this.definition).States.Train.Parameters.HyperParameters) : name if startswith(name, "sagemaker_torch")
    ]) == 0
    error_message = "One process must run as it always has."
  }

  assert {
    condition     = !can(jsondecode(aws_sfn_state_machine.this.definition).States.Train.Parameters.ResourceConfig.KeepAlivePeriodInSeconds)
    error_message = "Instances that nobody asked to keep must go."
  }
}

run "jobs_stand_on_the_facts_of_the_state_machine" {
  command = plan

  variables {
    tuning_name = "vehicles-dev"
  }

  assert {
    condition = [
      output.job_environment.role_arn, output.job_environment.volume_key_arn, output.job_environment.output_key_arn,
      output.job_environment.image, output.job_environment.artifact_uri,
      ] == [
      for path in ["role_arn", "volume_key", "output_key", "image", "artifacts"] : {
        role_arn   = jsondecode(aws_sfn_state_machine.this.definition).States.Train.Parameters.RoleArn
        volume_key = jsondecode(aws_sfn_state_machine.this.definition).States.Train.Parameters.ResourceConfig.VolumeKmsKeyId
        output_key = jsondecode(aws_sfn_state_machine.this.definition).States.Train.Parameters.OutputDataConfig.KmsKeyId
        image      = jsondecode(aws_sfn_state_machine.this.definition).States.Train.Parameters.AlgorithmSpecification.TrainingImage
        artifacts  = jsondecode(aws_sfn_state_machine.this.definition).States.Train.Parameters.OutputDataConfig.S3OutputPath
      }[path]
    ]
    error_message = "What is told to jobs must be what the state machine uses."
  }

  assert {
    condition     = output.job_environment.tuning_name_prefix == "vehicles-dev-"
    error_message = "Tuning jobs need a name that SageMaker does not find too long."
  }
}

run "every_task_ends_retries_and_is_caught" {
  command = plan

  assert {
    condition = alltrue([
      for state in values(jsondecode(aws_sfn_state_machine.this.definition).States) :
      state.TimeoutSeconds > 0 && length(state.Retry) > 0 && length(state.Catch) > 0 if state.Type == "Task"
    ])
    error_message = "Each task needs a timeout, a retry and a catch."
  }

  assert {
    condition = alltrue(flatten([
      for state in values(jsondecode(aws_sfn_state_machine.this.definition).States) : [
        for retry in state.Retry :
        retry.JitterStrategy == "FULL" && retry.BackoffRate > 1 && retry.MaxDelaySeconds > 0 && !contains(retry.ErrorEquals, "States.ALL")
      ] if state.Type == "Task"
    ]))
    error_message = "Retries must spread out, and must not repeat what cannot succeed."
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.this.definition).TimeoutSeconds > jsondecode(aws_sfn_state_machine.this.definition).States.Train.TimeoutSeconds && jsondecode(aws_sfn_state_machine.this.definition).States.Train.TimeoutSeconds > 3600
    error_message = "The job's own limit must come first, then the task's, then the machine's: only the first tells why."
  }
}

run "every_failure_is_told_in_our_own_words" {
  command = plan

  assert {
    condition = toset([
      for state in values(jsondecode(aws_sfn_state_machine.this.definition).States) :
      try(state.Result.Error, state.Parameters.Error) if try(state.ResultPath, "") == "$.failure"
    ]) == toset(["GateMetricMissing", "GateNotReached", "InputError", "RegistrationFailed", "TrainingFailed"])
    error_message = "Each way to fail needs a name; names that begin with States. are reserved and end the alert too."
  }

  assert {
    condition = alltrue([
      for state in values(jsondecode(aws_sfn_state_machine.this.definition).States) :
      state.Next == "Alert" if try(state.ResultPath, "") == "$.failure"
    ])
    error_message = "Each failure must reach the alert topic."
  }
}

run "model_waits_for_approval" {
  command = plan

  assert {
    condition = (
      jsondecode(aws_sfn_state_machine.this.definition).States.Register.Parameters.ModelApprovalStatus == "PendingManualApproval" &&
      jsondecode(aws_sfn_state_machine.this.definition).States.Register.Parameters.ModelPackageGroupName == "slipway-dev-vehicles"
    )
    error_message = "A machine must not approve its own model."
  }

  assert {
    condition = [for s in local._machine_statements : s.conditions if contains(s.actions, "sagemaker:CreateModelPackage")] == [[
      { test = "StringEqualsIfExists", variable = "sagemaker:ModelApprovalStatus", values = ["PendingManualApproval"] }
    ]]
    error_message = "Whatever the machine's definition says, its role must not be able to approve."
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.this.definition).States.Gate.Choices[0].NumericGreaterThanEquals == 0.9
    error_message = "The gate must stand at its minimum."
  }

  assert {
    condition     = toset(keys(jsondecode(aws_sfn_state_machine.this.definition).States.Report.Parameters)) == toset(["job_name.$", "metric.$", "model_data_url.$", "model_package_arn.$"])
    error_message = "Callers of the state machine count on these four."
  }
}

run "state_machine_is_encrypted_logged_and_traced" {
  command = plan

  assert {
    condition = (
      aws_sfn_state_machine.this.encryption_configuration[0].kms_key_id == var.keys.data &&
      aws_sfn_state_machine.this.tracing_configuration[0].enabled &&
      aws_sfn_state_machine.this.logging_configuration[0].level == "ALL" &&
      !aws_sfn_state_machine.this.logging_configuration[0].include_execution_data
    )
    error_message = "State must be encrypted, traced and logged, and data must stay out of the log."
  }

  assert {
    condition = (
      aws_cloudwatch_log_group.machine.name == "/aws/vendedlogs/states/slipway-dev-vehicles-retrain" &&
      aws_cloudwatch_log_group.machine.kms_key_id == var.keys.logs
    )
    error_message = "The log group needs the vended prefix and its key."
  }

  assert {
    condition     = toset([for a in aws_cloudwatch_metric_alarm.machine : a.metric_name]) == toset(["ExecutionsAborted", "ExecutionsFailed", "ExecutionsTimedOut"]) && alltrue([for a in aws_cloudwatch_metric_alarm.machine : a.alarm_actions == toset([var.alarms.topic_arn])])
    error_message = "Whatever ends badly must call someone."
  }
}

run "repositories_keep_what_was_tested" {
  command = plan

  assert {
    condition = alltrue([
      for r in aws_ecr_repository.this :
      r.image_tag_mutability == "IMMUTABLE" && r.image_scanning_configuration[0].scan_on_push && one(r.encryption_configuration).kms_key == var.keys.model && !r.force_delete
    ])
    error_message = "Images must not change under their tag, and must be scanned and encrypted."
  }

  assert {
    condition     = toset([for r in aws_ecr_repository.this : r.name]) == toset(["slipway-dev-vehicles/serving", "slipway-dev-vehicles/training"]) && length(aws_ecr_lifecycle_policy.this) == 2
    error_message = "Two repositories, each with a lifecycle."
  }
}

run "instances_of_a_job_meet_in_their_own_group" {
  command = plan

  assert {
    condition = (
      aws_vpc_security_group_ingress_rule.cluster.referenced_security_group_id == "sg-99999999" &&
      aws_vpc_security_group_egress_rule.cluster.referenced_security_group_id == "sg-99999999"
    )
    error_message = "The group may speak with itself only."
  }
}

run "roles_reach_this_workload_only" {
  command = plan

  assert {
    condition = [for s in local._job_statements : s.resources if s.sid == "ReadInput"][0] == [
      "arn:aws:s3:::slipway-dev-123456789012-data/vehicles/dataset/*",
      "arn:aws:s3:::slipway-dev-123456789012-data/vehicles/weights/*",
      "arn:aws:s3:::slipway-dev-123456789012-models/vehicles/code/*",
    ]
    error_message = "The job reads the dataset, its extra channels and its code."
  }

  assert {
    condition     = [for s in local._job_statements : s.resources if s.sid == "WriteArtifacts"][0] == ["arn:aws:s3:::slipway-dev-123456789012-models/vehicles/artifacts/*"]
    error_message = "The job writes artefacts and nothing else."
  }

  assert {
    condition     = [for s in local._machine_statements : s.resources if s.sid == "PassJobRole"][0] == ["arn:aws:iam::123456789012:role/slipway-dev-vehicles-training"]
    error_message = "The machine hands on the job's role and no other."
  }

  assert {
    condition     = length([for s in local._job_statements : s if s.sid == "KeepCheckpoints"]) == 0
    error_message = "A job that is never interrupted keeps no checkpoints."
  }
}

run "spot_job_keeps_checkpoints_and_waits" {
  command = plan

  variables {
    job = {
      channels       = { train = { prefix = "vehicles/dataset/train/" } }
      image          = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-dev-vehicles/training@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      instance_count = 1
      instance_type  = "ml.p3.2xlarge"
      max_runtime_s  = 3600
      metrics        = [{ name = "test:accuracy", regex = "test:accuracy=([0-9.]+);" }]
      spot           = true
      volume_gb      = 30
    }
  }

  assert {
    condition = (
      jsondecode(aws_sfn_state_machine.this.definition).States.Train.Parameters.EnableManagedSpotTraining == true &&
      jsondecode(aws_sfn_state_machine.this.definition).States.Train.Parameters.StoppingCondition.MaxWaitTimeInSeconds == 7200 &&
      jsondecode(aws_sfn_state_machine.this.definition).States.Train.Parameters.CheckpointConfig == {
        "S3Uri.$" = "States.Format('s3://slipway-dev-123456789012-models/vehicles/checkpoints/{}', $.job_name)"
        LocalPath = "/opt/ml/checkpoints"
      }
    )
    error_message = "A spot job needs a longest wait, and a place to go on from."
  }

  assert {
    condition     = length([for s in local._job_statements : s if s.sid == "KeepCheckpoints"]) == 1
    error_message = "The job must be able to write its checkpoints."
  }
}
