package io.sparkhawk.helm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SchemaTest {

  @Test
  void theSchemaOfTheRunIsThatOfTheProgram() throws IOException {
    Kept.assertKept("values.schema.json", RunSchema.inside(Chart.text("values.schema.json")));
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = ';',
      textBlock =
          """
          platform: {gpus: {enabled: true}}; /platform; 'gpus'
          platform: {image: {tag: 1.0}}; /platform/image/tag; got number, want string
          platform: {image: {pullPolicy: Sometimes}}; /platform/image/pullPolicy; 'IfNotPresent'
          platform: {image: {digest: latest}}; /platform/image/digest; does not match pattern
          platform: {gpu: {enabled: "yes"}}; /platform/gpu/enabled; got string, want boolean
          platform: {gpu: {count: 2}}; /platform/gpu; 'count'
          platform: {executor: {cores: 0}}; /platform/executor/cores; minimum
          platform: {executor: {memoryOverhead: 4Gi}}; /platform/executor/memoryOverhead; does not match pattern
          platform: {executor: {startTimeout: soon}}; /platform/executor/startTimeout; does not match pattern
          platform: {executor: {cacheSize: plenty}}; /platform/executor/cacheSize; does not match pattern
          platform: {security: {runAsUser: 0}}; /platform/security/runAsUser; minimum
          platform: {gang: {scheduler: slurm}}; /platform/gang/scheduler; 'volcano'
          platform: {networkPolicy: {storage: {cidrs: [example.com]}}}; /platform/networkPolicy/storage/cidrs/0; does not match pattern
          platform: {driver: {ports: {rpc: 80}}}; /platform/driver/ports/rpc; minimum
          platform: {storage: {credentials: {accessKey: AKIA}}}; /platform/storage/credentials; 'accessKey'
          platform: {storage: {endpoint: "https://key:secret@store"}}; /platform/storage/endpoint; does not match pattern
          platform: {spark: {spark.hadoop.fs.s3a.secret.key: x}}; /platform/spark/spark.hadoop.fs.s3a.secret.key; false schema
          platform: {spark: {spark.hadoop.fs.s3a.bucket.b.access.key: x}}; /platform/spark/spark.hadoop.fs.s3a.bucket.b.access.key; false schema
          platform: {spark: {spark.authenticate.SECRET: x}}; /platform/spark/spark.authenticate.SECRET; false schema
          platform: {spark: {spark.ssl.keyPassword: x}}; /platform/spark/spark.ssl.keyPassword; false schema
          platform: {spark: {fs.s3a.endpoint: x}}; /platform/spark; fs.s3a.endpoint
          run: {spark: {spark.hadoop.fs.s3a.session.token: x}}; /run/spark/spark.hadoop.fs.s3a.session.token; false schema
          retrain: {config: {training: {spark: {spark.hadoop.fs.s3a.secret.key: x}}}}; /retrain/config/training/spark/spark.hadoop.fs.s3a.secret.key; false schema
          retrain: {config: {workers: 4}}; /retrain/config; 'workers'
          retrain: {config: {training: {data: d}}}; /retrain/config/training; 'data'
          retrain: {config: {gates: {min-tokens: many}}}; /retrain/config/gates/min-tokens; does not match pattern
          retrain: {config: {replay-share: 2}}; /retrain/config/replay-share; maximum
          run: {worker: 2}; /run; 'worker'
          run: {workers: 0}; /run/workers; minimum
          run: {workers: many}; /run/workers; does not match pattern
          run: {device: tpu}; /run/device; 'cpu', 'gpu'
          run: {stages: [{name: matrix, tokens: 80M}]}; /run/stages/0; learning-rate
          run: {stages: [{name: polish, tokens: 1, learning-rate: 1}]}; /run/stages/0/name; 'matrix', 'hidden', 'distill'
          run: {stages: [{name: matrix, tokens: 8 million, learning-rate: 1}]}; /run/stages/0/tokens; does not match pattern
          run: {student: {attention-blocks: 4}}; /run/student/attention-blocks; got number, want array
          run: {timeouts: {collective: 2 minutes}}; /run/timeouts/collective; does not match pattern
          retrain: {schedule: daily}; /retrain/schedule; does not match pattern
          retrain: {concurrencyPolicy: Allow}; /retrain; 'concurrencyPolicy'
          retrain: {startingDeadlineSeconds: 5}; /retrain/startingDeadlineSeconds; minimum
          runs: {}; at ''; 'runs'
          """)
  void refusesAValueAndNamesItsPath(String values, String path, String reason) {
    assertThatThrownBy(() -> Chart.ofSet("cpu", values))
        .hasMessageContaining(path)
        .hasMessageContaining(reason);
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = ';',
      textBlock =
          """
          run: {run: a, storage: s, teacher: t, data: d}; run.stages must be given
          run: {run: a, storage: s, teacher: t, stages: [{name: matrix, tokens: 1, learning-rate: 1}]}; run.data must be given
          run: {}; run.run must be given
          """)
  void asksForSettingsWithoutADefault(String values, String message) {
    assertThatThrownBy(() -> Chart.of(values)).hasMessageContaining(message);
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = ';',
      textBlock =
          """
          run: {storage: runs}; run.storage is runs, which would lie on a volume that goes with its pod
          run: {device: gpu}; run.device is gpu, but platform.gpu.enabled is false
          platform: {monitoring: {podMonitor: {enabled: true}}}; set platform.monitoring.enabled to true
          platform: {priorityClass: {create: true}}; platform.priorityClass.name must be given
          """)
  void refusesValuesThatContradictEachOther(String values, String message) {
    assertThatThrownBy(() -> Chart.ofSet("cpu", values)).hasMessageContaining(message);
  }

  @Test
  void sectionsOfOursRefuseUnknownKeys() throws IOException {
    JsonNode schema = new ObjectMapper().readTree(Chart.text("values.schema.json"));
    List<String> open = new ArrayList<>();
    collectOpenSections(schema, "", open);
    assertThat(open)
        .as("sections whose keys are Kubernetes'")
        .containsExactlyInAnyOrder(
            "/global",
            "/platform/driver/affinity",
            "/platform/executor/affinity",
            "/platform/networkPolicy/extraEgress[]");
  }

  private static void collectOpenSections(JsonNode schema, String path, List<String> open) {
    if ("object".equals(schema.path("type").asText()) && !schema.has("additionalProperties")) {
      open.add(path);
    }
    schema
        .path("properties")
        .properties()
        .forEach(entry -> collectOpenSections(entry.getValue(), path + "/" + entry.getKey(), open));
    if (schema.has("items")) {
      collectOpenSections(schema.get("items"), path + "[]", open);
    }
  }
}
