"""How one outside thing is done: one module per outside system, one effect per task, each safe to run twice.

Before an effect a task looks in the outside system for its trace and adopts it. Decisions live in tasks.domain,
connections in blocks. Task modules do not import each other.
"""
