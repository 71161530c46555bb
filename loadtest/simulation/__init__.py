"""What autoscaling will do with a trace of traffic: latency, refusals, instance hours and cost, before it is tried."""
