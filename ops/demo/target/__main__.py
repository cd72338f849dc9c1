"""`python -m ops.demo.target`: serves until SIGTERM or Ctrl-C.

A new process is well, whatever was wrong with the one before: faults come by POST /fault, unless `--sticky` starts it
with one.
"""

import argparse
import os
import signal
import sys
import threading
from types import FrameType

from ops.demo.flood import Flood
from ops.demo.target.fault import Fault, FaultKind, fault_of
from ops.demo.target.http import TargetServer
from ops.demo.target.limits import MB, Limits
from ops.demo.target.outlets import Identity, IntakeOutlet, KafkaOutlet, Outlet
from ops.demo.target.reporter import Heartbeat, Reporter
from ops.demo.target.service import Service


def main(arguments: list[str] | None = None) -> int:
    """Serve; returns the exit code."""
    given = _parser().parse_args(arguments)
    kind = FaultKind(given.fault)
    service = Service(given.service, _limits(given), given.replicas)
    reporter = Reporter(service, _outlet(given))
    server = TargetServer((given.host, given.port), service, kind, reporter.counts, share_port=given.share_port)
    port = server.server_address[1]
    flood = Flood(f"http://127.0.0.1:{port}/work", lambda: _flood_rate(service.fault))
    heartbeat = Heartbeat(service)
    _stop_on_signal(server)
    if given.sticky:
        service.inject(fault_of({}, kind))
    service.collector.start()
    heartbeat.start()
    reporter.start()
    flood.start()
    print(f"{given.service} serves on http://{given.host}:{port}", flush=True)
    try:
        server.serve_forever(poll_interval=0.1)
    finally:
        flood.stop()
        heartbeat.stop()
        reporter.stop()
        server.server_close()
    return 0


def _flood_rate(fault: Fault) -> float:
    return fault.severity if fault.kind == FaultKind.OVERLOAD else 0.0


def _limits(given: argparse.Namespace) -> Limits:
    usual = Limits()
    return Limits(
        headroom_bytes=given.headroom_mb * MB,
        leak_bytes=max(given.headroom_mb * MB * 5 // 4, MB),
        slots=given.slots,
        queue=given.slots * 4,
        connections=given.connections,
        query_s=usual.query_s if given.query_ms is None else given.query_ms / 1000,
    )


def _outlet(given: argparse.Namespace) -> Outlet | None:
    who = Identity(given.tenant, given.environment, given.service, f"{given.service}-{os.getpid()}")
    if given.intake:
        return IntakeOutlet(given.intake, who)
    return KafkaOutlet(given.bootstrap, who) if given.bootstrap else None


def _stop_on_signal(server: TargetServer) -> None:
    def stop(_number: int, _frame: FrameType | None) -> None:
        # `shutdown` waits for `serve_forever`, which this thread is in.
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _parser() -> argparse.ArgumentParser:
    usual = Limits()
    parser = argparse.ArgumentParser(prog="python -m ops.demo.target", description=__doc__)
    parser.add_argument("--service", default="checkout", help="its name")
    parser.add_argument("--tenant", default="default")
    parser.add_argument("--environment", default="production")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--share-port", action="store_true", help="let further instances listen on the same port")
    parser.add_argument("--intake", help="URL of `breakwater serve`, to tell telemetry to")
    parser.add_argument("--bootstrap", help="Kafka to tell telemetry to, where there is no intake")
    parser.add_argument("--fault", choices=list(FaultKind), default="none", help="what POST /fault means by default")
    parser.add_argument("--sticky", action="store_true", help="start with the fault: a restart does not help")
    parser.add_argument("--replicas", type=int, default=1, help="how many times it has slots, queue and connections")
    parser.add_argument(
        "--headroom-mb", type=int, default=usual.headroom_bytes // MB, help="memory until it is out of it"
    )
    parser.add_argument("--slots", type=int, default=usual.slots, help="requests worked on at once")
    parser.add_argument("--connections", type=int, default=usual.connections, help="size of the database pool")
    parser.add_argument("--query-ms", type=float, default=None, help="what the pretend database takes")
    return parser


if __name__ == "__main__":
    sys.exit(main())
