variable "alarms" {
  type = object({
    topic_arn      = string
    duration_share = optional(number, 0.8)
    error_count    = optional(number, 1)
    throttle_count = optional(number, 1)
  })
  description = "Where alarms go and when: errors and throttles per minute, and the share of the timeout that the slowest invocation of a minute may take."
  nullable    = false

  validation {
    condition     = var.alarms.duration_share > 0 && var.alarms.duration_share <= 1
    error_message = "alarms.duration_share is ${var.alarms.duration_share} but must lie above 0 and at most at 1: it is a share of the timeout, such as 0.8."
  }

  validation {
    condition     = var.alarms.error_count >= 1 && var.alarms.throttle_count >= 1
    error_message = "alarms.error_count and alarms.throttle_count must be at least 1: a threshold of 0 alarms without any fault."
  }
}

variable "asynchronous" {
  type = object({
    maximum_age_s   = optional(number, 3600)
    maximum_retries = optional(number, 2)
  })
  description = "How long and how often Lambda tries an asynchronous event again before it goes to the dead-letter queue."
  default     = {}
  nullable    = false

  validation {
    condition     = var.asynchronous.maximum_age_s >= 60 && var.asynchronous.maximum_age_s <= 21600
    error_message = "asynchronous.maximum_age_s is ${var.asynchronous.maximum_age_s} but must lie between 60 and 21600 (the limits of Lambda)."
  }

  validation {
    condition     = contains([0, 1, 2], var.asynchronous.maximum_retries)
    error_message = "asynchronous.maximum_retries is ${var.asynchronous.maximum_retries} but must be 0, 1 or 2 (the limits of Lambda)."
  }
}

variable "boundary_arn" {
  type        = string
  description = "ARN of the permissions boundary of the execution role."
  nullable    = false
}

variable "concurrency" {
  type = object({
    reserved = number
    provisioned = optional(object({
      max                = number
      min                = number
      target_utilisation = optional(number, 0.7)
      schedules = optional(map(object({
        max      = number
        min      = number
        schedule = string
        timezone = optional(string, "UTC")
      })), {})
    }))
  })
  description = "Reserved concurrency (floor and cap of the function, always set) and provisioned concurrency of the alias: a fixed count where min equals max, else scaled between them on utilisation; and times at which min and max change."
  nullable    = false

  validation {
    condition     = var.concurrency.reserved >= 1
    error_message = "concurrency.reserved is ${var.concurrency.reserved} but must be at least 1: 0 stops the function and -1 takes away its cap."
  }

  validation {
    condition     = try(var.concurrency.provisioned.min >= 1, var.concurrency.provisioned == null)
    error_message = "concurrency.provisioned.min must be at least 1: leave provisioned out for a function that needs no warm environments."
  }

  validation {
    condition     = try(var.concurrency.provisioned.min <= var.concurrency.provisioned.max, var.concurrency.provisioned == null)
    error_message = "concurrency.provisioned.min exceeds concurrency.provisioned.max: swap or equalise them."
  }

  validation {
    condition     = try(var.concurrency.provisioned.max <= var.concurrency.reserved, var.concurrency.provisioned == null)
    error_message = "concurrency.provisioned.max exceeds concurrency.reserved (${var.concurrency.reserved}): Lambda takes provisioned environments out of the reserved ones, so raise reserved or lower provisioned.max."
  }

  validation {
    condition = try(
      var.concurrency.provisioned.target_utilisation >= 0.1 && var.concurrency.provisioned.target_utilisation <= 0.9,
      var.concurrency.provisioned == null,
    )
    error_message = "concurrency.provisioned.target_utilisation must lie between 0.1 and 0.9 (Lambda's advice is 0.7): a share, not a percentage."
  }

  validation {
    condition = alltrue([
      for s in values(try(var.concurrency.provisioned.schedules, {})) :
      s.min >= 1 && s.min <= s.max && can(regex("^(at|cron|rate)\\(.+\\)$", s.schedule))
    ])
    error_message = "Each of concurrency.provisioned.schedules needs min between 1 and max, and a schedule such as cron(0 7 ? * MON-FRI *) or at(2026-12-01T06:00:00)."
  }

  validation {
    condition     = alltrue([for s in values(try(var.concurrency.provisioned.schedules, {})) : s.max <= var.concurrency.reserved])
    error_message = "The max of one of concurrency.provisioned.schedules exceeds concurrency.reserved (${var.concurrency.reserved}): Lambda would refuse it at that hour. Raise reserved or lower it."
  }
}

variable "environment" {
  type        = map(string)
  description = "Environment variables, encrypted with keys.data."
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.environment) : can(regex("^[A-Za-z][A-Za-z0-9_]+$", name))])
    error_message = "A name in environment must begin with a letter and hold at least two letters, digits or underscores (the rule of Lambda)."
  }

  validation {
    condition     = alltrue([for name in keys(var.environment) : !can(regex("^(AWS_|LAMBDA_|_)", name))])
    error_message = "A name in environment begins with AWS_ or LAMBDA_, which Lambda keeps for itself: choose another name."
  }

  validation {
    condition     = length(jsonencode(var.environment)) <= 4096
    error_message = "environment exceeds 4 KB (the limit of Lambda): put long values into S3 or a parameter and pass their name."
  }
}

variable "invokers" {
  type = map(object({
    principal  = string
    source_arn = string
  }))
  description = "Services that may invoke the alias by its resource policy, each for one source ARN. Roles (state machines, callers) need none: their own policy names alias_arn."
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for i in values(var.invokers) : can(regex("^[a-z0-9.-]+\\.amazonaws\\.com(\\.cn)?$", i.principal))])
    error_message = "invokers[*].principal must be a service principal such as events.amazonaws.com: an account or * would open the function."
  }

  validation {
    condition     = alltrue([for i in values(var.invokers) : can(regex("^arn:[a-z-]+:[a-z0-9-]+:[^:]*:[^:]*:[^*]+$", i.source_arn))])
    error_message = "invokers[*].source_arn must be the ARN of one source, without wildcards: without it any account's resource could invoke through the service."
  }
}

variable "keys" {
  type = object({
    data     = string
    logs     = string
    messages = string
  })
  description = "ARNs of the keys for data (environment variables, objects), logs and messages (dead letters)."
  nullable    = false
}

variable "log_retention_days" {
  type        = number
  description = "Days to keep the function's logs."
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days is ${var.log_retention_days}, which CloudWatch Logs does not offer: choose 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "memory_mb" {
  type        = number
  description = "Memory in MB; the CPU share grows with it."
  nullable    = false

  validation {
    condition     = var.memory_mb >= 128 && var.memory_mb <= 10240 && floor(var.memory_mb) == var.memory_mb
    error_message = "memory_mb is ${var.memory_mb} but must be a whole number between 128 and 10240 (the limits of Lambda)."
  }
}

variable "name" {
  type        = string
  description = "Name of the function, and of its role; queue, log group and alarms derive theirs from it."
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9-]{1,64}$", var.name))
    error_message = "name \"${var.name}\" has ${length(var.name)} characters but must have 1 to 64 letters, digits or hyphens (the limit of Lambda and IAM): shorten the workload's or the function's name."
  }
}

variable "network" {
  type = object({
    security_group_id = string
    subnet_ids        = list(string)
  })
  description = "Private subnets, in at least two zones, and the client security group of functions."
  nullable    = false

  validation {
    condition     = length(var.network.subnet_ids) >= 2
    error_message = "network.subnet_ids needs subnets in at least two zones: with one, the loss of a zone stops the function."
  }
}

variable "package" {
  type = object({
    architecture = optional(string, "arm64")
    handler      = optional(string, "handler.handle")
    path         = string
    runtime      = optional(string, "python3.12")
  })
  description = "The zip on this machine, and how Lambda runs it."
  nullable    = false

  validation {
    condition     = fileexists(var.package.path)
    error_message = "package.path ${var.package.path} is no file: build the zips (make synth) or correct the path."
  }

  validation {
    condition     = contains(["arm64", "x86_64"], var.package.architecture)
    error_message = "package.architecture is ${var.package.architecture} but must be arm64 or x86_64."
  }

  validation {
    condition     = contains(["python3.11", "python3.12", "python3.13"], var.package.runtime)
    error_message = "package.runtime is ${var.package.runtime}; the functions are written for python3.11, python3.12 or python3.13."
  }
}

variable "statements" {
  type = list(object({
    sid             = string
    actions         = list(string)
    resources       = list(string)
    effect          = optional(string, "Allow")
    wildcard_reason = optional(string)
    conditions = optional(list(object({
      test     = string
      variable = string
      values   = list(string)
    })), [])
  }))
  description = "What the function's code may do, beyond what Lambda itself needs (logs, network, tracing, dead letters), which the module adds. Reading or writing S3 objects adds the use of keys.data through S3, any action on DynamoDB that through DynamoDB."
  default     = []
  nullable    = false
}

variable "timeout_s" {
  type        = number
  description = "Seconds after which Lambda ends an invocation."
  nullable    = false

  validation {
    condition     = var.timeout_s >= 1 && var.timeout_s <= 900 && floor(var.timeout_s) == var.timeout_s
    error_message = "timeout_s is ${var.timeout_s} but must be a whole number between 1 and 900 (the limits of Lambda): longer work belongs to a job."
  }
}
