"""A SonarQube stand-in: takes the scanner's upload, computes a few real measures, and judges them by a quality gate.

`state` holds projects, tokens and analyses; `protocol` serves them; `analysis` measures; `webhooks` tells others;
`scanner` is the other side, a program of its own, which `engine` also hands to real scanners.
"""
