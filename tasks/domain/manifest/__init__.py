"""Which image a manifest in the GitOps repository names, and the same file with another one."""
