"""Tools' reports as values, one module a format; tasks.domain.reports.reading knows them all.

Reports are written by the code under test, so nothing in them is trusted: sizes are capped, XML entities are refused
and totals are counted from the single entries, because the totals that a report states can be wrong.
"""
