"""The contracts: every record that crosses a topic, its Avro schema, its framing and its history."""
