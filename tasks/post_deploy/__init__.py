"""What an environment is asked after a rollout."""
