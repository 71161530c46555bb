variable "alarms" {
  type = object({
    topic_arn = string
    count     = optional(number, 1)
  })
  description = "Where alarms about the table go, and from how many throttled or failed requests within five minutes they fire."
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:sns:", var.alarms.topic_arn))
    error_message = "alarms.topic_arn must be the ARN of an SNS topic: pass alerts.topic_arn."
  }

  validation {
    condition     = var.alarms.count >= 1
    error_message = "alarms.count must be 1 or more: 0 would always fire."
  }
}

variable "deletion_protected" {
  type        = bool
  description = "Whether DynamoDB refuses to delete the table. False only where everything is thrown away, such as a rehearsal."
  default     = true
  nullable    = false
}

variable "key_arn" {
  type        = string
  description = "ARN of the key that encrypts the table, its indexes and its backups."
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.key_arn))
    error_message = "key_arn must be the ARN of a KMS key, not an alias: pass arns[\"data\"] of the keys module."
  }
}

variable "name" {
  type        = string
  description = "Name of the table, complete."
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]{3,200}$", var.name))
    error_message = "name must have 3 to 200 characters out of A-Z a-z 0-9 _ . - (DynamoDB allows 255; the alarms add their ending)."
  }
}

variable "outside_access" {
  type = list(object({
    name           = string
    principal_arns = list(string)
    reason         = string
  }))
  description = "Who may use the items without coming through the VPC endpoints, and why: operators who read records, say. ARNs of roles or users; wildcards are allowed after the first characters of the name."
  default     = []
  nullable    = false

  validation {
    condition = alltrue(flatten([
      for entry in var.outside_access : [
        for arn in entry.principal_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/[^*?]{3,}.*$", arn))
      ]
    ]))
    error_message = "principal_arns in outside_access must be ARNs of roles or users of a named account, with at least 3 characters before any wildcard: a wider exception opens the table to everyone."
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

variable "partition_key" {
  type        = string
  description = "Attribute (a string) whose value decides where an item lies, such as claim."
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9_]{0,62}$", var.partition_key))
    error_message = "partition_key must be 1 to 63 letters, digits and underscores, beginning with a letter: then expressions can name it."
  }
}

variable "sort_key" {
  type        = string
  description = "Attribute (a string) that orders the items of one partition key; null for one item per key."
  default     = null

  validation {
    condition     = var.sort_key == null ? true : can(regex("^[A-Za-z][A-Za-z0-9_]{0,62}$", var.sort_key)) && var.sort_key != var.partition_key
    error_message = "sort_key must be 1 to 63 letters, digits and underscores, beginning with a letter, and another attribute than partition_key."
  }
}

variable "vpc_endpoint_ids" {
  type        = list(string)
  description = "DynamoDB endpoints through which the items may be used. Empty: only the principals in outside_access may."
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.vpc_endpoint_ids : can(regex("^vpce-[0-9a-f]+$", id))])
    error_message = "vpc_endpoint_ids must be ids such as vpce-0123456789abcdef0: pass dynamodb_endpoint_id of the network module."
  }
}
