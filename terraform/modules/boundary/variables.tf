variable "name" {
  type        = string
  description = "Name of the managed policy, complete."
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9+=,.@_-]{1,128}$", var.name))
    error_message = "name must have 1 to 128 characters out of A-Z a-z 0-9 + = , . @ _ - (the limit of IAM)."
  }
}

variable "passable_roles" {
  type        = string
  description = "Prefix of the names of the roles that a workload role may pass on to a service."
  default     = "slipway-"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9+=,.@_-]{3,63}$", var.passable_roles))
    error_message = "passable_roles must be a prefix of at least 3 characters, without wildcards: a shorter one lets workloads pass roles that are not theirs."
  }
}
