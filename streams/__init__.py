"""The river bed: topics, batch transport, codecs on the wire, producer, dead letters, durable tables."""
