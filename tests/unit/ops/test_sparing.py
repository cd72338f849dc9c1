"""A client's lines while Kafka is away: one a second, with what to do."""

import logging

from ops.sparing import told_sparingly


def test_a_flood_of_lines_is_one_a_second() -> None:
    """Of each second the first, with how many were left out; afterwards the client's lines go where they went before."""
    said: list[str] = []
    now = [100.0]
    client = logging.getLogger("aiokafka.client")
    before = logging.getLogger("aiokafka").propagate
    with told_sparingly("127.0.0.1:9", said.append, lambda: now[0]):
        for tenth in range(25):
            now[0] = 100 + tenth / 10
            client.error("Unable to connect to node %s: %s", 0, "[Errno 111] Connect call failed\n" * 50)
        client.info("all is well")
    assert [line.count("lines more") for line in said] == [0, 1, 1]
    assert ", and 9 lines more" in said[1]
    assert all("127.0.0.1:9" in line and "breakwater status" in line and "\n" not in line for line in said)
    assert max(map(len, said)) < 600
    client.error("later")
    assert len(said) == 3
    assert logging.getLogger("aiokafka").propagate == before
