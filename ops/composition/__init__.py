"""The composition root of the stages: which of them run in which app, wired to the settings; a module a role.

A worker imports its own role's only: the others' libraries cost a second of its start each.
"""
