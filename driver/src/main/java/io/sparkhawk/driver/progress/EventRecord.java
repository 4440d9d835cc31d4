package io.sparkhawk.driver.progress;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * The bytes of one record of a TensorBoard event file.
 *
 * <p>A record is a TFRecord (TensorFlow's {@code record_writer.cc}): the length of the content in 8
 * bytes, its checksum in 4, the content, its checksum in 4, all little-endian. A checksum is a
 * CRC32C, masked. The content is a protocol buffer message {@code Event} (TensorFlow's {@code
 * event.proto} and {@code summary.proto}), of which this class writes the fields
 *
 * <pre>
 * Event:      double wall_time = 1; int64 step = 2; string file_version = 3;
 *             Summary summary = 5; SessionLog session_log = 7
 * Summary:    repeated Value value = 1
 * Value:      string tag = 1; float simple_value = 2
 * SessionLog: SessionStatus status = 1, where START is 1
 * </pre>
 */
final class EventRecord {

  private static final String FILE_VERSION = "brain.Event:2";
  private static final int SESSION_START = 1;

  private static final int VARINT = 0;
  private static final int FIXED_64 = 1;
  private static final int LENGTH_DELIMITED = 2;
  private static final int FIXED_32 = 5;

  private EventRecord() {}

  /** The first record of every file. */
  static byte[] fileVersion(Instant time) {
    Message event = event(time, 0);
    event.bytes(3, FILE_VERSION.getBytes(StandardCharsets.UTF_8));
    return framed(event.toByteArray());
  }

  /** A beginning, or another one: what was written of {@code step} and later counts no more. */
  static byte[] sessionStart(Instant time, long step) {
    Message session = new Message();
    session.varint(1, SESSION_START);
    Message event = event(time, step);
    event.bytes(7, session.toByteArray());
    return framed(event.toByteArray());
  }

  /** Values of a step by their tags. */
  static byte[] scalars(Instant time, long step, Map<String, Double> values) {
    Message summary = new Message();
    values.forEach(
        (tag, number) -> {
          Message value = new Message();
          value.bytes(1, tag.getBytes(StandardCharsets.UTF_8));
          value.float32(2, number.floatValue());
          summary.bytes(1, value.toByteArray());
        });
    Message event = event(time, step);
    event.bytes(5, summary.toByteArray());
    return framed(event.toByteArray());
  }

  private static Message event(Instant time, long step) {
    Message event = new Message();
    event.float64(1, time.getEpochSecond() + time.getNano() / 1e9);
    event.varint(2, step);
    return event;
  }

  private static byte[] framed(byte[] content) {
    ByteBuffer frame = ByteBuffer.allocate(content.length + 16).order(ByteOrder.LITTLE_ENDIAN);
    frame.putLong(content.length);
    frame.putInt(maskedChecksum(frame.array(), 8));
    frame.put(content);
    frame.putInt(maskedChecksum(content, content.length));
    return frame.array();
  }

  /** Masked as TensorFlow's {@code crc32c.h} does, for data that hold checksums themselves. */
  private static int maskedChecksum(byte[] bytes, int length) {
    CRC32C checksum = new CRC32C();
    checksum.update(bytes, 0, length);
    return Integer.rotateRight((int) checksum.getValue(), 15) + 0xa282ead8;
  }

  /** A protocol buffer message under construction. */
  private static final class Message extends ByteArrayOutputStream {

    void varint(int field, long value) {
      tag(field, VARINT);
      varint(value);
    }

    void float64(int field, double value) {
      tag(field, FIXED_64);
      fixed(Double.doubleToLongBits(value), Double.BYTES);
    }

    void float32(int field, float value) {
      tag(field, FIXED_32);
      fixed(Float.floatToIntBits(value), Float.BYTES);
    }

    void bytes(int field, byte[] value) {
      tag(field, LENGTH_DELIMITED);
      varint(value.length);
      writeBytes(value);
    }

    private void tag(int field, int wireType) {
      varint(((long) field << 3) | wireType);
    }

    /** Seven bits a byte, the lowest first; all but the last byte have the eighth bit set. */
    private void varint(long value) {
      long rest = value;
      while ((rest & ~0x7FL) != 0) {
        write((int) ((rest & 0x7F) | 0x80));
        rest >>>= 7;
      }
      write((int) rest);
    }

    private void fixed(long bits, int bytes) {
      for (int i = 0; i < bytes; i++) {
        write((int) (bits >>> (8 * i)));
      }
    }
  }
}
