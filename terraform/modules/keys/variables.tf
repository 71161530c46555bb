variable "administrators" {
  type        = list(string)
  description = "ARNs of the roles that administer the keys but cannot use them to read data; the role that runs Terraform must be among them. Empty: whoever this account's IAM policies allow."
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for arn in var.administrators : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/[^*]+$", arn))
    ])
    error_message = "administrators must be ARNs of roles or users (arn:aws:iam::<account>:role/<name>), without wildcards. For an assumed role, give the role, not the session."
  }
}

variable "autoscaled_volumes" {
  type        = bool
  description = "Whether groups of EC2 Auto Scaling start instances with volumes under the data key. Their service-linked role, which must exist, has no right of its own to any key of the account."
  default     = false
  nullable    = false
}

variable "deletion_window_days" {
  type        = number
  description = "Days between the order to delete a key and its end, in which the order can be withdrawn."
  default     = 30
  nullable    = false

  validation {
    condition     = var.deletion_window_days >= 7 && var.deletion_window_days <= 30 && floor(var.deletion_window_days) == var.deletion_window_days
    error_message = "deletion_window_days must be a whole number from 7 to 30 (the limits of KMS); production keeps 30."
  }
}

variable "name" {
  type        = string
  description = "Prefix of the aliases: alias/<name>-data and so on."
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9/_-]{1,240}$", var.name)) && !startswith(var.name, "aws/")
    error_message = "name must have 1 to 240 characters out of A-Z a-z 0-9 / _ - and must not begin with aws/ (the rules of KMS for aliases)."
  }
}
