"""Toolchains: recognised by the files of a commit, each with the checks that an application gets without naming any."""
