variable "alarms" {
  type = object({
    topic_arn       = string
    failed_count    = optional(number, 1)
    throttled_count = optional(number, 1)
  })
  description = "Where alarms about the state machine go, and from how many executions within five minutes they fire."
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:sns:", var.alarms.topic_arn))
    error_message = "alarms.topic_arn must be the ARN of an SNS topic: pass alerts.topic_arn."
  }

  validation {
    condition     = var.alarms.failed_count >= 1 && var.alarms.throttled_count >= 1
    error_message = "alarms.failed_count and alarms.throttled_count must be 1 or more: 0 would always fire."
  }
}

variable "boundary_arn" {
  type        = string
  description = "Permissions boundary of the role: boundary.arn."
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:iam::[0-9]{12}:policy/", var.boundary_arn))
    error_message = "boundary_arn must be the ARN of an IAM policy: pass boundary.arn."
  }
}

variable "data_bucket" {
  type        = object({ name = string, arn = string })
  description = "Bucket that holds the images to classify and receives the results."
  nullable    = false

  validation {
    condition     = endswith(var.data_bucket.arn, ":::${var.data_bucket.name}")
    error_message = "data_bucket.name and data_bucket.arn must belong to one bucket: pass both outputs of one bucket module."
  }
}

variable "definition" {
  type        = string
  description = "What the state machine does: classify_images (a list or a prefix, into a manifest) or assess_claims (photos of a claim, into its record)."
  default     = "classify_images"
  nullable    = false

  validation {
    condition     = contains(keys(local._definitions), var.definition)
    error_message = "definition must be one of ${join(", ", keys(local._definitions))}: the file <definition>.asl.json in the workflow module."
  }
}

variable "functions" {
  type        = map(string)
  description = "Alias ARNs by function folder name, exactly those that the definition calls: serialize_image, classify_image, filter_predictions and collect_results, or assess_claim and record_assessment."
  nullable    = false

  validation {
    condition     = !contains(keys(local._definitions), var.definition) ? true : toset(keys(var.functions)) == toset(local._definitions[var.definition].functions)
    error_message = "functions must have exactly the keys that ${var.definition} calls: ${join(", ", try(local._definitions[var.definition].functions, []))}."
  }

  validation {
    condition = alltrue([
      for arn in values(var.functions) : can(regex("^arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]+:[A-Za-z_][A-Za-z0-9_-]*$", arn))
    ])
    error_message = "Every function must be an alias ARN (...:function:<name>:<alias>): pass function.alias_arn; $LATEST and bare functions are refused."
  }
}

variable "incoming_prefixes" {
  type        = list(string)
  description = "Key prefixes of data_bucket below which images come in, such as vehicles/incoming/; only these are ever listed."
  nullable    = false

  validation {
    condition     = length(var.incoming_prefixes) > 0
    error_message = "incoming_prefixes must not be empty: without one no prefix could be listed."
  }

  validation {
    condition     = alltrue([for prefix in var.incoming_prefixes : can(regex("^[^/*?][^*?]*/$", prefix))])
    error_message = "Every incoming prefix must be a folder such as \"vehicles/incoming/\": not empty, no leading slash, no * or ?, a trailing slash."
  }
}

variable "keys" {
  type        = object({ data = string, logs = string, messages = string })
  description = "Customer-managed key ARNs: data (objects, execution data), logs (log group), messages (topic)."
  nullable    = false

  validation {
    condition     = alltrue([for arn in values(var.keys) : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/", arn))])
    error_message = "keys must be key ARNs (arn:aws:kms:...:key/...), not ids or aliases: pass keys.arns."
  }
}

variable "log_retention_days" {
  type        = number
  description = "Days the execution log is kept; one of the periods CloudWatch Logs knows."
  nullable    = false

  validation {
    condition = contains([
      1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
    ], var.log_retention_days)
    error_message = "log_retention_days must be a period CloudWatch Logs knows (1, 3, 5, 7, 14, 30, 60, 90, ... 3653), and not 0: logs that never expire are refused."
  }
}

variable "name" {
  type        = string
  description = "Prefix of every name made here: slipway-<environment>-<workload>."
  nullable    = false

  validation {
    # "<name>-classify" is the role's name, too: 64 characters in IAM.
    condition     = can(regex("^[a-z][a-z0-9-]{1,54}$", var.name))
    error_message = "name must be 2 to 55 lower-case letters, digits and dashes, beginning with a letter: \"-classify\" is added, and IAM allows 64."
  }
}

variable "results_prefix" {
  type        = string
  description = "Key prefix in data_bucket below which every execution of classify_images writes a folder, such as vehicles/results; null for assess_claims, which writes none."
  default     = null

  validation {
    condition     = (var.results_prefix != null) == (var.definition == "classify_images")
    error_message = "results_prefix belongs to classify_images and to nothing else: assess_claims writes to a table."
  }

  validation {
    condition     = var.results_prefix == null ? true : can(regex("^[^/*?'{}\\\\]+(/[^/*?'{}\\\\]+)*/?$", var.results_prefix))
    error_message = "results_prefix must be a folder such as \"vehicles/results\": not empty, no leading slash, none of * ? ' { } \\."
  }
}

variable "workload" {
  type        = string
  description = "Name of the workload; shown in notifications."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}$", var.workload))
    error_message = "workload must be 1 to 31 lower-case letters, digits and dashes, beginning with a letter."
  }
}
