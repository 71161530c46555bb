# Everything an approval rests on, and the approval itself.

locals {
  _approver_statements = [
    {
      # The service authorization reference gives the action the type model-package, and AWS's examples name the group.
      sid       = "FindModels"
      actions   = ["sagemaker:ListModelPackages"]
      resources = concat(local._groups, local._packages, [for arn in local._packages : trimsuffix(arn, "/*")])
    },
    {
      sid       = "ReadModels"
      actions   = ["sagemaker:DescribeModelPackage"]
      resources = local._packages
    },
    {
      # How the model came about: data, code, hyperparameters, metrics, and whether the envelope was whole.
      sid       = "ReadTraining"
      actions   = ["sagemaker:DescribeTrainingJob"]
      resources = local._jobs
    },
    {
      sid       = "Approve"
      actions   = ["sagemaker:UpdateModelPackage"]
      resources = local._packages
    },
    # Absence alone would do today. Written out, no policy that is added one day makes an approver a trainer.
    {
      sid    = "NeverTrainNorUpload"
      effect = "Deny"
      actions = [
        "lambda:Invoke*", "s3:DeleteObject*", "s3:PutObject*", "sagemaker:Create*", "sagemaker:InvokeEndpoint*", "states:Start*",
      ]
      resources = ["*"]
    },
  ]
}
