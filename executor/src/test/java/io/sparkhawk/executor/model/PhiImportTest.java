package io.sparkhawk.executor.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sparkhawk.data.error.ConfigurationException;
import io.sparkhawk.data.error.DataException;
import io.sparkhawk.executor.safetensors.StoredType;
import io.sparkhawk.executor.tensor.ElementType;
import io.sparkhawk.executor.tensor.Gradients;
import io.sparkhawk.executor.tensor.Operators;
import io.sparkhawk.executor.tensor.TensorScope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.function.Consumer;
import org.assertj.core.api.AbstractThrowableAssert;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class PhiImportTest {

  private static final int VOCABULARY = 24;
  private static final String HEAD = "lm_head.weight";
  private static final String EMBEDDING = "model.embed_tokens.weight";

  @TempDir private Path folder;

  private static PhiFolder phi() {
    return new PhiFolder(new Random(4), 2, 2, 8, VOCABULARY);
  }

  private Path written(PhiFolder phi, String name) {
    phi.write(folder.resolve(name));
    return folder.resolve(name);
  }

  /** The logits of a few tokens. */
  private static double[] logits(Path modelFolder) {
    try (LanguageModel model = Models.loadTeacher(modelFolder, Device.cpu(), ElementType.FLOAT32);
        Gradients paused = Gradients.pause();
        TensorScope scope = TensorScope.open()) {
      int[] ids = new Random(9).ints(2 * 7, 0, VOCABULARY).toArray();
      NDArray hidden = model.hidden(model.manager().create(ids, new Shape(2, 7)));
      return Operators.toDoubles(model.head().forward(model.finalNorm().forward(hidden)));
    }
  }

  private PhiConfig config(Consumer<ObjectNode> change) {
    PhiFolder phi = phi();
    change.accept(phi.config());
    phi.writeConfig(folder);
    return PhiConfig.read(folder);
  }

  private static void nest(ObjectNode config, double factor, double theta) {
    config
        .putObject("rope_parameters")
        .put("rope_type", "default")
        .put("partial_rotary_factor", factor)
        .put("rope_theta", theta);
  }

  @Test
  void rotarySettingsAreFoundAtTopLevelOrNestedOrInBothPlaces() {
    PhiConfig atTop =
        config(json -> json.put("partial_rotary_factor", 0.25).put("rope_theta", 5e4));
    PhiConfig nested =
        config(
            json -> {
              json.remove("partial_rotary_factor");
              json.remove("rope_theta");
              nest(json, 0.25, 5e4);
            });
    PhiConfig both =
        config(
            json -> {
              json.put("partial_rotary_factor", 0.25).put("rope_theta", 5e4);
              nest(json, 0.25, 5e4);
            });

    assertThat(atTop.rotaryDimensions()).isEqualTo(2);
    assertThat(atTop.ropeTheta()).isEqualTo(5e4);
    assertThat(nested).isEqualTo(atTop);
    assertThat(both).isEqualTo(atTop);
  }

  /** transformers writes its default to the top level beside rope_parameters of another value. */
  @Test
  void nestedRotarySettingsCountWhereThereAreBoth() {
    PhiConfig config =
        config(
            json -> {
              json.put("partial_rotary_factor", 0.5).put("rope_theta", 1e4);
              nest(json, 0.25, 5e4);
            });

    assertThat(config.rotaryDimensions()).isEqualTo(2);
    assertThat(config.ropeTheta()).isEqualTo(5e4);
  }

  /** The public values of the three models; sizes, rotated entries, length. */
  @ParameterizedTest
  @CsvSource({
    "2048, 24, 32, 8192, 0.5, 32", // phi-1 and phi-1.5
    "2560, 32, 32, 10240, 0.4, 32" // phi-2
  })
  void publishedPhiModelsAreUnderstood(
      int width, int blocks, int heads, int mlpWidth, double rotaryFactor, int rotaryDimensions)
      throws IOException {
    Files.writeString(
        folder.resolve("config.json"),
        """
        {"architectures": ["PhiForCausalLM"], "attention_dropout": 0.0, "bos_token_id": null,
         "embd_pdrop": 0.0, "eos_token_id": null, "hidden_act": "gelu_new", "hidden_size": %d,
         "initializer_range": 0.02, "intermediate_size": %d, "layer_norm_eps": 1e-05,
         "max_position_embeddings": 2048, "model_type": "phi", "num_attention_heads": %d,
         "num_hidden_layers": %d, "num_key_value_heads": null, "partial_rotary_factor": %s,
         "qk_layernorm": false, "resid_pdrop": 0.1, "rope_scaling": null, "rope_theta": 10000.0,
         "tie_word_embeddings": false, "torch_dtype": "float16", "use_cache": true,
         "vocab_size": 51200}
        """
            .formatted(width, mlpWidth, heads, blocks, rotaryFactor));

    assertThat(PhiConfig.read(folder))
        .isEqualTo(
            new PhiConfig(
                width,
                blocks,
                heads,
                mlpWidth,
                51_200,
                rotaryDimensions,
                10_000,
                1e-5,
                2048,
                false));
  }

  @ParameterizedTest
  @CsvSource({
    "model_type, \"llama\", model_type llama",
    "hidden_act, \"relu\", hidden_act relu",
    "qk_layernorm, true, qk_layernorm true",
    "num_key_value_heads, 1, num_key_value_heads 1",
    "head_dim, 4, head_dim 4",
    "rope_scaling, '{\"type\": \"linear\", \"factor\": 2.0}', rope_scaling",
    "rope_parameters, '{\"rope_type\": \"yarn\"}', rope_type yarn",
    "quantization_config, '{\"bits\": 4}', quantization_config"
  })
  void unsupportedSettingsAreRefusedByName(String key, String value, String named) {
    assertThatThrownBy(() -> config(json -> json.putRawValue(key, raw(value))))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContainingAll(named, "config.json");
  }

  @ParameterizedTest
  @CsvSource({
    "hidden_size, \"wide\"",
    "num_hidden_layers, 0",
    "num_attention_heads, 3",
    "partial_rotary_factor, \"half\"",
    "partial_rotary_factor, 0.4",
    "rope_theta, true",
    "layer_norm_eps, \"small\"",
    "max_position_embeddings, -1",
    "tie_word_embeddings, \"yes\""
  })
  void settingsThatMakeNoSenseAreRefusedByName(String key, String value) {
    assertThatThrownBy(() -> config(json -> json.putRawValue(key, raw(value))))
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll(key, "config.json", "expected");
  }

  private static com.fasterxml.jackson.databind.util.RawValue raw(String json) {
    return new com.fasterxml.jackson.databind.util.RawValue(json);
  }

  @ParameterizedTest
  @EnumSource(names = {"F64", "F16", "BF16"})
  void weightsOfEveryFloatingPointFormatAreTheSameModel(StoredType type) {
    phi().write(folder.resolve("other"), type);

    assertThat(logits(folder.resolve("other"))).containsExactly(logits(written(phi(), "float32")));
  }

  @Test
  void weightsInSeveralFilesAreTheSameModel() {
    phi().writeSharded(folder.resolve("sharded"), 3);

    assertThat(logits(folder.resolve("sharded"))).containsExactly(logits(written(phi(), "one")));
  }

  @Test
  void aTiedHeadIsTheEmbeddingWhetherItIsStoredOrNot() {
    PhiFolder untied = phi();
    untied.weights().put(HEAD, untied.weights().get(EMBEDDING));
    double[] expected = logits(written(untied, "untied"));

    PhiFolder stored = phi();
    stored.config().put("tie_word_embeddings", true);
    stored.weights().put(HEAD, stored.weights().get(EMBEDDING));
    assertThat(logits(written(stored, "stored"))).containsExactly(expected);

    stored.weights().remove(HEAD);
    assertThat(logits(written(stored, "not-stored"))).containsExactly(expected);
  }

  private AbstractThrowableAssert<?, ?> assertWeightsRefused(PhiFolder phi) {
    Path refused = written(phi, "refused");
    return assertThatThrownBy(() -> logits(refused))
        .isInstanceOf(DataException.class)
        .hasMessageContaining(refused.toString());
  }

  @Test
  void aTiedHeadThatDiffersFromTheEmbeddingIsRefused() {
    PhiFolder phi = phi();
    phi.config().put("tie_word_embeddings", true);

    assertWeightsRefused(phi)
        .hasMessageContaining(HEAD + " differs from " + EMBEDDING)
        .hasMessageContaining("tie_word_embeddings");
  }

  @Test
  void missingExtraAndMisshapenWeightsAreListedTogether() {
    PhiFolder phi = phi();
    phi.weights().remove("model.layers.0.mlp.fc1.bias");
    phi.weights().remove("model.layers.1.self_attn.dense.weight");
    phi.weights().put("model.layers.2.mlp.fc1.bias", new PhiFolder.Weight(new float[3], 3));
    phi.weights().put("model.final_layernorm.bias", new PhiFolder.Weight(new float[15], 15));

    assertWeightsRefused(phi)
        .hasMessageContaining(
            "2 missing: model.layers.0.mlp.fc1.bias [64],"
                + " model.layers.1.self_attn.dense.weight [16, 16];"
                + " 1 of another shape or type: model.final_layernorm.bias is [15],"
                + " expected [16];"
                + " 1 not of this model: model.layers.2.mlp.fc1.bias");
  }

  @Test
  void integerWeightsAreRefused() {
    phi().write(folder, StoredType.I8);

    assertThatThrownBy(() -> logits(folder))
        .isInstanceOf(DataException.class)
        .hasMessageContaining(EMBEDDING + " is I8");
  }

  @Test
  void storedRotaryFrequenciesMustBeThoseOfTheConfiguration() {
    PhiFolder phi = phi();
    double[] expected = logits(written(phi, "without"));
    float[] frequencies = {1, 0.01f}; // 10000^(-2j/4)
    String name = "model.layers.1.self_attn.rotary_emb.inv_freq";
    phi.weights().put(name, new PhiFolder.Weight(frequencies, 2));
    assertThat(logits(written(phi, "with"))).containsExactly(expected);

    frequencies[1] = 0.02f;
    assertWeightsRefused(phi).hasMessageContaining(name + " is not [1.0, 0.01]");
  }

  @ParameterizedTest
  @ValueSource(strings = {"pytorch_model.bin", "pytorch_model.bin.index.json"})
  void pickledWeightsAloneAreRefusedWithTheWayToConvertThem(String file) throws IOException {
    phi().writeConfig(folder);
    Files.createFile(folder.resolve(file));

    assertThatThrownBy(() -> logits(folder))
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll("pytorch_model.bin", "save_pretrained", folder.toString());
  }
}
