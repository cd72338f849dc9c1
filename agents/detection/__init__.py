"""Detection: what is unusual on a metric series, and when signals together are an incident that a person should know."""
