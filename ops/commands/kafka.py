"""`breakwater kafka`: the embedded Apache Kafka alone."""

from ops.commands.embedded import Wording, embedded_app
from ops.commands.options import tell_on_stderr
from ops.embedded.kafka import EmbeddedKafka
from ops.settings import load_settings


def _server() -> EmbeddedKafka:
    settings = load_settings()
    return EmbeddedKafka(settings.home, jars_dir=settings.jars, progress=tell_on_stderr)


app = embedded_app(Wording("kafka", "Apache Kafka", "bootstrap"), _server)
