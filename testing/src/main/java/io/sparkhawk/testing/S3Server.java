package io.sparkhawk.testing;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.SecureRandom;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A real S3 server (S3Proxy) in a process of its own, on a free port of the loopback interface,
 * with a random credential. Objects are files of a temporary folder: a bucket is a folder in it.
 *
 * <p>The process ends when this is closed, or when the process that started it ends in any way.
 */
public final class S3Server implements AutoCloseable {

  private static final long START_SECONDS = 60;
  private static final long LOOK_AGAIN_MILLIS = 20;
  private static final Pattern STARTED =
      Pattern.compile("Started .*ServerConnector.*\\{127\\.0\\.0\\.1:(\\d+)}");

  private final Process process;
  private final Path folder;
  private final int port;
  private final String accessKey;
  private final String secretKey;

  private S3Server(Process process, Path folder, int port, String accessKey, String secretKey) {
    this.process = process;
    this.folder = folder;
    this.port = port;
    this.accessKey = accessKey;
    this.secretKey = secretKey;
  }

  /** Starts a server and returns when it answers. */
  public static S3Server start() {
    try {
      Path folder = Files.createTempDirectory("s3-server-");
      String accessKey = random();
      String secretKey = random();
      Process process = launch(folder, accessKey, secretKey);
      try {
        return new S3Server(process, folder, awaitPort(process, log(folder)), accessKey, secretKey);
      } catch (IOException | RuntimeException e) {
        process.destroyForcibly();
        throw e;
      }
    } catch (IOException e) {
      throw new UncheckedIOException("The S3 server cannot be started", e);
    }
  }

  private static Process launch(Path folder, String accessKey, String secretKey)
      throws IOException {
    Files.createDirectory(objects(folder));
    Path properties =
        Files.writeString(
            folder.resolve("s3proxy.properties"),
            """
            s3proxy.endpoint=http://127.0.0.1:0
            s3proxy.authorization=aws-v4
            jclouds.provider=filesystem-nio2
            jclouds.identity=unused
            jclouds.credential=unused
            jclouds.filesystem.basedir=%s
            """
                .formatted(objects(folder)));
    Path logging = folder.resolve("logback.xml");
    try (InputStream in = resource("s3-server-logback.xml")) {
      Files.copy(in, logging, StandardCopyOption.REPLACE_EXISTING);
    }
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx256m",
            "-XX:TieredStopAtLevel=1", // it starts faster, and need not be fast
            "-Dlogback.configurationFile=" + logging,
            S3ServerProcess.class.getName(),
            properties.toString());
    builder.environment().put("CLASSPATH", ownClasses() + ":" + serverClassPath());
    builder.environment().put(S3ServerProcess.ACCESS_KEY, accessKey);
    builder.environment().put(S3ServerProcess.SECRET_KEY, secretKey);
    return builder.redirectErrorStream(true).redirectOutput(log(folder).toFile()).start();
  }

  private static String ownClasses() {
    return S3Server.class.getProtectionDomain().getCodeSource().getLocation().getPath();
  }

  private static String serverClassPath() throws IOException {
    try (InputStream in = resource("s3-server.classpath")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8).strip();
    }
  }

  private static InputStream resource(String name) throws IOException {
    InputStream in = S3Server.class.getResourceAsStream(name);
    if (in == null) {
      throw new IOException(
          "the resource " + name + " is missing; build the module testing with its tests on");
    }
    return in;
  }

  /** The server says in its log which port it was given. */
  private static int awaitPort(Process process, Path log) throws IOException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_SECONDS);
    while (System.nanoTime() < deadline) {
      Matcher started = STARTED.matcher(Files.readString(log));
      if (started.find()) {
        return Integer.parseInt(started.group(1));
      }
      try {
        if (process.waitFor(LOOK_AGAIN_MILLIS, TimeUnit.MILLISECONDS)) {
          break;
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        break;
      }
    }
    throw new IOException("it did not start; it said: " + Files.readString(log));
  }

  private static String random() {
    byte[] bytes = new byte[16];
    new SecureRandom().nextBytes(bytes);
    return new BigInteger(1, bytes).toString(Character.MAX_RADIX);
  }

  private static Path objects(Path folder) {
    return folder.resolve("objects");
  }

  private static Path log(Path folder) {
    return folder.resolve("server.log");
  }

  /** Port on 127.0.0.1. */
  public int port() {
    return port;
  }

  /** Makes a new bucket. */
  public String bucket(String name) {
    try {
      Files.createDirectory(objects(folder).resolve(name));
      return name;
    } catch (IOException e) {
      throw new UncheckedIOException("The bucket " + name + " cannot be made", e);
    }
  }

  /**
   * The file that holds an object's bytes.
   *
   * @param key bucket and key: {@code bucket/a/b}
   */
  public Path object(String key) {
    return objects(folder).resolve(key);
  }

  /** The secret part of the credential. */
  public String secretKey() {
    return secretKey;
  }

  /** Hadoop's settings with which s3a finds this server. */
  public Map<String, String> hadoopSettings() {
    return hadoopSettings(port);
  }

  /** Hadoop's settings with which s3a finds this server behind another port of 127.0.0.1. */
  public Map<String, String> hadoopSettings(int otherPort) {
    Map<String, String> settings = new HashMap<>();
    settings.put("fs.s3a.endpoint", "http://127.0.0.1:" + otherPort);
    settings.put("fs.s3a.endpoint.region", "us-east-1");
    settings.put("fs.s3a.path.style.access", "true");
    settings.put("fs.s3a.access.key", accessKey);
    settings.put("fs.s3a.secret.key", secretKey);
    return Map.copyOf(settings);
  }

  /** What the server has printed. */
  public List<String> log() {
    try {
      return Files.readAllLines(log(folder));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Ends the process and deletes all objects. */
  @Override
  public void close() {
    process.destroyForcibly();
    try {
      process.waitFor(START_SECONDS, TimeUnit.SECONDS);
      try (Stream<Path> files = Files.walk(folder)) {
        files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException e) {
      throw new UncheckedIOException("The server's folder cannot be deleted", e);
    }
  }
}
