"""The steps of promote and roll_back: facts, approval, desired state, rollout, checks afterwards."""
