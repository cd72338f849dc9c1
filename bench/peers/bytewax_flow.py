"""Bytewax: a stateful flat map between Kafka source and sink, with recovery (Bytewax's "Recovery")."""

import sys
from datetime import timedelta
from pathlib import Path

import bytewax.operators as op
from alert_avro import LIMIT_PER_S, decoded
from bytewax.connectors.kafka import KafkaSinkMessage
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main

bootstrap, group, target, folder = sys.argv[1:5]


def keep(state, alert):
    """The message if it is among the first hundred of its incident's second."""
    second, message = alert
    at, count = state or (-1, 0)
    count = count + 1 if at == second else 1
    return (second, count), [message] if count <= LIMIT_PER_S else []


def keyed(message):
    """An alert by its incident."""
    incident, second = decoded(message.value)
    return incident, (second, KafkaSinkMessage(message.key, message.value))


flow = Dataflow("sampling")
source = kop.input("alerts", flow, brokers=[bootstrap], topics=["alerts"], tail=True, batch_size=5_000)
alerts = op.map("decode", source.oks, keyed)
kept = op.stateful_flat_map("keep", alerts, keep)
kop.output("sampled", op.key_rm("unkey", kept), brokers=[bootstrap], topic=target)

if __name__ == "__main__":
    Path(folder).mkdir(parents=True, exist_ok=True)
    init_db_dir(Path(folder), 1)
    cli_main(flow, epoch_interval=timedelta(seconds=1), recovery_config=RecoveryConfig(folder))
