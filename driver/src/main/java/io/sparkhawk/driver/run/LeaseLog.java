package io.sparkhawk.driver.run;

import io.sparkhawk.data.error.InfrastructureException;
import io.sparkhawk.data.storage.JsonFormat;
import io.sparkhawk.data.storage.Storage;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.Path;

/**
 * The numbered entries of a run's lease, of which the one with the highest number counts.
 *
 * <pre>
 * &lt;run folder&gt;/supervisor/lease-&lt;number&gt;.json
 * </pre>
 *
 * <p>Taking the run, renewing the lease, taking it over and giving it back are all the same step:
 * one conditional create of the next number. So of a holder that renews late and another process
 * that takes over, exactly one succeeds.
 */
final class LeaseLog {

  private static final Pattern NAME = Pattern.compile("lease-(\\d{10})\\.json");
  private static final int LOOKS = 10;

  private final Storage storage;
  private final Path folder;

  /** An entry with its number. */
  record Entry(long number, LeaseRecord record) {}

  LeaseLog(Storage storage, Path runFolder) {
    this.storage = storage;
    this.folder = new Path(runFolder, "supervisor");
  }

  /**
   * Tries to write the entry of that number. Whether it counts is told by {@link #newest} alone:
   * the number may be one that was swept, or the reply to an earlier attempt may have been lost.
   */
  void offer(long number, LeaseRecord record) {
    storage.createIfAbsent(file(number), JsonFormat.write(record));
  }

  /** The entry that counts, or empty before the first. */
  Optional<Entry> newest() {
    for (int look = 0; look < LOOKS; look++) {
      Optional<Long> number = numbers().stream().max(Long::compare);
      if (number.isEmpty()) {
        return Optional.empty();
      }
      Optional<byte[]> content = storage.readIfPresent(file(number.get()));
      if (content.isPresent()) {
        return Optional.of(
            new Entry(
                number.get(),
                JsonFormat.read(content.get(), LeaseRecord.class, file(number.get()))));
      }
      // Swept since it was listed, so there is a newer one.
    }
    throw new InfrastructureException(
        "The lease in " + folder + " changes too fast to be read. Run the same command again.");
  }

  /** Deletes entries that count no more. Nothing relies on it: what cannot be deleted stays. */
  void sweep(Entry newest) {
    for (long number : numbers()) {
      // The one before stays for those who have just listed it.
      if (number < newest.number() - 1) {
        try {
          storage.fileSystem().delete(file(number), false);
        } catch (IOException e) {
          return; // The next renewal tries again.
        }
      }
    }
  }

  private List<Long> numbers() {
    List<Long> numbers = new ArrayList<>();
    try {
      for (FileStatus file : storage.fileSystem().listStatus(folder)) {
        Matcher name = NAME.matcher(file.getPath().getName());
        if (name.matches()) {
          numbers.add(Long.parseLong(name.group(1)));
        }
      }
    } catch (FileNotFoundException e) {
      return List.of();
    } catch (IOException e) {
      throw Storage.readFailure(folder, e);
    }
    return numbers;
  }

  private Path file(long number) {
    return new Path(folder, String.format(Locale.ROOT, "lease-%010d.json", number));
  }
}
