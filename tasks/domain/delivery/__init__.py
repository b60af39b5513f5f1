"""The delivery configuration: what is delivered, and where to."""
