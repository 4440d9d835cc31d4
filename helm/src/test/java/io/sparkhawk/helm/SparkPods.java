package io.sparkhawk.helm;

import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.spark.SecurityManager;
import org.apache.spark.SparkConf;
import org.apache.spark.deploy.k8s.KubernetesConf;
import org.apache.spark.deploy.k8s.SparkPod;
import org.apache.spark.internal.config.ConfigEntry;
import org.apache.spark.internal.config.package$;
import org.apache.spark.resource.ResourceProfile;
import org.apache.spark.resource.ResourceProfile$;
import org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBuilder;
import scala.Option;

/** The pods that Spark makes of the chart's settings and templates. */
final class SparkPods {

  private SparkPods() {}

  /** An executor of a driver that the chart starts. */
  static Pod executor(Manifests manifests) {
    SparkConf conf = new SparkConf(false);
    JavaOptions.of(manifests).forEach(conf::set);
    return executor(conf, manifests.configFile("executor.yaml").orElseThrow(), true);
  }

  /** An executor with these settings and this template. */
  static Pod executor(SparkConf conf, String template, boolean client) {
    try (ApiServer server = ApiServer.start()) {
      Path file = Files.createTempFile("executor-", ".yaml");
      try {
        Files.writeString(file, template);
        conf.set("spark.app.name", "sparkhawk my-student")
            .set("spark.kubernetes.executor.podTemplateFile", file.toString())
            .set("spark.driver.host", conf.get("spark.driver.host", "driver.training.svc"))
            .set("spark.executor.memory", conf.get("spark.executor.memory", "1g"));
        if (client) {
          conf.set("spark.kubernetes.driver.pod.name", "mohawk-driver");
        }
        return build(conf, server);
      } finally {
        Files.delete(file);
        ResourceProfile$.MODULE$.clearDefaultProfile();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Pod build(SparkConf conf, ApiServer server) {
    ResourceProfile profile = ResourceProfile$.MODULE$.getOrCreateDefaultProfile(conf);
    var executor =
        KubernetesConf.createExecutorConf(conf, "1", "spark-app", Option.empty(), profile.id());
    ConfigEntry<Option<String>> secretFile = package$.MODULE$.AUTH_SECRET_FILE();
    SecurityManager security = new SecurityManager(conf, Option.empty(), secretFile);
    security.initializeAuth();
    SparkPod made =
        new KubernetesExecutorBuilder()
            .buildFromFeatures(executor, security, server.client(), profile)
            .pod();
    return complete(made);
  }

  /** Spark keeps the container apart from its pod until it creates both. */
  static Pod complete(SparkPod pod) {
    return new PodBuilder(pod.pod())
        .editOrNewSpec()
        .addToContainers(pod.container())
        .endSpec()
        .build();
  }
}
