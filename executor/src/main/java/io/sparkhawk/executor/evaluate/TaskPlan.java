package io.sparkhawk.executor.evaluate;

import io.sparkhawk.executor.tensor.DeviceKind;
import io.sparkhawk.executor.tensor.ElementType;
import java.io.Serializable;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * What workers must know to score tasks.
 *
 * @param modelFolders URIs of the models' folders, each with a tokenizer.json
 * @param taskFiles URIs of the task files
 * @param maxLength most tokens that a model reads at once; less where one of the models has fewer
 *     positions
 * @param endOfText the token that stands for an empty context
 * @param device what the workers compute on
 * @param elementType what the workers compute in
 * @param hadoop settings of the Hadoop file systems beyond their defaults; may hold credentials
 * @param localCache folder on the worker's own disk for files that are not local
 * @param threadsPerWorker threads of each worker's tensor operations
 */
public record TaskPlan(
    List<String> modelFolders,
    List<String> taskFiles,
    int maxLength,
    String endOfText,
    DeviceKind device,
    ElementType elementType,
    Map<String, String> hadoop,
    String localCache,
    int threadsPerWorker)
    implements Serializable {

  public TaskPlan {
    modelFolders = List.copyOf(modelFolders);
    taskFiles = List.copyOf(taskFiles);
    Objects.requireNonNull(endOfText, "endOfText");
    Objects.requireNonNull(device, "device");
    Objects.requireNonNull(elementType, "elementType");
    hadoop = Map.copyOf(hadoop);
    Objects.requireNonNull(localCache, "localCache");
  }

  /** Names models and tasks only: the Hadoop settings may hold credentials. */
  @Override
  public String toString() {
    return "TaskPlan[models=" + modelFolders + ", tasks=" + taskFiles + "]";
  }
}
