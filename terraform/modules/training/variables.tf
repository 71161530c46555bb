variable "alarms" {
  type        = object({ topic_arn = string })
  description = "Topic for alarms and for the failures of single runs."
  nullable    = false
}

variable "boundary_arn" {
  type        = string
  description = "ARN of the permissions boundary of both roles."
  nullable    = false
}

variable "buckets" {
  type = object({
    data = object({
      arn  = string
      name = string
    })
    models = object({
      arn  = string
      name = string
    })
  })
  description = "Bucket with the training data and bucket for code and artefacts."
  nullable    = false
}

variable "force_delete_images" {
  type        = bool
  description = "Whether destroy may remove repositories that still hold images."
  default     = false
  nullable    = false
}

variable "gate" {
  type = object({
    metric  = string
    minimum = number
  })
  description = "Metric that a new model must reach, and its least value, before it is registered for approval."
  nullable    = false

  validation {
    # The name stands between quotes in a JSONPath filter.
    condition     = can(regex("^[A-Za-z0-9_:./-]{1,255}$", var.gate.metric))
    error_message = "gate.metric \"${var.gate.metric}\" may hold letters, digits and _ : . / - only: rename the metric."
  }

  validation {
    condition     = contains([for m in var.job.metrics : m.name], var.gate.metric)
    error_message = "gate.metric \"${var.gate.metric}\" is none of job.metrics: add it there with its regex, else no run could ever pass."
  }
}

variable "inference" {
  type = object({
    content_types  = list(string)
    image          = string
    instance_types = list(string)
    response_types = list(string)
  })
  description = "How a registered model is to be served: image, instance types, and the MIME types it accepts and answers with."
  nullable    = false

  validation {
    condition = alltrue([
      for list in [var.inference.content_types, var.inference.instance_types, var.inference.response_types] : length(list) > 0
    ])
    error_message = "inference.content_types, instance_types and response_types need an entry each: SageMaker registers no model package without them."
  }

  validation {
    condition     = can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com(\\.cn)?/[a-z0-9._/-]+@sha256:[0-9a-f]{64}$", var.inference.image))
    error_message = "inference.image ${var.inference.image} must be an ECR image by its digest (<account>.dkr.ecr.<region>.amazonaws.com/<repository>@sha256:<64 hex digits>): a tag can move under the model."
  }
}

variable "job" {
  type = object({
    channels = map(object({
      attributes     = optional(list(string), [])
      content_type   = optional(string)
      data_type      = optional(string, "S3Prefix")
      distribution   = optional(string, "FullyReplicated")
      input_mode     = optional(string, "File")
      prefix         = string
      record_wrapper = optional(string, "None")
      shuffle_seed   = optional(number)
    }))
    hyperparameters = optional(map(string), {})
    image           = string
    instance_count  = number
    instance_type   = string
    max_runtime_s   = number
    max_wait_s      = optional(number)
    metrics = list(object({
      name  = string
      regex = string
    }))
    processes_per_instance = optional(number, 1)
    program                = optional(string, "train.py")
    spot                   = optional(bool, false)
    volume_gb              = number
    warm_s                 = optional(number, 0)
  })
  description = "The training job: image, instances and how long they are kept for the next job, limits (seconds, GB), script, processes, hyperparameters, metrics, and the channels by their prefix in the data bucket (a trailing slash ends a folder)."
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com(\\.cn)?/[a-z0-9._/-]+@sha256:[0-9a-f]{64}$", var.job.image))
    error_message = "job.image ${var.job.image} must be an ECR image by its digest (<account>.dkr.ecr.<region>.amazonaws.com/<repository>@sha256:<64 hex digits>): a run must be repeatable."
  }

  validation {
    condition     = can(regex("^ml\\.[a-z0-9-]+\\.[a-z0-9-]+$", var.job.instance_type))
    error_message = "job.instance_type ${var.job.instance_type} is no SageMaker instance type: write ml.<family>.<size>, such as ml.m5.xlarge."
  }

  validation {
    # SageMaker refuses VolumeKmsKeyId where the volume is local NVMe (CreateTrainingJob, ResourceConfig).
    condition     = !can(regex("^ml\\.([a-z]+[0-9]+[a-z]*d[a-z]*|g5|g6e?|gr6|p5[a-z]*|p6[a-z0-9-]*|trn[0-9]+[a-z]*|i[0-9]+[a-z]*)\\.", var.job.instance_type))
    error_message = "job.instance_type ${var.job.instance_type} has local NVMe storage, for which SageMaker refuses the customer managed volume key: choose a family with EBS volumes only (m5, m6i, c5, c6i, c7i, r5, p3)."
  }

  validation {
    condition     = var.job.instance_count >= 1 && var.job.instance_count <= 20
    error_message = "job.instance_count is ${var.job.instance_count} but must lie between 1 and 20 (SageMaker's default quota per job)."
  }

  validation {
    condition     = var.job.volume_gb >= 1 && var.job.volume_gb <= 16384
    error_message = "job.volume_gb is ${var.job.volume_gb} but must lie between 1 and 16384 (the limits of EBS)."
  }

  validation {
    condition     = var.job.max_runtime_s >= 60 && var.job.max_runtime_s <= 2419200
    error_message = "job.max_runtime_s is ${var.job.max_runtime_s} but must lie between 60 and 2419200 (28 days, the limit of SageMaker)."
  }

  validation {
    condition     = var.job.spot ? try(var.job.max_wait_s >= var.job.max_runtime_s, true) : var.job.max_wait_s == null
    error_message = "job.max_wait_s goes with job.spot only, and must not be shorter than job.max_runtime_s: it counts the wait for capacity as well."
  }

  validation {
    condition     = length(var.job.channels) >= 1 && length(var.job.channels) <= 19 && !contains(keys(var.job.channels), "code")
    error_message = "job.channels needs 1 to 19 channels, none of them called code: SageMaker allows 20, and the module adds code, which carries the script."
  }

  validation {
    condition     = alltrue([for c in values(var.job.channels) : startswith(c.prefix, "${var.workload}/")])
    error_message = "Each prefix in job.channels must begin with ${var.workload}/ : the training role reads nothing else."
  }

  validation {
    condition     = alltrue([for c in values(var.job.channels) : contains(["FastFile", "File", "Pipe"], c.input_mode)])
    error_message = "job.channels[*].input_mode must be File, FastFile or Pipe."
  }

  validation {
    condition     = alltrue([for c in values(var.job.channels) : contains(["AugmentedManifestFile", "ManifestFile", "S3Prefix"], c.data_type)])
    error_message = "job.channels[*].data_type must be S3Prefix, ManifestFile or AugmentedManifestFile."
  }

  validation {
    condition     = alltrue([for c in values(var.job.channels) : contains(["FullyReplicated", "ShardedByS3Key"], c.distribution)])
    error_message = "job.channels[*].distribution must be FullyReplicated or ShardedByS3Key."
  }

  validation {
    # https://docs.aws.amazon.com/sagemaker/latest/dg/augmented-manifest.html
    condition = alltrue([
      for c in values(var.job.channels) : c.data_type == "AugmentedManifestFile" ?
      c.input_mode == "Pipe" && c.record_wrapper == "RecordIO" && length(c.attributes) > 0 : length(c.attributes) == 0
    ])
    error_message = "job.channels: an augmented manifest needs input_mode Pipe, record_wrapper RecordIO and its attributes, and only such a manifest has attributes."
  }

  validation {
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Channel.html
    condition     = alltrue([for c in values(var.job.channels) : c.record_wrapper == "None" || (c.record_wrapper == "RecordIO" && c.input_mode == "Pipe")])
    error_message = "job.channels[*].record_wrapper must be None or RecordIO, and RecordIO goes with input_mode Pipe alone."
  }

  validation {
    condition     = var.job.processes_per_instance >= 1 && var.job.processes_per_instance <= 16
    error_message = "job.processes_per_instance is ${var.job.processes_per_instance} but must lie between 1 and 16."
  }

  validation {
    # https://docs.aws.amazon.com/sagemaker/latest/dg/train-warm-pools.html
    condition     = var.job.warm_s >= 0 && var.job.warm_s <= (var.job.spot ? 0 : 3600)
    error_message = "job.warm_s is ${var.job.warm_s} but must lie between 0 and 3600, and be 0 with job.spot: spot capacity cannot be kept."
  }

  validation {
    condition     = length(var.job.metrics) >= 1 && length(var.job.metrics) <= 40
    error_message = "job.metrics needs 1 to 40 metrics (the limit of SageMaker), the gate's among them."
  }

  validation {
    condition     = alltrue([for name in keys(var.job.hyperparameters) : !startswith(name, "sagemaker_")])
    error_message = "job.hyperparameters may not set sagemaker_... : the module sets the program and where its code lies."
  }

  validation {
    condition     = length(var.job.hyperparameters) <= 95
    error_message = "job.hyperparameters exceeds 95: SageMaker allows 100, and the module adds those of script mode."
  }
}

variable "keys" {
  type = object({
    data     = string
    logs     = string
    messages = string
    model    = string
  })
  description = "ARNs of the keys: data (dataset, state), model (code, artefacts, images, training volume), logs, messages (alert topic)."
  nullable    = false
}

variable "log_retention_days" {
  type        = number
  description = "Days to keep the state machine's logs."
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days is ${var.log_retention_days}, which CloudWatch Logs does not offer: choose 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "name" {
  type        = string
  description = "Name of the workload in its environment: repositories, model package group, roles and state machine derive theirs from it, and names of jobs begin with it."
  nullable    = false

  validation {
    # The longest derived name that AWS caps at 64 is <name>-training; job names (63) need room for a run's own part.
    condition     = can(regex("^[a-z0-9](-?[a-z0-9])*$", var.name)) && length(var.name) <= 40
    error_message = "name \"${var.name}\" has ${length(var.name)} characters but must have 1 to 40 lower-case letters, digits and single hyphens: 23 of the 63 characters of a job's name belong to the run. Shorten the workload's name."
  }
}

variable "network" {
  type = object({
    security_group_id = string
    subnet_ids        = list(string)
  })
  description = "Private subnets, in at least two zones, and the client security group of training."
  nullable    = false

  validation {
    condition     = length(var.network.subnet_ids) >= 2
    error_message = "network.subnet_ids needs subnets in at least two zones: with one, a lack of capacity there stops every run."
  }
}

variable "tuning_name" {
  type        = string
  description = "What the names of this workload's tuning jobs, and so of their trials, begin with. Null: it has none."
  default     = null

  validation {
    # HyperParameterTuningJobName ends at 32; a hyphen and six characters tell the runs apart.
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateHyperParameterTuningJob.html
    condition     = var.tuning_name == null ? true : can(regex("^[a-z0-9](-?[a-z0-9])*$", var.tuning_name)) && length(var.tuning_name) <= 25
    error_message = "tuning_name must have 1 to 25 lower-case letters, digits and single hyphens: SageMaker ends names of tuning jobs at 32."
  }
}

variable "workload" {
  type        = string
  description = "Name of the workload: the first part of its keys in both buckets."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*$", var.workload))
    error_message = "workload \"${var.workload}\" must be lower-case letters, digits and hyphens, as its folder under training/workloads."
  }
}
