# Jobs that operators send themselves. A request passes only in the whole envelope: IAM reads it out of the request.
# Keys and the actions that have them: https://docs.aws.amazon.com/service-authorization/latest/reference/list_sagemaker.html

locals {
  _searches = [for name in values(var.jobs.tuning_names) : "${local._arn.sagemaker}:hyper-parameter-tuning-job/${name}-*"]
  _trials   = [for name in values(var.jobs.tuning_names) : "${local._arn.sagemaker}:training-job/${name}-*"]

  # ForAllValues holds of nothing at all, too: hence Null beside it.
  _among = {
    "sagemaker:InstanceTypes"       = var.jobs.instance_types
    "sagemaker:VpcSecurityGroupIds" = distinct(flatten(values(var.jobs.security_group_ids)))
    "sagemaker:VpcSubnets"          = var.jobs.subnet_ids
  }
  _envelope = concat(
    flatten([for key, values in local._among : [
      { test = "ForAllValues:StringEquals", variable = key, values = values },
      { test = "Null", variable = key, values = ["false"] },
    ]]),
    [for key in ["InterContainerTrafficEncryption", "NetworkIsolation"] : {
      test     = "Bool"
      variable = "sagemaker:${key}"
      values   = ["true"]
    }],
    [for key in ["OutputKmsKey", "VolumeKmsKey"] : {
      test     = "ArnEquals"
      variable = "sagemaker:${key}"
      values   = [var.key_arns.model]
    }],
    [{
      test     = "NumericLessThanEquals"
      variable = "sagemaker:MaxRuntimeInSeconds"
      values   = [tostring(var.jobs.max_runtime_s)]
    }],
  )

  # Only where a workload says what to search. The trials are SageMaker's own doing: nobody is granted to make one.
  _tuned = length(var.jobs.tuning_names) > 0

  _job_statements = concat(
    [
      {
        sid        = "SendJobsInTheEnvelope"
        actions    = concat(["sagemaker:CreateTrainingJob"], local._tuned ? ["sagemaker:CreateHyperParameterTuningJob"] : [])
        resources  = concat(local._jobs, local._searches)
        conditions = local._envelope
      },
      {
        sid       = "TagJobs"
        actions   = ["sagemaker:AddTags"]
        resources = concat(local._jobs, local._searches)
      },
      {
        # Names of training roles are made by the training module: <workload's name>-training. Whoever passes a role by a
        # pattern passes those that come one day as well.
        sid       = "PassTrainingRoles"
        actions   = ["iam:PassRole"]
        resources = [for name in values(var.workloads) : "arn:${local._partition}:iam::${local._account}:role/${name}-training"]
        conditions = [{
          test     = "StringEquals"
          variable = "iam:PassedToService"
          values   = ["sagemaker.amazonaws.com"]
        }]
      },
      {
        sid       = "FollowAndStopJobs"
        actions   = ["sagemaker:DescribeTrainingJob", "sagemaker:StopTrainingJob"]
        resources = concat(local._jobs, local._trials)
      },
      {
        sid             = "ListJobs"
        actions         = ["sagemaker:ListHyperParameterTuningJobs", "sagemaker:ListTrainingJobs"]
        resources       = ["*"]
        wildcard_reason = "The List actions of SageMaker support no resource; they show names and states of jobs"
      },
    ],
    [for statement in [
      {
        sid = "FollowAndStopSearches"
        actions = [
          "sagemaker:DescribeHyperParameterTuningJob",
          "sagemaker:ListTrainingJobsForHyperParameterTuningJob",
          "sagemaker:StopHyperParameterTuningJob",
        ]
        resources = local._searches
      },
      {
        sid       = "ReadTrialLogs"
        actions   = ["logs:GetLogEvents"]
        resources = [for name in values(var.jobs.tuning_names) : "${local._arn.logs}:log-group:/aws/sagemaker/TrainingJobs:log-stream:${name}-*"]
      },
    ] : statement if local._tuned],
  )
}
