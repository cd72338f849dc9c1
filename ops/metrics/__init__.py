"""What Prometheus scrapes of a worker and of `serve`: names, budgets, and where they are counted."""
