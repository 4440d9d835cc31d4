package io.sparkhawk.executor.worker;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.ObjectStreamClass;
import java.io.Serializable;
import java.io.UncheckedIOException;

/**
 * Messages between workers and coordinator as bytes.
 *
 * <p>Spark's own threads read what a plugin sends, and know only Spark's classes when ours come
 * with the application, as those that spark-submit sends do: a message of another class would end
 * the connection. So Spark sees bytes, and this class's loader finds what they stand for.
 */
public final class Wire {

  private Wire() {}

  /** The message as bytes. */
  public static byte[] write(Serializable message) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(message);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  /**
   * The message that the bytes stand for.
   *
   * @throws IllegalArgumentException if they are none of this type
   */
  public static <T> T read(Object bytes, Class<T> type) {
    if (!(bytes instanceof byte[] content)) {
      throw new IllegalArgumentException("not a message: " + bytes.getClass());
    }
    try (ObjectInputStream in = new OurClasses(new ByteArrayInputStream(content))) {
      return type.cast(in.readObject());
    } catch (IOException | ClassNotFoundException | ClassCastException e) {
      throw new IllegalArgumentException("not a " + type.getSimpleName() + ": " + e, e);
    }
  }

  private static final class OurClasses extends ObjectInputStream {

    OurClasses(InputStream in) throws IOException {
      super(in);
    }

    @Override
    protected Class<?> resolveClass(ObjectStreamClass description)
        throws IOException, ClassNotFoundException {
      try {
        return Class.forName(description.getName(), false, Wire.class.getClassLoader());
      } catch (ClassNotFoundException e) {
        return super.resolveClass(description); // Primitive types.
      }
    }
  }
}
