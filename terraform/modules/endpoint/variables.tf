variable "alarms" {
  type = object({
    topic_arn      = string
    error_count    = optional(number, 5)
    latency_p99_ms = optional(number, 500)
  })
  description = "Where alarms go and when: answers with 5XX per minute, and the 99th percentile of the model's latency in milliseconds."
  nullable    = false

  validation {
    condition     = var.alarms.error_count >= 1
    error_message = "alarms.error_count is ${var.alarms.error_count} but must be at least 1: a threshold of 0 rolls every deployment back."
  }

  validation {
    # InvokeEndpoint gives a model 60 s. A smaller number than 1 is a latency given in seconds.
    condition     = var.alarms.latency_p99_ms >= 1 && var.alarms.latency_p99_ms <= 60000
    error_message = "alarms.latency_p99_ms is ${var.alarms.latency_p99_ms} but must lie between 1 and 60000 milliseconds (SageMaker ends a call after 60 s): the module converts to the microseconds of CloudWatch."
  }
}

variable "boundary_arn" {
  type        = string
  description = "ARN of the permissions boundary of the execution role."
  nullable    = false
}

variable "capture" {
  type = object({
    percentage = number
    prefix     = string
  })
  description = "Share of calls, in percent, whose input and output are kept, and the prefix in the data bucket."
  nullable    = false

  validation {
    condition     = var.capture.percentage >= 0 && var.capture.percentage <= 100
    error_message = "capture.percentage is ${var.capture.percentage} but must lie between 0 and 100: it is a percentage, not a share."
  }

  validation {
    condition     = can(regex("^[^/].*[^/]/?$", var.capture.prefix))
    error_message = "capture.prefix \"${var.capture.prefix}\" must be a prefix without a leading slash, such as vehicles/capture/ : the role may write nowhere else."
  }
}

variable "data_bucket" {
  type = object({
    arn  = string
    name = string
  })
  description = "Bucket that receives captured calls, encrypted with keys.data."
  nullable    = false
}

variable "instance_type" {
  type        = string
  description = "Instance type of the endpoint."
  nullable    = false

  validation {
    condition     = can(regex("^ml\\.[a-z0-9-]+\\.[a-z0-9-]+$", var.instance_type))
    error_message = "instance_type ${var.instance_type} is no SageMaker instance type: write ml.<family>.<size>, such as ml.m5.large."
  }

  validation {
    # CreateEndpointConfig, KmsKeyId: the key does not encrypt local storage, which has a hardware key of its own.
    condition     = !can(regex("^ml\\.([a-z]+[0-9]+[a-z]*d[a-z]*|g5|g6e?|gr6|p5[a-z]*|p6[a-z0-9-]*|trn[0-9]+[a-z]*|i[0-9]+[a-z]*)\\.", var.instance_type))
    error_message = "instance_type ${var.instance_type} has local NVMe storage (m5d, c5d, r5d, m6id, c6gd, g4dn, g5, g6, p4d, p5, trn1 and their kin), which the customer managed volume key does not cover: choose a family with EBS volumes only (m5, m6i, m7i, c5, c6i, c7i, r5, c6g, m6g, inf1, inf2, p3)."
  }
}

variable "keys" {
  type = object({
    data     = string
    logs     = string
    messages = string
    model    = string
  })
  description = "ARNs of the keys: data (captured calls), model (artefact, volume), logs, messages."
  nullable    = false
}

variable "live_instance_count" {
  type        = number
  description = "Instances that the endpoint runs right now, 0 when nobody looked: a new fleet starts with no fewer, as far as the limits allow."
  default     = 0
  nullable    = false

  validation {
    condition     = var.live_instance_count >= 0 && floor(var.live_instance_count) == var.live_instance_count
    error_message = "live_instance_count is ${var.live_instance_count} but must be a whole number of instances: give what DescribeEndpoint says, or leave it out."
  }
}

variable "log_retention_days" {
  type        = number
  description = "Days to keep the containers' logs."
  default     = 365
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days is ${var.log_retention_days}, which CloudWatch Logs does not offer: choose 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "model" {
  type = object({
    environment       = optional(map(string), {})
    image             = string
    model_data_url    = string
    model_package_arn = optional(string)
    promoted          = optional(string)
    version           = string
  })
  description = "The promoted model: version, serving image, artefact, environment of the container, the package it was approved as, and when it was promoted, which gives a model that comes back a new name."
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9]([._-]?[A-Za-z0-9])*$", var.model.version)) && length(var.model.version) <= 32
    error_message = "model.version \"${var.model.version}\" must have 1 to 32 letters and digits, with single . _ - between them: it becomes part of the model's name."
  }

  validation {
    condition     = can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com(\\.cn)?/[a-z0-9._/-]+@sha256:[0-9a-f]{64}$", var.model.image))
    error_message = "model.image ${var.model.image} must be an ECR image by its digest (<account>.dkr.ecr.<region>.amazonaws.com/<repository>@sha256:<64 hex digits>): a tag can move under the endpoint."
  }

  validation {
    condition     = startswith(var.model.model_data_url, "s3://${var.models_bucket.name}/${var.workload}/") && endswith(var.model.model_data_url, ".tar.gz")
    error_message = "model.model_data_url ${var.model.model_data_url} must be a .tar.gz below s3://${var.models_bucket.name}/${var.workload}/ : the endpoint's role reads this environment's artefacts of this workload only. Copy the artefact there first."
  }
}

variable "models_bucket" {
  type = object({
    arn  = string
    name = string
  })
  description = "Bucket that holds the artefacts, encrypted with keys.model."
  nullable    = false
}

variable "name" {
  type        = string
  description = "Name of the endpoint; model, configuration, role, log group and alarms derive theirs from it."
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9](-?[A-Za-z0-9])*$", var.name)) && length(var.name) <= 54
    error_message = "name \"${var.name}\" has ${length(var.name)} characters but must have 1 to 54 letters, digits and single hyphens: SageMaker allows 63 and the execution role, <name>-endpoint, 64. Shorten the workload's name."
  }
}

variable "network" {
  type = object({
    security_group_id = string
    subnet_ids        = list(string)
  })
  description = "Private subnets, in at least two zones, and the client security group of endpoints."
  nullable    = false

  validation {
    condition     = length(var.network.subnet_ids) >= 2
    error_message = "network.subnet_ids needs subnets in at least two zones: SageMaker spreads an endpoint's instances over them."
  }
}

variable "production" {
  type        = bool
  description = "Whether people depend on the endpoint: then at least two instances, and a gradual rollout, are demanded."
  nullable    = false
}

variable "rollout" {
  type = object({
    bake_s             = optional(number, 600)
    headroom_percent   = optional(number, 0)
    step_percent       = optional(number, 10)
    termination_wait_s = optional(number, 120)
    type               = optional(string, "CANARY")
  })
  description = "How a new configuration takes over: CANARY (one step, then all), LINEAR (equal steps) or ALL_AT_ONCE; seconds watched after each step, and seconds that the old fleet waits before it ends; and by how much more than the old fleet's instances the new one begins with, as nothing scales meanwhile."
  default     = {}
  nullable    = false

  validation {
    condition     = contains(["ALL_AT_ONCE", "CANARY", "LINEAR"], var.rollout.type)
    error_message = "rollout.type is ${var.rollout.type} but must be CANARY, LINEAR or ALL_AT_ONCE."
  }

  validation {
    condition     = !var.production || var.rollout.type != "ALL_AT_ONCE"
    error_message = "rollout.type ALL_AT_ONCE gives a bad model all of production's traffic: choose CANARY or LINEAR."
  }

  validation {
    condition     = var.rollout.step_percent >= (var.rollout.type == "LINEAR" ? 10 : 5) && var.rollout.step_percent <= 50
    error_message = "rollout.step_percent is ${var.rollout.step_percent} but must lie between 5 and 50 for CANARY and between 10 and 50 for LINEAR (the limits of SageMaker)."
  }

  validation {
    condition     = var.rollout.headroom_percent >= 0 && var.rollout.headroom_percent <= 100
    error_message = "rollout.headroom_percent is ${var.rollout.headroom_percent} but must lie between 0 and 100: it comes on top of the instances that run, and max caps the sum."
  }

  validation {
    condition     = var.rollout.bake_s >= 0 && var.rollout.bake_s <= 3600 && var.rollout.termination_wait_s >= 0 && var.rollout.termination_wait_s <= 3600
    error_message = "rollout.bake_s and rollout.termination_wait_s must lie between 0 and 3600 seconds (the limits of SageMaker)."
  }
}

variable "routing_strategy" {
  type        = string
  description = "Which instance gets a request: LEAST_OUTSTANDING_REQUESTS, the one with the fewest, or RANDOM, any."
  default     = "LEAST_OUTSTANDING_REQUESTS"
  nullable    = false

  validation {
    condition     = contains(["LEAST_OUTSTANDING_REQUESTS", "RANDOM"], var.routing_strategy)
    error_message = "routing_strategy is ${var.routing_strategy} but must be LEAST_OUTSTANDING_REQUESTS or RANDOM."
  }
}

variable "scaling" {
  type = object({
    concurrent_requests_per_model = optional(number)
    initial                       = optional(number)
    invocations_per_instance      = number
    max                           = number
    min                           = number
    scale_in_cooldown_s           = optional(number, 300)
    scale_out_cooldown_s          = optional(number, 120)
    schedules = optional(map(object({
      max      = number
      min      = number
      schedule = string
      timezone = optional(string, "UTC")
    })), {})
  })
  description = "Instances: least, most, and with how many a new configuration starts (min when left out); what one instance takes: calls a minute, and (measured every 10 s) requests inside it; cooldowns; and times at which min and max change."
  nullable    = false

  validation {
    condition     = var.scaling.min >= 1 && var.scaling.min <= var.scaling.max
    error_message = "scaling.min is ${var.scaling.min} and scaling.max ${var.scaling.max}: min must be at least 1 and not exceed max."
  }

  validation {
    condition     = !var.production || (var.scaling.min >= 2 && alltrue([for s in values(var.scaling.schedules) : s.min >= 2]))
    error_message = "scaling.min (and each schedule's) must be at least 2 in production: with one instance, the loss of a zone is an outage."
  }

  validation {
    condition     = !var.production || var.scaling.max > var.scaling.min
    error_message = "scaling.max must exceed scaling.min in production: an endpoint that cannot grow needs no autoscaling, and ours does."
  }

  validation {
    condition     = var.scaling.initial == null ? true : var.scaling.initial >= var.scaling.min && var.scaling.initial <= var.scaling.max
    error_message = "scaling.initial must lie between scaling.min and scaling.max: it is the number of instances that a new fleet starts with."
  }

  validation {
    condition     = var.scaling.invocations_per_instance >= 1
    error_message = "scaling.invocations_per_instance is ${var.scaling.invocations_per_instance} but must be at least 1 (calls per instance and minute): make loadtest measures it."
  }

  validation {
    condition     = var.scaling.concurrent_requests_per_model == null ? true : var.scaling.concurrent_requests_per_model >= 1
    error_message = "scaling.concurrent_requests_per_model must be at least 1 (requests inside one instance, waiting ones too): leave it out to track calls a minute alone."
  }

  validation {
    condition     = var.scaling.scale_in_cooldown_s >= 0 && var.scaling.scale_in_cooldown_s <= 3600 && var.scaling.scale_out_cooldown_s >= 0 && var.scaling.scale_out_cooldown_s <= 3600
    error_message = "scaling.scale_in_cooldown_s and scaling.scale_out_cooldown_s must lie between 0 and 3600 seconds: a fleet that waits longer follows no load."
  }

  validation {
    condition     = alltrue([for s in values(var.scaling.schedules) : s.min >= 1 && s.min <= s.max && can(regex("^(at|cron|rate)\\(.+\\)$", s.schedule))])
    error_message = "Each of scaling.schedules needs min between 1 and max, and a schedule such as cron(0 7 ? * MON-FRI *) or at(2026-12-01T06:00:00)."
  }
}

variable "watched" {
  type        = bool
  description = "Whether the alarms of errors and latency may turn a rollout back. Off for one apply only, to get away from a model for which they ring already: SageMaker would turn that rollout back at once."
  default     = true
  nullable    = false
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
