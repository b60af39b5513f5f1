"""The GitOps repository: desired state is read from it and written to it by commits."""
