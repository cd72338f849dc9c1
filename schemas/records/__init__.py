"""The typed records, a contract a class; a module a stage. Their Avro schemas are derived from these annotations."""
