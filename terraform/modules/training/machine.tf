locals {
  # A container without a network cannot fetch its code from S3, as script mode usually does. SageMaker brings the
  # code in as one more channel, and script mode unpacks the archive it finds there.
  _code_archive = "/opt/ml/input/data/code/sourcedir.tar.gz"

  _hyperparameters = merge(
    var.job.hyperparameters,
    {
      sagemaker_program          = var.job.program
      sagemaker_submit_directory = local._code_archive
      sagemaker_region           = local._region
    },
    # Several processes are started by torchrun.
    var.job.instance_count * var.job.processes_per_instance == 1 ? {} : {
      sagemaker_torch_distributed_enabled = "true"
      sagemaker_torch_processes_per_host  = tostring(var.job.processes_per_instance)
    },
  )

  # Channels of the dataset follow the execution's choice of one, the others stay where they are.
  _channels = concat(
    [for name in sort(keys(var.job.channels)) : merge(
      {
        ChannelName = name
        InputMode   = var.job.channels[name].input_mode
        DataSource = {
          S3DataSource = merge(
            {
              S3DataType             = var.job.channels[name].data_type
              S3DataDistributionType = var.job.channels[name].distribution
            },
            length(var.job.channels[name].attributes) == 0 ? {} : { AttributeNames = var.job.channels[name].attributes },
            startswith(var.job.channels[name].prefix, "${local._dataset_prefix}/")
            ? { "S3Uri.$" = "States.Format('{}${trimprefix(var.job.channels[name].prefix, local._dataset_prefix)}', $.dataset)" }
            : { S3Uri = "s3://${var.buckets.data.name}/${var.job.channels[name].prefix}" },
          )
        }
      },
      var.job.channels[name].content_type == null ? {} : { ContentType = var.job.channels[name].content_type },
      var.job.channels[name].record_wrapper == "None" ? {} : { RecordWrapperType = var.job.channels[name].record_wrapper },
      var.job.channels[name].shuffle_seed == null ? {} : { ShuffleConfig = { Seed = var.job.channels[name].shuffle_seed } },
    )],
    [{
      ChannelName = "code"
      InputMode   = "File"
      DataSource = {
        S3DataSource = {
          S3DataType             = "S3Prefix"
          S3DataDistributionType = "FullyReplicated"
          "S3Uri.$"              = "$.code"
        }
      }
    }],
  )

  # Provider default tags stop at what Terraform makes; jobs are made by the state machine.
  _job_tags = merge(aws_sagemaker_model_package_group.this.tags_all, {
    Name     = var.name
    Workload = var.workload
  })

  _max_wait_s    = coalesce(var.job.max_wait_s, 2 * var.job.max_runtime_s)
  _job_timeout_s = (var.job.spot ? local._max_wait_s : var.job.max_runtime_s) + 3600 # starting, uploading
}

resource "aws_cloudwatch_log_group" "machine" {
  # The prefix keeps Step Functions from growing a resource policy that CloudWatch Logs caps at 5,120 characters.
  name              = "/aws/vendedlogs/states/${local._machine_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.keys.logs
}

resource "aws_sfn_state_machine" "this" {
  name     = local._machine_name
  role_arn = module.machine_role.arn

  definition = templatefile("${path.module}/retrain.asl.json", {
    artifact_uri        = local._artifact_uri
    channels            = jsonencode(local._channels)
    checkpoint_uri      = local._checkpoint_uri
    code_uri            = local._code_uri
    console_uri         = "https://${local._region}.console.aws.amazon.com/states/home?region=${local._region}#/v2/executions/details/"
    content_types       = jsonencode(var.inference.content_types)
    dataset_uri         = local._dataset_uri
    gate_metric         = var.gate.metric
    gate_minimum        = var.gate.minimum
    hyperparameters     = jsonencode(local._hyperparameters)
    instance_count      = var.job.instance_count
    instance_type       = var.job.instance_type
    instance_types      = jsonencode(var.inference.instance_types)
    job_timeout_s       = local._job_timeout_s
    machine_timeout_s   = local._job_timeout_s + 7200 # room for waiting on capacity
    max_runtime_s       = var.job.max_runtime_s
    max_wait_s          = local._max_wait_s
    metric_definitions  = jsonencode([for m in var.job.metrics : { Name = m.name, Regex = m.regex }])
    model_package_group = aws_sagemaker_model_package_group.this.model_package_group_name
    name                = var.name
    output_key_arn      = var.keys.model
    partition           = local._partition
    response_types      = jsonencode(var.inference.response_types)
    role_arn            = module.job_role.arn
    security_group_ids  = jsonencode(local._security_group_ids)
    serving_image       = var.inference.image
    spot                = var.job.spot
    subject             = "Retraining failed: ${var.name}"
    subnet_ids          = jsonencode(var.network.subnet_ids)
    tags                = jsonencode([for key, value in local._job_tags : { Key = key, Value = value }])
    topic_arn           = var.alarms.topic_arn
    training_image      = var.job.image
    volume_gb           = var.job.volume_gb
    volume_key_arn      = var.keys.model
    warm_s              = var.job.warm_s
    workload            = var.workload
  })

  encryption_configuration {
    type                              = "CUSTOMER_MANAGED_KMS_KEY"
    kms_key_id                        = var.keys.data
    kms_data_key_reuse_period_seconds = 300
  }

  logging_configuration {
    level                  = "ALL"
    include_execution_data = false # inputs name data; the execution's own history holds them, encrypted
    log_destination        = "${aws_cloudwatch_log_group.machine.arn}:*"
  }

  tracing_configuration {
    enabled = true
  }
}
