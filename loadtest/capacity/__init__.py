"""From a load test to an environment's numbers: scaling target, instances, provisioned and reserved concurrency."""
