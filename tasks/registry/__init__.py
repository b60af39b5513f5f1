"""The image registry over the OCI distribution API, and Amazon ECR over its own."""
