"""Where a run works: an application and an environment with everything needed to reach them."""
