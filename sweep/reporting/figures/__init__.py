"""The figures of a report, each of which answers one question about a study.

A module contains a NamedTuple with the figure's data, a function that computes it from a study, a function
that draws it, and a function that describes it for readers who do not see it.
"""
