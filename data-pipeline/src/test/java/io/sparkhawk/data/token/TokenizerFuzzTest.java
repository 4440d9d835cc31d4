package io.sparkhawk.data.token;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sparkhawk.data.error.DataException;
import io.sparkhawk.testing.Fuzz;
import io.sparkhawk.testing.Mutations;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tokenizers and configurations of teachers that were damaged, or made to do harm. */
@Timeout(120)
class TokenizerFuzzTest {

  private static final int CASES = 3000;
  private static final String TEXT =
      "ab abc  xyz \u00e9\u4e2d 12, <|endoftext|> [PAD]<s> \ud83d\ude00";

  @TempDir private Path folder;

  /** The native library ends the process where it should throw, so it gets one of its own. */
  @Test
  void damagedTokenizerIsTakenOrRefusedInASentence() throws Exception {
    Path log = folder.resolve("fuzz.log");
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-XX:TieredStopAtLevel=1");
    for (String property : List.of("sparkhawk.fuzz.seed", "sparkhawk.fuzz.cases")) {
      if (System.getProperty(property) != null) {
        command.add("-D" + property + "=" + System.getProperty(property));
      }
    }
    command.add(Child.class.getName());
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
    builder.environment().put("CLASSPATH", System.getProperty("java.class.path"));
    Process process = builder.start();
    try {
      assertThat(process.waitFor(100, TimeUnit.SECONDS)).isTrue();
    } finally {
      process.destroyForcibly();
    }
    System.out.println(Files.readString(log));
    assertThat(process.exitValue()).as(Files.readString(log)).isZero();
  }

  /** Runs the cases. */
  static final class Child {

    private Child() {}

    public static void main(String[] arguments) {
      List<String> documents = documents();
      // The native library is loaded here, not in one of the cases.
      Tokenizer.of(documents.get(0).getBytes(StandardCharsets.UTF_8), "good").close();
      Fuzz.Outcome outcome =
          Fuzz.refusedBy(DataException.class, "tokenizer.json")
              .within(2 << 20, 100)
              .run(
                  CASES,
                  random ->
                      Mutations.ofJson(random, documents.get(random.nextInt(documents.size()))),
                  content -> {
                    try (Tokenizer tokenizer = Tokenizer.of(content, "tokenizer.json")) {
                      tokenizer.decode(tokenizer.encode(TEXT));
                    }
                  });
      assertThat(outcome.taken()).isPositive();
      assertThat(outcome.refused()).isPositive();
    }
  }

  /** Small tokenizers of all kinds, with every part that has settings. */
  private static List<String> documents() {
    return List.of(
        document(
            "<|endoftext|>",
            "null",
            "{'type':'ByteLevel','add_prefix_space':false,'trim_offsets':true,'use_regex':true}",
            "{'type':'ByteLevel','add_prefix_space':false,'trim_offsets':true,'use_regex':true}",
            """
            {'type':'BPE','dropout':null,'unk_token':null,'continuing_subword_prefix':'',
             'end_of_word_suffix':'','fuse_unk':false,'byte_fallback':false,'ignore_merges':false,
             'vocab':{'<|endoftext|>':0,'a':1,'b':2,'ab':3,'c':4,'abc':5},
             'merges':['a b','ab c']}
            """),
        document(
            "[PAD]",
            """
            {'type':'BertNormalizer','clean_text':true,'handle_chinese_chars':true,
             'strip_accents':null,'lowercase':true}
            """,
            "{'type':'BertPreTokenizer'}",
            "{'type':'WordPiece','prefix':'##','cleanup':true}",
            """
            {'type':'WordPiece','unk_token':'[UNK]','continuing_subword_prefix':'##',
             'max_input_chars_per_word':100,'vocab':{'[PAD]':0,'[UNK]':1,'a':2,'##b':3}}
            """),
        document(
            "<s>",
            """
            {'type':'Sequence','normalizers':[{'type':'Replace','pattern':{'Regex':' {2,}'},
             'content':' '},{'type':'Prepend','prepend':'x'},{'type':'NFKC'},
             {'type':'Strip','strip_left':true,'strip_right':true}]}
            """,
            """
            {'type':'Sequence','pretokenizers':[{'type':'Metaspace','replacement':'\u2581',
             'prepend_scheme':'always','split':true},{'type':'Split','pattern':{'Regex':'\\\\s+'},
             'behavior':'Isolated','invert':false},{'type':'Digits','individual_digits':true}]}
            """,
            """
            {'type':'Sequence','decoders':[{'type':'Replace','pattern':{'String':'\u2581'},
             'content':' '},{'type':'ByteFallback'},{'type':'Fuse'},
             {'type':'Strip','content':' ','start':1,'stop':0}]}
            """,
            """
            {'type':'Unigram','unk_id':2,'byte_fallback':false,
             'vocab':[['<s>',0.0],['a',-1.5],['<unk>',-2.0],['b',-3.0],['\u2581',-2.0]]}
            """));
  }

  private static String document(
      String special, String normalizer, String preTokenizer, String decoder, String model) {
    return
"""
{'version':'1.0','truncation':{'direction':'Right','max_length':512,
 'strategy':'LongestFirst','stride':0},'padding':null,
 'added_tokens':[{'id':0,'content':'%s','single_word':false,'lstrip':false,
 'rstrip':false,'normalized':false,'special':true}],'normalizer':%s,
 'pre_tokenizer':%s,'decoder':%s,'model':%s,'post_processor':{'type':'TemplateProcessing',
 'single':[{'SpecialToken':{'id':'<s>','type_id':0}},{'Sequence':{'id':'A','type_id':0}}],
 'pair':[{'Sequence':{'id':'A','type_id':0}},{'Sequence':{'id':'B','type_id':1}}],
 'special_tokens':{'<s>':{'id':'<s>','ids':[0],'tokens':['<s>']}}}}
"""
        .formatted(special, normalizer, preTokenizer, decoder, model)
        .replace('\'', '"');
  }

  /** Each of them ends the process if the library sees it (tokenizers 0.21.4). */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "{'type':'Precompiled','precompiled_charsmap':'ALQCAACEAAA='}",
        "{'type':'Prepend','prepend':1e999}",
        "{'type':'Prepend','prepend':'\\ud800'}"
      })
  void whatEndsTheLibrarysProcessIsRefused(String normalizer) {
    String document =
        documents()
            .get(0)
            .replace("\"normalizer\":null", "\"normalizer\":" + normalizer.replace('\'', '"'));
    assertRefused(document);
  }

  @Test
  void mergeWithoutTheModelsPrefixIsRefused() {
    String prefix = "\"continuing_subword_prefix\":\"";
    assertRefused(documents().get(0).replace(prefix, prefix + "long prefix"));
  }

  private static void assertRefused(String document) {
    byte[] content = document.getBytes(StandardCharsets.UTF_8);
    assertThatThrownBy(() -> Tokenizer.of(content, "tokenizer.json").close())
        .isInstanceOf(DataException.class)
        .hasMessageContaining("tokenizer.json");
  }

  @Test
  void damagedConfigurationIsTakenOrRefusedInASentence() {
    String config =
        "{\"model_type\":\"phi\",\"vocab_size\":51200,\"rope_scaling\":null,"
            + "\"architectures\":[\"PhiForCausalLM\"],\"hidden_size\":64}";
    Fuzz.Outcome outcome =
        Fuzz.refusedBy(DataException.class, "config.json")
            .within(2 << 20, 100)
            .run(
                3000,
                random -> Mutations.ofJson(random, config),
                content -> assertThat(ModelVocabulary.size(content, "config.json")).isPositive());
    assertThat(outcome.taken()).isPositive();
    assertThat(outcome.refused()).isPositive();
  }
}
