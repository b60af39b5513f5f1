"""A SonarQube stand-in: takes the scanner's upload, computes a few real measures, and judges them by a quality gate.

`state` holds projects, tokens and analyses; `protocol` serves them; `analysis` measures; `scanner` is the other side,
a program of its own.
"""
