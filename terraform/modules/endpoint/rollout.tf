locals {
  # Baking without its alarms shows nothing, and whoever turns the watch off wants to get away from what serves now.
  _rollout_type = var.watched ? var.rollout.type : "ALL_AT_ONCE"

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

  # A new fleet starts with what its configuration says, however far the old one was scaled out, and SageMaker scales
  # nothing until the rollout is over (https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-update.html).
  # A schedule may have raised the limit since, so the highest of them is the cap.
  _live_start = ceil(var.live_instance_count * (1 + var.rollout.headroom_percent / 100))
  _start = min(
    max(coalesce(var.scaling.initial, var.scaling.min), local._live_start),
    max(var.scaling.max, values(var.scaling.schedules)[*].max...),
  )
}
