"""What an incident is and where it is kept: the aggregate, the event store, the chain, the projections."""
