locals {
  # A canary bakes twice: on its step and on the whole fleet.
  _rollout_steps = {
    ALL_AT_ONCE = 1
    CANARY      = 2
    LINEAR      = ceil(100 / var.rollout.step_percent)
  }[var.rollout.type]

  # SageMaker ends a rollout that outlives this. Half an hour on top of the waits is for starting the instances.
  _rollout_timeout_s = (
    local._rollout_steps * var.rollout.bake_s + var.rollout.termination_wait_s + 1800
  )
}
