package io.sparkhawk.executor.train;

import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.sample.SampleOrder;
import io.sparkhawk.data.shard.DataManifest;
import io.sparkhawk.data.storage.Storage;
import io.sparkhawk.executor.checkpoint.RunHashes;
import io.sparkhawk.executor.model.ModelFolder;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;

/** What makes a run this run and no other: settings, data set and teacher, as checksums. */
public final class RunIdentity {

  private RunIdentity() {}

  /**
   * The hashes of a plan at its stage. Of the settings only those count that change the result; how
   * often to save or how many workers there are does not.
   */
  public static RunHashes of(TrainingPlan plan, Configuration hadoop, Path teacherFolder) {
    String settings =
        plan.seed()
            + "|"
            + plan.elementType()
            + "|"
            + plan.student()
            + "|"
            + plan.stages().subList(0, plan.stageIndex() + 1)
            + shuffling(plan, hadoop)
            + warmStart(plan, hadoop);
    org.apache.hadoop.fs.Path data =
        new org.apache.hadoop.fs.Path(plan.dataFolder(), DataManifest.FILE_NAME);
    byte[] manifest = Storage.of(hadoop, data).read(data, "data set manifest");
    return new RunHashes(
        hex(sha256().digest(settings.getBytes(StandardCharsets.UTF_8))),
        hex(sha256().digest(manifest)),
        model(teacherFolder));
  }

  /** Nothing where the data set fits in one block: any larger one gives the same order. */
  private static String shuffling(TrainingPlan plan, Configuration hadoop) {
    org.apache.hadoop.fs.Path folder = new org.apache.hadoop.fs.Path(plan.dataFolder());
    DataManifest data = DataManifest.read(Storage.of(hadoop, folder).fileSystem(), folder);
    long blockRows = SampleOrder.blockRows(plan.shuffleBlock(), data.seqLen());
    return data.train().rows() > blockRows ? "|blocks of " + blockRows + " rows" : "";
  }

  /** Nothing where training starts from the teacher. */
  private static String warmStart(TrainingPlan plan, Configuration hadoop) {
    return plan.warmStart().isEmpty()
        ? ""
        : "|from " + model(ModelFolder.local(hadoop, plan.warmStart(), Path.of(plan.localCache())));
  }

  /** Checksum of a model's configuration and weights. */
  private static String model(Path folder) {
    MessageDigest digest = sha256();
    byte[] buffer = new byte[1 << 16];
    try (Stream<Path> files = Files.list(folder)) {
      List<Path> sorted =
          files
              .filter(file -> file.toString().matches(".*(config\\.json|\\.safetensors)"))
              .sorted()
              .toList();
      for (Path file : sorted) {
        try (DigestInputStream in = new DigestInputStream(Files.newInputStream(file), digest)) {
          while (in.read(buffer) >= 0) {
            // Reading is what feeds the digest.
          }
        }
      }
      return hex(digest.digest());
    } catch (IOException e) {
      throw new InfrastructureException("cannot read the files of the model in " + folder, e);
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java runtime has SHA-256", e);
    }
  }

  private static String hex(byte[] bytes) {
    return HexFormat.of().formatHex(bytes);
  }
}
