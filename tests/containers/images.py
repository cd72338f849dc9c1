"""The images that the tests run on: those that Dockerfile and docker-compose.yml name."""

KAFKA_IMAGE = "apache/kafka:4.3.1"
CASSANDRA_IMAGE = "cassandra:5.0.9"
PYTHON_IMAGE = "python:3.11-slim-bookworm"
