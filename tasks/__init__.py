"""How one outside thing is done: one module or package per outside system.

A task has one effect and may run twice: before it acts it looks in the outside system for the trace of that act, and
adopts it. Decisions live in tasks.domain, connections in blocks. Task modules of two systems do not import each other.
"""
