"""How our own configuration files are read: strictly, and with file, line and key in every complaint."""
