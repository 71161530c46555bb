variable "access_log_target" {
  type        = bool
  description = "Whether this bucket receives the access logs of others. It is then encrypted by S3 itself (SSE-S3), the only encryption S3 delivers logs into."
  default     = false
  nullable    = false
}

variable "force_destroy" {
  type        = bool
  description = "Whether destroying the bucket deletes the objects in it. For rehearsals and throw-away environments; whoever destroys must be named in outside_access, because deleting objects is use of data."
  default     = false
  nullable    = false
}

variable "key_aliases" {
  type        = list(string)
  description = "Aliases under which a put may name the key (alias/<name>, or its ARN): Terraform's S3 backend, say, is configured with one. The policy compares the header with a list of names."
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for alias in var.key_aliases : can(regex("^(arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:)?alias/[A-Za-z0-9/_-]+$", alias))
    ])
    error_message = "key_aliases must be aliases such as alias/slipway-state, or their ARNs; the key itself belongs into key_arn."
  }
}

variable "key_arn" {
  type        = string
  description = "ARN of the one key that encrypts the bucket; null only for an access log target."
  default     = null

  validation {
    condition     = var.key_arn == null ? true : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.key_arn))
    error_message = "key_arn must be the ARN of a KMS key, not an alias: the bucket policy compares it with the key of every object."
  }

  validation {
    condition     = (var.key_arn == null) == var.access_log_target
    error_message = "key_arn is required unless access_log_target is true, and must be null if it is: S3 cannot deliver access logs into a bucket whose default is SSE-KMS."
  }
}

variable "lifecycle_rules" {
  type = object({
    abort_days      = optional(number, 7)
    noncurrent_days = optional(number, 90)
    expirations = optional(map(object({
      prefix = string
      days   = number
    })), {})
  })
  description = "Days after which unfinished uploads are aborted and replaced versions deleted, and prefixes whose objects expire."
  default     = {}
  nullable    = false

  validation {
    condition = alltrue([
      for days in concat(
        [var.lifecycle_rules.abort_days, var.lifecycle_rules.noncurrent_days],
        values(var.lifecycle_rules.expirations)[*].days,
      ) : days >= 1 && floor(days) == days
    ])
    error_message = "Every number of days in lifecycle_rules must be a whole number of at least 1."
  }

  validation {
    condition     = alltrue([for rule in var.lifecycle_rules.expirations : length(rule.prefix) > 0 && !startswith(rule.prefix, "/")])
    error_message = "An expiration needs a prefix that does not begin with /: an empty one would delete the whole bucket, a leading slash matches no key."
  }
}

variable "log_bucket" {
  type        = string
  description = "Name of the bucket that receives the access logs, under the prefix <name>/: output log_target of that bucket, so that logging begins after delivery is admitted. Null for none."
  default     = null

  validation {
    condition     = var.log_bucket == null || !var.access_log_target
    error_message = "An access log target cannot log to another bucket here: its own deliveries would be logged for ever. Set log_bucket to null."
  }
}

variable "name" {
  type        = string
  description = "Name of the bucket, complete; unique in the world, so put the account id into it."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "name must have 3 to 63 characters out of a-z 0-9 -, and begin and end with a letter or digit (the rules of S3; dots would break TLS): shorten the prefix or the purpose."
  }

  validation {
    condition     = !can(regex("^(xn--|sthree-|amzn-s3-demo-)|(-s3alias|--ol-s3|--x-s3|--table-s3)$", var.name))
    error_message = "name begins or ends with a sequence that S3 reserves (xn--, sthree-, amzn-s3-demo-, -s3alias, --ol-s3, --x-s3, --table-s3): choose another."
  }
}

variable "notifications" {
  type = object({
    eventbridge = optional(bool, false)
    functions = optional(map(object({
      arn    = string
      events = optional(list(string), ["s3:ObjectCreated:*"])
      prefix = optional(string)
      suffix = optional(string)
    })), {})
    queues = optional(map(object({
      arn    = string
      events = optional(list(string), ["s3:ObjectCreated:*"])
      prefix = optional(string)
      suffix = optional(string)
    })), {})
  })
  description = "Who is told of events: functions (alias ARNs) and queues by a name of your choice, and EventBridge. The target must admit s3.amazonaws.com before, or S3 refuses the notification."
  default     = {}
  nullable    = false

  validation {
    condition = length(setintersection(
      keys(var.notifications.functions), keys(var.notifications.queues)
    )) == 0
    error_message = "A function and a queue in notifications share a name: rename one, because S3 wants an id per target."
  }

  validation {
    condition = alltrue(flatten([
      for target in concat(values(var.notifications.functions), values(var.notifications.queues)) : [
        for event in target.events : can(regex("^s3:[A-Za-z]+(:([A-Za-z]+|[*]))?$", event))
      ]
    ]))
    error_message = "An event in notifications is not one of S3, such as s3:ObjectCreated:* or s3:ObjectCreated:Put."
  }

  validation {
    condition     = alltrue([for target in var.notifications.functions : can(regex(":function:[^:]+:[^:]+$", target.arn))])
    error_message = "A function in notifications must be given by the ARN of its alias (...:function:<name>:live): unqualified, S3 would invoke code that was never released."
  }
}

variable "outside_access" {
  type = list(object({
    name           = string
    principal_arns = list(string)
    reason         = string
  }))
  description = "Who may use the data without coming through the VPC endpoints, and why: state machines that read or write S3 themselves, the uploader, whoever destroys a rehearsal. ARNs of roles or users; wildcards are allowed after the first characters of the name."
  default     = []
  nullable    = false

  validation {
    condition = alltrue(flatten([
      for entry in var.outside_access : [
        for arn in entry.principal_arns :
        can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/[^*?]{3,}.*$", arn)) || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:root$", arn))
      ]
    ]))
    error_message = "principal_arns in outside_access must be ARNs of roles or users of a named account, with at least 3 characters before any wildcard: a wider exception opens the bucket to everyone."
  }

  validation {
    condition     = alltrue([for entry in var.outside_access : length(trimspace(entry.reason)) >= 10 && length(entry.principal_arns) > 0])
    error_message = "Every entry in outside_access needs at least one principal and a reason (10 characters or more): it is what the security review reads."
  }

  validation {
    condition     = length(distinct(var.outside_access[*].name)) == length(var.outside_access)
    error_message = "Two entries in outside_access have the same name: merge them."
  }
}

variable "vpc_endpoint_ids" {
  type        = list(string)
  description = "S3 endpoints through which the data may be used. Empty: only the principals in outside_access may, and AWS services such as log delivery."
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.vpc_endpoint_ids : can(regex("^vpce-[0-9a-f]+$", id))])
    error_message = "vpc_endpoint_ids must be ids such as vpce-0123456789abcdef0: pass s3_endpoint_id of the network module."
  }
}
