"""When and where flows run: the delivery configuration, the webhook receiver, the command line and the sandbox."""
