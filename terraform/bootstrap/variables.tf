variable "account_id" {
  type        = string
  description = "The account to prepare; Terraform stops before planning when it is signed in to another."
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must have twelve digits, in quotes so that leading zeros stay."
  }
}

variable "administrators" {
  type        = list(string)
  description = "ARNs of the roles that may read and repair the state beside the pipeline."
  nullable    = false

  validation {
    condition = length(var.administrators) > 0 && alltrue([
      for arn in var.administrators : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/[^*]+$", arn))
    ])
    error_message = "administrators must name at least one role by its ARN, without wildcards: with none, a broken pipeline would lock everybody out of the state."
  }
}

variable "disposable_environments" {
  type        = list(string)
  description = "Environments whose buckets the pipeline may empty, so that it can destroy them: those that loosen force_destroy."
  default     = []
  nullable    = false

  validation {
    condition     = length(setsubtract(var.disposable_environments, var.environments)) == 0
    error_message = "disposable_environments may name environments of this account only: correct the name, or add it to environments."
  }
}

variable "environments" {
  type        = list(string)
  description = "Environments that live in this account. Each is also the name of the GitHub environment whose jobs may deploy, so that its reviewers and branch rules guard the deployment."
  nullable    = false

  validation {
    condition     = length(var.environments) > 0 && alltrue([for name in var.environments : can(regex("^[a-z][a-z0-9-]{1,20}$", name))])
    error_message = "environments must be names out of a-z 0-9 -, at least one: they become part of a trust policy, where a wildcard would admit every job."
  }

  validation {
    condition     = length(distinct(var.environments)) == length(var.environments)
    error_message = "environments holds a name twice: remove one."
  }
}

variable "oidc_provider_arn" {
  type        = string
  description = "ARN of the account's OIDC provider for GitHub, where there is one already (an account holds one per address); null makes it."
  default     = null

  validation {
    condition = var.oidc_provider_arn == null ? true : can(regex(
      "^arn:[a-z-]+:iam::[0-9]{12}:oidc-provider/token\\.actions\\.githubusercontent\\.com$", var.oidc_provider_arn
    ))
    error_message = "oidc_provider_arn must be that of token.actions.githubusercontent.com in this account, or null."
  }
}

variable "plan_pull_requests" {
  type        = bool
  description = "Whether jobs of pull requests may plan. A plan reads the settings of everything and the state, and pull requests run unreviewed code."
  default     = false
  nullable    = false
}

variable "plan_refs" {
  type        = list(string)
  description = "Branches or tags, in full, whose jobs may plan."
  default     = ["refs/heads/main"]
  nullable    = false

  validation {
    condition     = alltrue([for ref in var.plan_refs : can(regex("^refs/(heads|tags)/[A-Za-z0-9._/-]+$", ref))])
    error_message = "plan_refs must be full names such as refs/heads/main, without wildcards: whoever may push a matching branch may plan."
  }

  validation {
    condition     = length(var.plan_refs) > 0 || var.plan_pull_requests
    error_message = "Nobody could plan: name a branch in plan_refs, or set plan_pull_requests."
  }
}

variable "project" {
  type        = string
  description = "Beginning of every name the pipeline may touch."
  default     = "slipway"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,20}[a-z0-9]$", var.project))
    error_message = "project must have 4 to 22 characters out of a-z 0-9 -, begin with a letter and not end with a dash."
  }
}

variable "region" {
  type        = string
  description = "Region of the state and of everything the pipeline makes."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be a region such as eu-west-1, not a zone."
  }
}

variable "repository" {
  type        = string
  description = "GitHub repository of the pipeline, as owner/name."
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.repository))
    error_message = "repository must be owner/name, without wildcards and without https://github.com/."
  }
}

variable "workbenches" {
  type        = bool
  description = "Whether environments of this account may have workbenches: the pipeline then may make launch templates, groups and instance profiles."
  default     = false
  nullable    = false
}
