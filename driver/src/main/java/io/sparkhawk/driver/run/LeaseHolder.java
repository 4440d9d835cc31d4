package io.sparkhawk.driver.run;

import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.UUID;

/**
 * The process that drives a run, as its lease names it.
 *
 * @param id tells this holding of the run from any other
 * @param host the machine's name, for people
 * @param processId as its system counts processes
 * @param startedAt when the process was started, which tells it from a later one of the same number
 * @param processSpace within which {@code processId} is unique: this start of the machine and, in a
 *     container, its process namespace; empty if that cannot be told
 */
record LeaseHolder(String id, String host, long processId, String startedAt, String processSpace) {

  private static final Path BOOT_ID = Path.of("/proc/sys/kernel/random/boot_id");
  private static final Path PROCESS_NAMESPACE = Path.of("/proc/self/ns/pid");

  /** A new holding by this process. */
  static LeaseHolder thisProcess() {
    return ofProcess(ProcessHandle.current());
  }

  static LeaseHolder ofProcess(ProcessHandle process) {
    return new LeaseHolder(
        UUID.randomUUID().toString(),
        hostName(),
        process.pid(),
        startOf(process),
        currentProcessSpace());
  }

  /**
   * Whether the process is known to be gone: it lived among the processes that this one sees, and
   * is not there any more. Of other machines' processes nothing is known.
   */
  boolean hasEnded() {
    if (processSpace.isEmpty() || !processSpace.equals(currentProcessSpace())) {
      return false;
    }
    return ProcessHandle.of(processId)
        .filter(ProcessHandle::isAlive)
        .map(process -> !startOf(process).equals(startedAt))
        .orElse(true);
  }

  private static String startOf(ProcessHandle process) {
    return process.info().startInstant().map(Instant::toString).orElse("");
  }

  private static String currentProcessSpace() {
    try {
      return Files.readString(BOOT_ID).strip() + " " + Files.readSymbolicLink(PROCESS_NAMESPACE);
    } catch (IOException e) {
      return ""; // Not on Linux: then only the lease's term counts.
    }
  }

  private static String hostName() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "unknown host";
    }
  }

  @Override
  public String toString() {
    return "process " + processId + " on " + host;
  }
}
