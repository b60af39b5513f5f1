"""What happens, in which order: gather, decide, act, report.

A flow reads facts through tasks, hands them to one pure decision in tasks.domain, acts on the value it gets back,
and reports the same sentence everywhere. There is no HTTP, no git and no rule in this package.
"""
