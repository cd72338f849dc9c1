"""A real Apache Kafka and a real Apache Cassandra, started by the program itself, with nothing but a network once."""
