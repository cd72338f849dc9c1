"""The messages of Prometheus remote write, 1.0 and 2.0, as protobuf classes; what is not read here is passed over by the parser.

Sources: prometheus/prompb/remote.proto and types.proto (1.0), prometheus/prompb/io/prometheus/write/v2/types.proto (2.0).
"""

from typing import Any

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

_F = FieldDescriptorProto
_TYPES = {"double": _F.TYPE_DOUBLE, "int64": _F.TYPE_INT64, "uint64": _F.TYPE_UINT64, "uint32": _F.TYPE_UINT32,
          "string": _F.TYPE_STRING}  # fmt: skip

# name: ((field, number, type, repeated), …); a type that is none of the above is a message of the same file.
_Fields = tuple[tuple[str, int, str, bool], ...]
_SAMPLE: _Fields = (("value", 1, "double", False), ("timestamp", 2, "int64", False))
# Counts and sum: buckets are counted as passed over.
_HISTOGRAM: _Fields = (
    ("count_int", 1, "uint64", False), ("count_float", 2, "double", False), ("sum", 3, "double", False),
    ("timestamp", 15, "int64", False),
)  # fmt: skip
_V1: dict[str, _Fields] = {
    "Label": (("name", 1, "string", False), ("value", 2, "string", False)),
    "Sample": _SAMPLE,
    "Histogram": _HISTOGRAM,
    "Anything": (),
    "TimeSeries": (("labels", 1, "Label", True), ("samples", 2, "Sample", True), ("exemplars", 3, "Anything", True),
                   ("histograms", 4, "Histogram", True)),
    "WriteRequest": (("timeseries", 1, "TimeSeries", True), ("metadata", 3, "Anything", True)),
}  # fmt: skip
_V2: dict[str, _Fields] = {
    "Sample": _SAMPLE,
    "Histogram": _HISTOGRAM,
    "Anything": (),
    "Metadata": (("type", 1, "uint32", False), ("help_ref", 3, "uint32", False), ("unit_ref", 4, "uint32", False)),
    "TimeSeries": (("labels_refs", 1, "uint32", True), ("samples", 2, "Sample", True), ("histograms", 3, "Histogram", True),
                   ("exemplars", 4, "Anything", True), ("metadata", 5, "Metadata", False)),
    "Request": (("symbols", 4, "string", True), ("timeseries", 5, "TimeSeries", True)),
}  # fmt: skip


def _classes(package: str, messages: dict[str, _Fields]) -> dict[str, Any]:
    file = FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    for name, fields in messages.items():
        message = DescriptorProto(name=name)
        for field, number, kind, repeated in fields:
            made = message.field.add(name=field, number=number)
            made.label = _F.LABEL_REPEATED if repeated else _F.LABEL_OPTIONAL
            made.type = _TYPES.get(kind, _F.TYPE_MESSAGE)
            if kind not in _TYPES:
                made.type_name = f".{package}.{kind}"
        file.message_type.append(message)
    pool = DescriptorPool()
    pool.Add(file)
    return {name: GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}")) for name in messages}


WriteRequest: Any = _classes("prometheus", _V1)["WriteRequest"]
Request: Any = _classes("io.prometheus.write.v2", _V2)["Request"]
