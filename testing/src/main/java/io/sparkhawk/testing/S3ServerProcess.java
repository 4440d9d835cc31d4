package io.sparkhawk.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationTargetException;
import java.util.Map;

/**
 * The server's own process: S3Proxy, which ends when its parent does. Only the JDK and the server's
 * libraries are on its class path.
 */
final class S3ServerProcess {

  /** Where the parent puts what must not be seen in a listing of processes. */
  static final String ACCESS_KEY = "S3_SERVER_ACCESS_KEY";

  static final String SECRET_KEY = "S3_SERVER_SECRET_KEY";

  private S3ServerProcess() {}

  /** Takes the path of a properties file, which the credential is added to. */
  public static void main(String[] arguments) throws ReflectiveOperationException {
    Thread watch = new Thread(S3ServerProcess::endWithTheParent, "parent-watch");
    watch.setDaemon(true);
    watch.start();
    Map<String, String> environment = System.getenv();
    System.setProperty("s3proxy.identity", environment.get(ACCESS_KEY));
    System.setProperty("s3proxy.credential", environment.get(SECRET_KEY));
    try {
      Class.forName("org.gaul.s3proxy.Main")
          .getMethod("main", String[].class)
          .invoke(null, (Object) new String[] {"--properties", arguments[0]});
    } catch (InvocationTargetException e) {
      e.getCause().printStackTrace();
      System.exit(1);
    }
  }

  /** The parent's end of standard input is closed by the system however the parent ends. */
  private static void endWithTheParent() {
    try {
      while (System.in.read() >= 0) {
        // The parent writes nothing.
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      Runtime.getRuntime().halt(0);
    }
  }
}
