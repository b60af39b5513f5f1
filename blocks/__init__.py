"""Where things are and with which credentials: settings and a client, no decisions."""
