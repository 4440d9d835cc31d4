package io.sparkhawk.executor.worker;

import io.sparkhawk.executor.tensor.LocalDevice;
import java.io.Serializable;
import java.util.Collections;
import java.util.Objects;
import org.apache.spark.BarrierTaskContext;
import org.apache.spark.SparkEnv;
import org.apache.spark.resource.ResourceInformation;
import scala.collection.Iterator;
import scala.jdk.javaapi.CollectionConverters;
import scala.runtime.AbstractFunction1;

/**
 * The function of one barrier task: runs a {@link WorkerBody} as the rank that is the number of the
 * task's partition, and yields its result as the only element.
 *
 * @param <P> the plan
 * @param <R> the result
 */
public final class WorkerTask<P extends Serializable, R extends Serializable>
    extends AbstractFunction1<Iterator<Integer>, Iterator<R>> implements Serializable {

  private final GenerationId generation;
  private final P plan;
  private final WorkerBody<P, R> body;
  private final CollectiveOpener opener;
  private final WorkerTimeouts timeouts;

  public WorkerTask(
      GenerationId generation,
      P plan,
      WorkerBody<P, R> body,
      CollectiveOpener opener,
      WorkerTimeouts timeouts) {
    this.generation = Objects.requireNonNull(generation, "generation");
    this.plan = Objects.requireNonNull(plan, "plan");
    this.body = Objects.requireNonNull(body, "body");
    this.opener = Objects.requireNonNull(opener, "opener");
    this.timeouts = Objects.requireNonNull(timeouts, "timeouts");
  }

  /**
   * The GPU that Spark has assigned to this task, or, where it assigns none, one by the executor's
   * number.
   */
  private static int gpuIndex(BarrierTaskContext context, SparkEnv environment) {
    ResourceInformation gpu = context.resourcesJMap().get("gpu");
    String index = gpu == null ? environment.executorId() : gpu.addresses()[0];
    return index.matches("[0-9]{1,4}") ? Integer.parseInt(index) : 0;
  }

  @Override
  public Iterator<R> apply(Iterator<Integer> partition) {
    BarrierTaskContext context = BarrierTaskContext.get();
    SparkEnv environment = SparkEnv.get();
    LocalDevice.useGpu(gpuIndex(context, environment));
    Worker.Assignment assignment =
        new Worker.Assignment(
            generation,
            context.partitionId(),
            context.numPartitions(),
            environment.executorId(),
            environment.blockManager().blockManagerId().host());
    Worker<P, R> worker = new Worker<>(assignment, WorkerPlugin::ask, opener, timeouts);
    try {
      R result = worker.run(plan, body);
      return CollectionConverters.asScala(Collections.singleton(result).iterator());
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
