package io.sparkhawk.executor.worker;

import java.io.Serializable;
import java.util.List;
import java.util.Objects;

/**
 * What a worker asks the coordinator, over the RPC of Spark's plugins. Every message is answered at
 * once with a {@link CoordinatorReply}; asking again after a lost answer does no harm.
 */
public sealed interface CoordinatorMessage extends Serializable {

  /** The generation that the sender belongs to. */
  GenerationId generation();

  /** The sender's rank. */
  int rank();

  /**
   * "I am here; what is my place?" Asked again until the answer is a place.
   *
   * @param worldSize how many workers the sender expects
   * @param executorId Spark's name of the sender's process
   * @param address where the sender listens for its peers ({@code host:port})
   */
  record Join(GenerationId generation, int rank, int worldSize, String executorId, String address)
      implements CoordinatorMessage {
    public Join {
      Objects.requireNonNull(generation, "generation");
      Objects.requireNonNull(executorId, "executorId");
      Objects.requireNonNull(address, "address");
      if (worldSize < 1) {
        throw new IllegalArgumentException("worldSize must be positive: " + worldSize);
      }
      Objects.checkIndex(rank, worldSize);
    }
  }

  /**
   * "I am alive."
   *
   * @param firstEvent number of the first of {@code events} among all that the sender ever told
   * @param events what happened since the last heartbeat that was answered, oldest first
   */
  record Heartbeat(GenerationId generation, int rank, long firstEvent, List<WorkerEvent> events)
      implements CoordinatorMessage {
    public Heartbeat {
      Objects.requireNonNull(generation, "generation");
      events = List.copyOf(events);
    }
  }

  /** "My part is done." */
  record Finished(GenerationId generation, int rank) implements CoordinatorMessage {
    public Finished {
      Objects.requireNonNull(generation, "generation");
    }
  }

  /** "I failed." Sent before the sender's peers can notice. */
  record Failed(GenerationId generation, int rank, WorkerFailure failure)
      implements CoordinatorMessage {
    public Failed {
      Objects.requireNonNull(generation, "generation");
      Objects.requireNonNull(failure, "failure");
    }
  }
}
