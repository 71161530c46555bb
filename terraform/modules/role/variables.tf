variable "boundary_arn" {
  type        = string
  description = "ARN of the permissions boundary that caps the role, whatever its statements say."
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:iam::[0-9]{12}:policy/.+$", var.boundary_arn))
    error_message = "boundary_arn must be the ARN of a managed policy of this account (arn:aws:iam::<account>:policy/<name>): pass the arn output of the boundary module."
  }
}

variable "description" {
  type        = string
  description = "What the role is for, shown in the IAM console."
  default     = "Managed by Slipway"
  nullable    = false

  validation {
    condition     = length(var.description) <= 1000
    error_message = "description may have at most 1000 characters (the limit of IAM): shorten it."
  }
}

variable "max_session_seconds" {
  type        = number
  description = "Longest session, in seconds."
  default     = 3600
  nullable    = false

  validation {
    condition     = var.max_session_seconds >= 3600 && var.max_session_seconds <= 43200
    error_message = "max_session_seconds must lie between 3600 and 43200 (the limits of IAM)."
  }
}

variable "name" {
  type        = string
  description = "Name of the role, complete."
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9+=,.@_-]{1,64}$", var.name))
    error_message = "name must have 1 to 64 characters out of A-Z a-z 0-9 + = , . @ _ - (the limit of IAM): shorten the workload's or the function's name."
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
  description = "What the role may do. A wildcard needs its reason in wildcard_reason: that the actions support no resource, or none that is known in advance."
  default     = []
  nullable    = false

  validation {
    condition     = length(distinct(var.statements[*].sid)) == length(var.statements)
    error_message = "Two statements have the same sid: give each its own, because errors and reports name statements by it."
  }

  validation {
    condition     = alltrue([for s in var.statements : can(regex("^[A-Za-z0-9]+$", s.sid))])
    error_message = "A sid may hold letters and digits only (the rule of IAM): write it in CamelCase."
  }

  validation {
    condition     = alltrue([for s in var.statements : contains(["Allow", "Deny"], s.effect)])
    error_message = "effect must be Allow or Deny."
  }

  validation {
    condition     = alltrue([for s in var.statements : length(s.actions) > 0 && length(s.resources) > 0])
    error_message = "A statement without actions or without resources grants nothing: fill both lists or remove the statement."
  }

  validation {
    condition = alltrue(flatten([
      for s in var.statements : [
        for action in s.actions : can(regex("^[a-z0-9-]+:[A-Za-z0-9*?]+$", action)) && !can(regex(":[*?]+$", action))
      ] if s.effect == "Allow"
    ]))
    error_message = "An action must read service:Name, and neither * nor service:* is allowed, with or without a reason: name the actions the code calls."
  }

  validation {
    condition = alltrue(flatten([
      for s in var.statements : [
        for action in s.actions : !can(regex("[*?]", action)) || try(length(trimspace(s.wildcard_reason)) > 0, false)
      ] if s.effect == "Allow"
    ]))
    error_message = "An action with a wildcard needs a reason: name the actions one by one, or say in wildcard_reason why that is impossible."
  }

  # "*" itself, and ARNs whose resource part is nothing but a wildcard (arn:aws:s3:::*, ...:function:*, ...:table/*).
  # ARNs of S3 have no resource type: there "bucket/*" names a bucket.
  validation {
    condition = alltrue(flatten([
      for s in var.statements : [
        for resource in s.resources : try(length(trimspace(s.wildcard_reason)) > 0, false) || !(
          resource == "*" || can(regex("^arn:([^:]*:){4}[*]", resource)) || (
            !can(regex("^arn:[^:]*:s3:", resource)) && can(regex("^arn:([^:]*:){4}[A-Za-z-]+[/:][*]$", resource))
          )
        )
      ] if s.effect == "Allow"
    ]))
    error_message = "A resource of * (or an ARN that ends in nothing but *) needs a reason: name the resources, or say in wildcard_reason that the actions support none."
  }

  validation {
    condition = alltrue(flatten([
      for s in var.statements : [
        for action in s.actions : lower(action) != "iam:passrole" || (
          contains([for c in s.conditions : lower(c.variable)], "iam:passedtoservice") && !contains(s.resources, "*")
        )
      ] if s.effect == "Allow"
    ]))
    error_message = "iam:PassRole must name the roles it passes and carry a condition on iam:PassedToService: else the role can hand any role to any service."
  }

  validation {
    condition = alltrue([
      for s in var.statements :
      length(distinct([for c in s.conditions : "${c.test} ${c.variable}"])) == length(s.conditions)
    ])
    error_message = "A statement has two conditions with the same test and variable: put their values into one list."
  }
}

variable "trust" {
  type = object({
    service        = optional(string)
    principal_arns = optional(list(string), [])
    source_account = optional(bool, true)
    source_arns    = optional(list(string), [])
  })
  description = "Who assumes the role. Either the service, for whose resources: source_account demands this account, source_arns (wildcards allowed) the callers themselves. Or people: principal_arns are the identities that they sign in with."
  nullable    = false

  validation {
    condition     = (var.trust.service == null) != (length(var.trust.principal_arns) == 0)
    error_message = "trust must name either a service or principal_arns, not both and not neither: one role is for one kind of user."
  }

  validation {
    condition     = var.trust.service == null ? true : can(regex("^[a-z0-9.-]+\\.amazonaws\\.com(\\.cn)?$", var.trust.service))
    error_message = "trust.service must be a service principal such as lambda.amazonaws.com."
  }

  validation {
    condition     = var.trust.source_account || coalesce(var.trust.service, "people") == "ec2.amazonaws.com"
    error_message = "trust.source_account may be false for ec2.amazonaws.com only, which sends no source: with every other service another account could use the role (the confused deputy)."
  }

  validation {
    condition     = alltrue([for arn in var.trust.source_arns : can(regex("^arn:[a-z-]+:[a-z0-9-]+:[^:]*:[^:]*:.+$", arn))])
    error_message = "trust.source_arns must be ARNs (the last part may hold wildcards)."
  }

  validation {
    condition     = var.trust.service != null || length(var.trust.source_arns) == 0
    error_message = "trust.source_arns has no meaning for people: only services say for whose resources they act."
  }

  validation {
    condition = alltrue([
      for arn in var.trust.principal_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/[A-Za-z0-9+=,.@_/-]+$", arn))
    ])
    error_message = "trust.principal_arns must be ARNs of roles or users (arn:aws:iam::<account>:role/<name>), without wildcards: a pattern admits whoever is given a fitting name."
  }
}
