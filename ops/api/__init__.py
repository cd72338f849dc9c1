"""What can be asked over HTTP: incidents and their timelines, health, metrics."""
