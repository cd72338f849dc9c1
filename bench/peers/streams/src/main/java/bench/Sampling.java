package bench;

import java.time.Duration;
import java.util.Properties;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.FixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyProcessorContext;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;

/** Keeps 100 alerts a second and incident in a durable, cached window store: Kafka Streams' Processor API. */
public final class Sampling {
  private static final int FRAME_BYTES = 10;
  private static final int LIMIT_PER_S = 100;
  private static final Duration WINDOW = Duration.ofSeconds(1);
  private static final Duration KEPT = Duration.ofMinutes(2);

  public static void main(String[] args) {
    Schema schema = new Schema.Parser().parse(System.getenv("BENCH_ALERT_SCHEMA"));
    Properties settings = new Properties();
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, args[1]);
    settings.put(StreamsConfig.STATE_DIR_CONFIG, args[3]);
    settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
    settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 1000);
    settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 64L << 20);
    settings.put("auto.offset.reset", "earliest");
    settings.put("compression.type", "lz4");
    settings.put("linger.ms", 20);

    StreamsBuilder builder = new StreamsBuilder();
    builder.addStateStore(
        Stores.windowStoreBuilder(
                Stores.persistentWindowStore("kept", KEPT, WINDOW, false), Serdes.String(), Serdes.Integer())
            .withCachingEnabled());
    builder.stream("alerts", Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
        .processValues(() -> new Keep(schema), "kept")
        .to(args[2], Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));
    KafkaStreams streams = new KafkaStreams(builder.build(), settings);
    Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
    streams.start();
  }

  private static final class Keep implements FixedKeyProcessor<byte[], byte[], byte[]> {
    private final GenericDatumReader<GenericRecord> reader;
    private FixedKeyProcessorContext<byte[], byte[]> context;
    private WindowStore<String, Integer> kept;
    private BinaryDecoder decoder;
    private GenericRecord alert;

    Keep(Schema schema) {
      reader = new GenericDatumReader<>(schema);
    }

    @Override
    public void init(FixedKeyProcessorContext<byte[], byte[]> given) {
      context = given;
      kept = given.getStateStore("kept");
    }

    @Override
    public void process(FixedKeyRecord<byte[], byte[]> record) {
      byte[] value = record.value();
      try {
        decoder = DecoderFactory.get().binaryDecoder(value, FRAME_BYTES, value.length - FRAME_BYTES, decoder);
        alert = reader.read(alert, decoder);
      } catch (java.io.IOException error) {
        throw new IllegalStateException("an alert cannot be read", error);
      }
      String incident = alert.get("incident_id").toString();
      long at = (Long) alert.get("occurred_at");
      long second = at - at % 1000;
      Integer before = kept.fetch(incident, second);
      int count = before == null ? 1 : before + 1;
      kept.put(incident, count, second);
      if (count <= LIMIT_PER_S) {
        context.forward(record);
      }
    }
  }
}
