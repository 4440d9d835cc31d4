package io.sparkhawk.driver.retrain;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.data.error.UnknownStateException;
import io.sparkhawk.data.shard.DataManifest;
import io.sparkhawk.data.shard.ShardSources;
import io.sparkhawk.data.storage.Checksum;
import io.sparkhawk.data.storage.Storage;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.apache.hadoop.fs.Path;

/** The data sets of the rounds: what was new to each, and what each trained on. */
final class DataFolders {

  private final Storage storage;
  private final Path folder;

  DataFolders(Storage storage, Path folder) {
    this.storage = storage;
    this.folder = folder;
  }

  /** Where the data is that was new to a round. */
  Path fresh(Round round) {
    return new Path(new Path(folder, round.id()), "new");
  }

  /** Where the data is that a round trains on. */
  Path mixed(Round round) {
    return new Path(new Path(folder, round.id()), "data");
  }

  boolean isPrepared(Round round) {
    return DataManifest.readIfPresent(storage.fileSystem(), fresh(round)).isPresent();
  }

  Mixture.Part part(Round round) {
    Path at = fresh(round);
    return new Mixture.Part(round.number(), at, DataManifest.read(storage.fileSystem(), at));
  }

  /**
   * Makes the data set that a round trains on, or what is left to do of it.
   *
   * @param earlier rounds that have learned their data: those to carry and those to replay from
   */
  RoundData mix(Round round, List<Round> earlier, double replayShare) {
    Mixture.Part fresh = part(round);
    List<Mixture.Part> carried = new ArrayList<>();
    List<Mixture.Part> old = new ArrayList<>();
    int unfit = 0;
    for (Round other : earlier) {
      Mixture.Part part = part(other);
      if (!part.fits(fresh)) {
        unfit++;
      } else if (round.carried().contains(other.number())) {
        carried.add(part);
      } else {
        old.add(part);
      }
    }
    Mixture mixture = Mixture.of(fresh, carried, old, replayShare, round.id());
    write(mixture, mixed(round));
    return described(mixture, mixed(round), unfit);
  }

  private static RoundData described(Mixture mixture, Path target, int unfit) {
    long fresh = mixture.fresh().manifest().train().tokens();
    long replayed = mixture.replayedTokens();
    long all = fresh + mixture.carriedTokens() + replayed;
    return new RoundData(
        target.toString(),
        fresh,
        mixture.carriedTokens(),
        replayed,
        mixture.replayed().size(),
        (double) replayed / all,
        unfit,
        mixture.fresh().manifest().validation().tokens(),
        Checksum.of(
            mixture.heldOut().stream()
                .map(shard -> shard.entry().sha256())
                .collect(Collectors.joining("|"))));
  }

  /** The manifest comes last: a folder without it is no data set. */
  private void write(Mixture mixture, Path target) {
    if (DataManifest.readIfPresent(storage.fileSystem(), target).isPresent()) {
      return;
    }
    mixture.train().forEach(shard -> copy(shard, target));
    mixture.heldOut().forEach(shard -> copy(shard, target));
    mixture.heldOut().forEach(shard -> copySources(shard, target));
    Path manifest = new Path(target, DataManifest.FILE_NAME);
    if (!storage.createIfAbsent(manifest, mixture.manifest().toJson())) {
      throw new UnknownStateException(
          manifest + " was written with other shards than those of this round.");
    }
  }

  private void copy(Mixture.Shard shard, Path target) {
    Path from = new Path(shard.part().folder(), shard.entry().file());
    Path to = new Path(target, shard.renamed().file());
    try {
      if (hasLength(to, shard.entry().bytes())) {
        return;
      }
      java.nio.file.Path copy = Files.createTempFile("sparkhawk-shard-", ".arrow");
      try (InputStream in = storage.fileSystem().open(from)) {
        long unused = Files.copy(in, copy, StandardCopyOption.REPLACE_EXISTING);
        if (!Checksum.of(copy).equals(shard.entry().sha256())) {
          throw new DataException(
              "The shard " + from + " is damaged: its checksum is not that of its manifest.");
        }
        storage.fileSystem().mkdirs(target);
        storage.publish(copy, to);
      } finally {
        Files.deleteIfExists(copy);
      }
    } catch (FileNotFoundException e) {
      throw new DataException("The shard " + from + " is missing.", e);
    } catch (IOException e) {
      throw Storage.readFailure(from, e);
    }
  }

  private void copySources(Mixture.Shard shard, Path target) {
    Path from = ShardSources.file(shard.part().folder(), shard.entry());
    Path to = ShardSources.file(target, shard.renamed());
    storage
        .readIfPresent(from)
        .filter(content -> !storage.createIfAbsent(to, content))
        .ifPresent(
            content -> {
              throw new UnknownStateException(to + " was written with another content.");
            });
  }

  private boolean hasLength(Path file, long bytes) throws IOException {
    try {
      return storage.fileSystem().getFileStatus(file).getLen() == bytes;
    } catch (FileNotFoundException e) {
      return false;
    }
  }
}
