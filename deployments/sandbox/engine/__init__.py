"""A stand-in for the Docker Engine on machines without one: it builds and pushes images, and runs nothing.

Clients speak to it as to the real one (https://docs.docker.com/reference/api/engine/version/v1.41/). Of a Dockerfile it
interprets what needs no process in a container; all else is an error that says so. It pulls from and pushes to
registries on loopback only.
"""
