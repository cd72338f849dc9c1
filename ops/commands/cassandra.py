"""`breakwater cassandra`: the embedded Apache Cassandra alone."""

from ops.commands.embedded import Wording, embedded_app
from ops.commands.options import tell_on_stderr
from ops.embedded.cassandra import EmbeddedCassandra
from ops.settings import load_settings


def _server() -> EmbeddedCassandra:
    settings = load_settings()
    return EmbeddedCassandra(settings.home, jars_dir=settings.jars, progress=tell_on_stderr)


app = embedded_app(Wording("cassandra", "Apache Cassandra", "contact_points"), _server)
