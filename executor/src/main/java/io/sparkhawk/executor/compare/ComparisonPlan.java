package io.sparkhawk.executor.compare;

import io.sparkhawk.executor.tensor.DeviceKind;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.train.ModelTasks;
import io.sparkhawk.executor.train.TrainingPlan;
import java.io.Serializable;
import java.util.Map;
import java.util.Objects;

/**
 * What a process must know to compare a teacher with its student.
 *
 * @param teacherFolder URI of the teacher's folder; continuations need a tokenizer.json in it
 * @param studentFolder URI of the finished student's folder
 * @param dataFolder URI of the prepared data set, whose held-out rows stand in for texts that are
 *     not chosen
 * @param choice what is compared
 * @param device what to compute on
 * @param elementType what to compute in
 * @param hadoop settings of the Hadoop file systems beyond their defaults; may hold credentials
 * @param localCache folder on the process's own disk for files that are not local
 * @param localCacheBytes what shards in the local cache may take
 * @param threadsPerWorker threads of the tensor operations
 */
public record ComparisonPlan(
    String teacherFolder,
    String studentFolder,
    String dataFolder,
    ComparisonChoice choice,
    DeviceKind device,
    ElementType elementType,
    Map<String, String> hadoop,
    String localCache,
    long localCacheBytes,
    int threadsPerWorker)
    implements Serializable {

  public ComparisonPlan {
    Objects.requireNonNull(teacherFolder, "teacherFolder");
    Objects.requireNonNull(studentFolder, "studentFolder");
    Objects.requireNonNull(dataFolder, "dataFolder");
    Objects.requireNonNull(choice, "choice");
    Objects.requireNonNull(device, "device");
    Objects.requireNonNull(elementType, "elementType");
    hadoop = Map.copyOf(hadoop);
    Objects.requireNonNull(localCache, "localCache");
  }

  /** The comparison of a training plan's teacher with the student in its run's folder. */
  public static ComparisonPlan of(TrainingPlan plan) {
    return new ComparisonPlan(
        plan.teacherFolder(),
        plan.runFolder() + "/" + ModelTasks.STUDENT_FOLDER,
        plan.dataFolder(),
        ComparisonChoice.usual(),
        plan.device(),
        plan.elementType(),
        plan.hadoop(),
        plan.localCache(),
        plan.localCacheBytes(),
        plan.threadsPerWorker());
  }

  /** Names the models only: the Hadoop settings may hold credentials. */
  @Override
  public String toString() {
    return "ComparisonPlan[teacher=" + teacherFolder + ", student=" + studentFolder + "]";
  }
}
