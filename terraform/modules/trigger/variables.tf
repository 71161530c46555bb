variable "alarms" {
  type        = object({ topic_arn = string })
  description = "Where alarms about uploads that did not arrive go."
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:sns:", var.alarms.topic_arn))
    error_message = "alarms.topic_arn must be the ARN of an SNS topic: pass alerts.topic_arn."
  }
}

variable "boundary_arn" {
  type        = string
  description = "Permissions boundary of the role that starts a state machine."
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:iam::[0-9]{12}:policy/.+$", var.boundary_arn))
    error_message = "boundary_arn must be the ARN of a managed policy of this account: pass boundary.arn."
  }
}

variable "bucket" {
  type        = string
  description = "Name of the bucket whose uploads count."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "bucket must be the name of a bucket, not an ARN: pass its name output."
  }
}

variable "key_arn" {
  type        = string
  description = "ARN of the key of the dead-letter queue, which EventBridge must be able to use: arns[\"messages\"] of the keys module."
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.key_arn))
    error_message = "key_arn must be the ARN of a KMS key, not an alias: pass arns[\"messages\"] of the keys module."
  }
}

variable "name" {
  type        = string
  description = "Name of the rule and of its role; queue and alarms derive theirs from it."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,62}$", var.name))
    error_message = "name must have 2 to 63 lower-case letters, digits and dashes, beginning with a letter: EventBridge and IAM allow 64."
  }
}

variable "prefixes" {
  type        = list(string)
  description = "Key prefixes below which a new object counts, such as claims/incoming/."
  nullable    = false

  validation {
    condition     = length(var.prefixes) > 0 && alltrue([for prefix in var.prefixes : can(regex("^[^/*?][^*?]*/$", prefix))])
    error_message = "prefixes must be one or more folders such as \"claims/incoming/\": no leading slash, no * or ?, a trailing slash. Without one, results would trigger more results."
  }
}

variable "retry" {
  type = object({
    maximum_age_s    = optional(number, 3600)
    maximum_attempts = optional(number, 20)
  })
  description = "How long and how often EventBridge tries again before an upload goes to the dead-letter queue."
  default     = {}
  nullable    = false

  # https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_RetryPolicy.html
  validation {
    condition = (
      var.retry.maximum_age_s >= 60 && var.retry.maximum_age_s <= 86400 &&
      var.retry.maximum_attempts >= 0 && var.retry.maximum_attempts <= 185
    )
    error_message = "retry.maximum_age_s must lie between 60 and 86400, retry.maximum_attempts between 0 and 185 (the limits of EventBridge)."
  }
}

variable "target" {
  # Objects around the ARNs: whether one is given is known before its ARN is.
  type = object({
    function      = optional(object({ alias_arn = string }))
    state_machine = optional(object({ arn = string }))
  })
  description = "What is started, one of the two; it receives the detail of S3's event: bucket.name, object.key, object.version-id and so on."
  nullable    = false

  validation {
    condition     = (var.target.function == null) != (var.target.state_machine == null)
    error_message = "target must name either function or state_machine: one rule starts one thing."
  }

  validation {
    condition     = var.target.function == null ? true : can(regex("^arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]+:[A-Za-z_][A-Za-z0-9_-]*$", var.target.function.alias_arn))
    error_message = "target.function.alias_arn must be an alias ARN (...:function:<name>:<alias>): pass function.alias_arn; $LATEST and bare functions are refused."
  }

  validation {
    condition     = var.target.state_machine == null ? true : can(regex("^arn:[a-z-]+:states:[a-z0-9-]+:[0-9]{12}:stateMachine:[^:*]+$", var.target.state_machine.arn))
    error_message = "target.state_machine.arn must be the ARN of one state machine: pass workflow.state_machine_arn."
  }
}
