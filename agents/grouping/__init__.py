"""Grouping: which alerts, taken together, are something that a person should be told of, and told of once."""
