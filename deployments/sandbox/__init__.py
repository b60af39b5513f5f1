"""Stand-ins on loopback that speak the real wire protocols, over real git repositories and real processes.

Each outside system is a package with its state and its protocol in separate files, and faults that a test switches on.
The flows cannot tell the difference: only URLs in blocks change.
"""
