"""One figure per question asked of a study.

Each file holds a NamedTuple of plain data, a function that fills it from a study, one that draws it, and one
that says in words what it shows.
"""
