"""Whether a release candidate may go to an environment, and what went there before."""
