variable "emails" {
  type        = list(string)
  description = "Addresses that receive every alarm. Each has to confirm its subscription in a mail from AWS."
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for address in var.emails : can(regex("^[^@[:space:]]+@[^@[:space:]]+[.][^@[:space:].]+$", address))])
    error_message = "emails must be mail addresses such as team@example.org."
  }

  validation {
    condition     = length(distinct(var.emails)) == length(var.emails)
    error_message = "emails holds an address twice: remove one, because SNS keeps a single subscription per address."
  }
}

variable "key_arn" {
  type        = string
  description = "ARN of the key that encrypts messages at rest. Its policy must let the publishing services use it, as the messages key of the keys module does."
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.key_arn))
    error_message = "key_arn must be the ARN of a KMS key: pass arns[\"messages\"] of the keys module. An alias, or the key alias/aws/sns, cannot be used by alarms."
  }
}

variable "name" {
  type        = string
  description = "Name of the topic, complete."
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,256}$", var.name))
    error_message = "name must have 1 to 256 characters out of A-Z a-z 0-9 _ - (the limit of SNS)."
  }
}

variable "publishers" {
  type        = list(string)
  description = "Services that publish on behalf of this account's resources."
  default     = ["cloudwatch.amazonaws.com"]
  nullable    = false

  validation {
    condition = length(var.publishers) > 0 && alltrue([
      for service in var.publishers : contains(["budgets.amazonaws.com", "cloudwatch.amazonaws.com", "events.amazonaws.com"], service)
    ])
    error_message = "publishers must be out of budgets.amazonaws.com, cloudwatch.amazonaws.com and events.amazonaws.com, the services the messages key admits."
  }
}
