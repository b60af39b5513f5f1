"""Builds and pushes images with a Docker engine."""
