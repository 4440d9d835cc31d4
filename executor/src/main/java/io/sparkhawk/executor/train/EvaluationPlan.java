package io.sparkhawk.executor.train;

import io.sparkhawk.executor.tensor.DeviceKind;
import io.sparkhawk.executor.tensor.ElementType;
import java.io.Serializable;
import java.util.Map;
import java.util.Objects;

/**
 * What workers must know to measure a model.
 *
 * @param modelFolder URI of a teacher's or a student's folder
 * @param dataFolder URI of the prepared data set, whose held-out rows are used
 * @param tokens held-out tokens to use, from the start; 0 for all
 * @param device what the workers compute on
 * @param elementType what the workers compute in
 * @param hadoop settings of the Hadoop file systems beyond their defaults; may hold credentials
 * @param localCache folder on the worker's own disk for files that are not local
 * @param localCacheBytes what shards in the local cache may take
 * @param threadsPerWorker threads of each worker's tensor operations
 */
public record EvaluationPlan(
    String modelFolder,
    String dataFolder,
    long tokens,
    DeviceKind device,
    ElementType elementType,
    Map<String, String> hadoop,
    String localCache,
    long localCacheBytes,
    int threadsPerWorker)
    implements Serializable {

  public EvaluationPlan {
    Objects.requireNonNull(modelFolder, "modelFolder");
    Objects.requireNonNull(dataFolder, "dataFolder");
    Objects.requireNonNull(device, "device");
    Objects.requireNonNull(elementType, "elementType");
    hadoop = Map.copyOf(hadoop);
    Objects.requireNonNull(localCache, "localCache");
  }

  /** The measuring of another model as a training plan's end needs it. */
  static EvaluationPlan of(TrainingPlan plan, String modelFolder) {
    return new EvaluationPlan(
        modelFolder,
        plan.dataFolder(),
        plan.evaluation().finalTokens(),
        plan.device(),
        plan.elementType(),
        plan.hadoop(),
        plan.localCache(),
        plan.localCacheBytes(),
        plan.threadsPerWorker());
  }

  /** Names the model only: the Hadoop settings may hold credentials. */
  @Override
  public String toString() {
    return "EvaluationPlan[model=" + modelFolder + "]";
  }
}
