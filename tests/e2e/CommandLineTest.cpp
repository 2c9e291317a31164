// The command line as a contract: exit codes, verbatim texts, the shape of JSON, and messages that name their cause.
#include "tests/e2e/Lathe.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <regex>

namespace lathe::test {
namespace {

constexpr int kWrongInput = 1, kUsage = 2;

Path demoModel() { return goldens() / "demo-model"; }
Path bertModel(const char *name) { return goldens() / "bert" / name / "model"; }

// --- Exit codes
// ---------------------------------------------------------------------------------------------------------

TEST(ExitCode, SuccessIsZero) {
  EXPECT_TRUE(std::regex_search(latheOutput({"--version"}), std::regex("[0-9]+\\.[0-9]+\\.[0-9]+")));
  EXPECT_NE(latheOutput({"--help"}).find("compile"), std::string::npos);
  EXPECT_NE(latheOutput({"compile", "--help"}).find("--emit"), std::string::npos);
}

TEST(ExitCode, UsageIsTwo) {
  expectRefusal(kUsage, {}, {});
  expectRefusal(kUsage, {"no-such-verb"}, {"no-such-verb"});
  expectRefusal(kUsage, {"compile", demoModel(), "-o", "out", "--no-such-option"}, {"--no-such-option"});
  expectRefusal(kUsage, {"compile", demoModel(), "-o"}, {"-o"});
  expectRefusal(kUsage, {"run", demoModel(), "--text"}, {"--text"});
}

TEST(ExitCode, WrongInputIsOne) {
  const ScratchDirectory work;
  expectRefusal(kWrongInput, {"compile", work / "absent", "-o", work / "out"}, {work / "absent"});
  expectRefusal(kWrongInput, {"run", work / "absent", "--text", "x"}, {work / "absent"});
  expectRefusal(kWrongInput, {"inspect", work.path}, {work.path});
  EXPECT_TRUE(std::filesystem::is_empty(work.path)) << "a refused command left something behind";
}

// --- What is not supported is named
// -------------------------------------------------------------------------------------

void writeConfig(const Path &directory, const Json &changes, const Path &model = bertModel("base-f16")) {
  std::filesystem::copy(model, directory, std::filesystem::copy_options::recursive);
  Json config = Json::parse(readFile(directory / "config.json"));
  config.merge_patch(changes);
  writeFile(directory / "config.json", config.dump());
}

TEST(Unsupported, FamilyIsNamed) {
  const ScratchDirectory work;
  writeConfig(work / "model", {{"model_type", "mamba"}, {"architectures", {"MambaForCausalLM"}}});
  expectRefusal(kWrongInput, {"compile", work / "model", "-o", work / "out"}, {"mamba", "bert"});
}

TEST(Unsupported, ConfigFieldsAreNamed) {
  struct {
    Json changes;
    std::vector<std::string> words;
  } const cases[] = {
      {{{"hidden_act", "swiglu_of_the_day"}}, {"hidden_act", "swiglu_of_the_day", "gelu"}},
      {{{"hidden_act", "prelu"}}, {"hidden_act", "prelu", "leaky_relu"}}, // it has a parameter of its own
      {{{"position_embedding_type", "relative_key"}}, {"position_embedding_type", "relative_key"}},
      {{{"quantization_config", {{"quant_method", "gptq"}}}}, {"quantization_config"}},
      {{{"hidden_size", "wide"}}, {"hidden_size"}},
      {{{"num_attention_heads", 5}}, {"num_attention_heads"}},
      {{{"vocab_size", -1}}, {"vocab_size"}},
      {{{"num_hidden_layers", 3}}, {"encoder.layer.2"}},
      {{{"num_hidden_layers", 1}}, {"encoder.layer.1"}},
      {{{"vocab_size", 98}}, {"word_embeddings", "97", "98"}},
      {{{"model_type", nullptr}}, {"model_type"}},
  };
  for (const auto &entry : cases) {
    const ScratchDirectory work;
    writeConfig(work / "model", entry.changes);
    SCOPED_TRACE(entry.changes.dump());
    expectRefusal(kWrongInput, {"compile", work / "model", "-o", work / "out"}, entry.words);
  }
}

TEST(Unsupported, AlbertConfigFieldsAreNamed) {
  struct {
    Json changes;
    std::vector<std::string> words;
  } const cases[] = {
      {{{"num_hidden_groups", 1}}, {"albert_layer_groups.1", "num_hidden_groups", "1"}},
      {{{"num_hidden_groups", 3}}, {"albert_layer_groups.2", "no tensor"}},
      {{{"inner_group_num", 1}}, {"albert_layers.1", "inner_group_num", "1"}},
      {{{"inner_group_num", 3}}, {"albert_layers.2", "no tensor"}},
      {{{"num_hidden_layers", 2049}}, {"num_hidden_layers", "2049", "inner_group_num", "4096"}},
      {{{"embedding_size", 29}}, {"word_embeddings", "28", "29"}},
      {{{"num_attention_heads", 7}}, {"hidden_size", "num_attention_heads"}},
      {{{"position_embedding_type", "relative_key"}}, {"position_embedding_type", "relative_key"}},
      {{{"architectures", {"AlbertForCausalLM"}}}, {"AlbertForCausalLM", "albert", "AlbertForMaskedLM"}},
  };
  for (const auto &entry : cases) {
    const ScratchDirectory work;
    writeConfig(work / "model", entry.changes, goldens() / "albert" / "base-odd" / "model");
    SCOPED_TRACE(entry.changes.dump());
    expectRefusal(kWrongInput, {"compile", work / "model", "-o", work / "out"}, entry.words);
  }
}

TEST(Unsupported, ConfigFieldsOfOtherFamiliesAreNamed) {
  struct {
    const char *family, *model;
    Json changes;
    std::vector<std::string> words;
  } const cases[] = {
      {"modernbert", "base-odd", {{"num_attention_heads", 2}}, {"hidden_size", "odd number of columns"}},
      {"modernbert", "base-odd", {{"rope_scaling", {{"rope_type", "yarn"}}}}, {"rope_scaling", "null"}},
      {"modernbert",
       "base-odd",
       {{"rope_parameters", {{"full_attention", {{"rope_type", "yarn"}}}}}},
       {"rope_parameters.full_attention.rope_type", "yarn", "default"}},
      {"modernbert", "base-odd", {{"layer_types", {"full_attention"}}}, {"layer_types", "1", "5"}},
      {"modernbert",
       "base-odd",
       {{"layer_types", {"full_attention", "full_attention", "full_attention", "full_attention", "chunked_attention"}}},
       {"layer_types", "chunked_attention", "sliding_attention"}},
      {"modernbert", "classes", {{"classifier_pooling", "max"}}, {"classifier_pooling", "max", "mean"}},
      {"modernbert", "base-odd", {{"norm_bias", true}}, {"embeddings.norm.bias", "no tensor"}},
      {"longformer", "base-odd", {{"attention_window", {4, 6}}}, {"attention_window", "2 windows", "3 layers"}},
      {"longformer", "base-odd", {{"attention_window", 5}}, {"attention_window", "5", "even"}},
      {"longformer", "base-odd", {{"attention_dilation", {1, 2, 2}}}, {"attention_dilation", "2", "accepted is 1"}},
      {"big-bird", "base-odd", {{"attention_type", "sparse"}}, {"attention_type", "sparse", "block_sparse"}},
      {"big-bird", "base-odd", {{"is_decoder", true}}, {"attention_type", "is_decoder", "original_full"}},
      {"big-bird", "base-odd", {{"block_size", 0}}, {"block_size", "0"}},
      {"big-bird", "answers", {{"type_vocab_size", 1}}, {"type_vocab_size", "1", "2 and more"}},
      {"reformer", "hashed", {{"num_buckets", nullptr}}, {"num_buckets", "none", "lsh_attn_chunk_length"}},
      {"reformer", "hashed", {{"num_buckets", {4, 3}}}, {"num_buckets", "3", "even"}},
      {"reformer", "hashed", {{"attn_layers", {"lsh", "full"}}}, {"attn_layers", "full", "lsh and local"}},
      {"reformer", "hashed", {{"attn_layers", {"lsh"}}}, {"attn_layers", "encoder.layers.1"}},
      {"reformer", "hashed", {{"axial_pos_embds_dim", {7, 16}}}, {"axial_pos_embds_dim", "hidden_size", "24"}},
      {"reformer", "hashed", {{"axial_pos_shape", {2, 4, 12}}}, {"axial_pos_shape", "3 axes", "two"}},
      {"reformer",
       "hashed",
       {{"axial_pos_shape", {8, 11}}},
       {"position_embeddings.weights.1", "[1, 12, 17]", "[1, 11, 17]"}},
      {"reformer", "mlm", {{"is_decoder", true}}, {"is_decoder", "true", "false"}},
      {"reformer", "causal", {{"is_decoder", false}}, {"is_decoder", "false", "true"}},
      {"reformer", "mlm", {{"tie_word_embeddings", true}}, {"tie_word_embeddings", "false"}},
      {"mobilebert", "base-odd", {{"classifier_activation", false}}, {"classifier_activation", "true"}},
      {"mobilebert", "base-odd", {{"normalization_type", "rms"}}, {"normalization_type", "rms", "no_norm"}},
      {"mobilebert", "base-odd", {{"num_attention_heads", 4}}, {"num_attention_heads", "4", "35"}},
      {"mobilebert", "mlm-tied", {{"embedding_size", 37}}, {"embedding_size", "37", "36"}},
      {"deberta-v2", "base-odd", {{"conv_kernel_size", 3}}, {"conv_kernel_size", "0"}},
      {"deberta-v2", "base-odd", {{"position_buckets", 7}}, {"position_buckets", "7", "even"}},
      {"deberta-v2", "base-odd", {{"pos_att_type", "c2p|p2p"}}, {"pos_att_type", "p2p", "c2p and p2c"}},
      {"deberta-v2", "base-odd", {{"attention_head_size", 4}}, {"attention_head_size", "num_attention_heads"}},
      {"deberta-v2", "base-odd", {{"share_att_key", false}}, {"pos_key_proj", "no tensor"}},
      {"deberta-v2", "base-odd", {{"position_buckets", 8}}, {"rel_embeddings", "12", "16"}},
      {"deberta-v2", "classes", {{"pooler_hidden_size", 7}}, {"pooler_hidden_size"}},
      {"mpnet", "base-odd", {{"relative_attention_num_buckets", 16}}, {"relative_attention_num_buckets", "16", "32"}},
      {"mpnet", "base-odd", {{"max_position_embeddings", 2}}, {"max_position_embeddings", "2", "3"}},
      {"mpnet", "base-odd", {{"is_decoder", true}}, {"is_decoder", "false"}},
      {"bert", "causal", {{"add_cross_attention", true}}, {"add_cross_attention", "false"}},
      {"bert", "base-odd", {{"attention_type", "lsh"}}, {"attention_type", "lsh", "linear", "performer"}},
      {"bert", "base-odd", {{"attention_type", "performer"}}, {"num_random_features", "missing"}},
      {"linear-attention", "performer-odd", {{"num_random_features", 0}}, {"num_random_features", "0", "from 1"}},
      {"linear-attention",
       "performer-odd",
       {{"num_random_features", 20}},
       {"projection_matrix", "[21, 12]", "[20, 12]"}},
      {"linear-attention",
       "linear-odd",
       {{"attention_type", "performer"}, {"num_random_features", 20}},
       {"projection_matrix", "no tensor", "[20, 20]"}},
      {"mpnet", "base-odd", {{"attention_type", "linear"}}, {"attention_type", "linear", "not supported yet"}},
      {"gpt2", "base-odd", {{"n_head", 7}}, {"n_embd", "100", "7"}},
      {"gpt2", "base-odd", {{"add_cross_attention", true}}, {"add_cross_attention", "false"}},
      {"openai-gpt", "base-odd", {{"afn", "tanh"}}, {"afn", "tanh", "gelu, relu, silu"}},
      {"ctrl", "base-odd", {{"n_embd", 55}}, {"n_embd", "55", "even"}},
      {"opt", "base-odd", {{"num_attention_heads", 7}}, {"hidden_size", "100", "7"}},
      {"opt", "base-odd", {{"max_position_embeddings", 65}}, {"embed_positions.weight", "[66, 100]", "[67, 100]"}},
      {"llama", "base-odd", {{"num_key_value_heads", 3}}, {"num_key_value_heads", "3", "5"}},
      {"llama", "base-odd", {{"num_key_value_heads", 0}}, {"num_key_value_heads", "0", "from 1"}},
      {"llama",
       "base-odd",
       {{"rope_scaling", {{"rope_type", "mrope"}}}},
       {"rope_scaling.rope_type", "mrope", "llama3"}},
      {"llama", "base-odd", {{"rope_scaling", {{"type", "linear"}}}}, {"rope_scaling.factor", "missing", "number"}},
      {"llama",
       "base-odd",
       {{"rope_parameters", {{"rope_type", "yarn"}}}},
       {"rope_parameters.rope_type", "yarn", "rope_scaling", "default"}},
      {"llama",
       "base-odd",
       {{"rope_scaling", {{"type", "longrope"}, {"short_factor", {1, 2}}}}},
       {"rope_scaling.short_factor", "2 numbers", "10 pairs"}},
      {"mistral", "base-odd", {{"sliding_window", 0}}, {"sliding_window", "0", "from 1"}},
      {"qwen2",
       "base-types",
       {{"use_sliding_window", false}},
       {"layer_types", "sliding_attention", "use_sliding_window"}},
      {"llama", "base-odd", {{"head_dim", 5}}, {"head_dim", "5 of a head's 5", "even"}},
      {"qwen3", "base-odd", {{"head_dim", 10}}, {"q_proj.weight", "[100, 100]", "[50, 100]"}},
      {"phi3",
       "base-partial",
       {{"partial_rotary_factor", 0.2}},
       {"partial_rotary_factor", "5 of a head's 25 columns", "even"}},
      {"phi3", "base-odd", {{"num_key_value_heads", 1}}, {"qkv_proj.weight", "[300, 100]", "[140, 100]"}},
      {"starcoder2", "base-odd", {{"norm_epsilon", "small"}}, {"norm_epsilon", "small", "number"}},
      {"gemma", "base-odd", {{"num_key_value_heads", 2}}, {"num_key_value_heads", "2", "5"}},
      {"gpt2", "two-heads", {{"summary_type", "first"}}, {"summary_type", "first", "cls_index"}},
      {"gemma2", "base-odd", {{"attn_logit_softcapping", 0}}, {"attn_logit_softcapping", "0"}},
      {"gemma2", "base-odd", {{"layer_types", {"full_attention"}}}, {"layer_types", "1", "3"}},
      {"gemma3", "base-odd", {{"attn_logit_softcapping", 50.0}}, {"attn_logit_softcapping", "null"}},
      {"gemma3", "base-odd", {{"layer_types", {"full_attention"}}}, {"layer_types", "1", "3"}},
      {"gpt-neox", "base-odd", {{"rotary_pct", 0.25}}, {"rotary_pct", "5 of a head's 20 columns", "even"}},
      {"gpt-neox", "base-odd", {{"num_attention_heads", 7}}, {"hidden_size", "100", "7"}},
      {"gptj", "base-odd", {{"rotary_dim", 22}}, {"rotary_dim", "22", "20 columns"}},
      {"gptj", "base-odd", {{"n_head", 7}}, {"n_embd", "100", "7"}},
      {"bloom", "base-odd", {{"num_attention_heads", 7}}, {"hidden_size", "100", "7"}},
      {"xlm", "base-odd", {{"asm", true}}, {"asm", "false"}},
      {"xlnet", "base-odd", {{"n_head", 7}}, {"d_model", "100", "7"}},
      {"xlnet", "base-odd", {{"d_head", 10}}, {"d_head", "20"}},
      {"xlnet", "base-odd", {{"bi_data", true}}, {"bi_data", "true", "false"}},
      {"xlnet", "base-odd", {{"attn_type", "left"}}, {"attn_type", "left", "uni"}},
      {"xlnet", "base-causal", {{"same_length", true}}, {"same_length", "uni", "false"}},
      {"xlnet", "classes", {{"summary_type", "attn"}}, {"summary_type", "attn", "mean"}},
      {"xlnet", "classes", {{"summary_proj_to_labels", true}}, {"summary_proj_to_labels", "false"}},
      {"xlm", "base-odd", {{"is_encoder", false}}, {"is_encoder", "true"}},
      {"xlm", "base-odd", {{"n_heads", 7}}, {"emb_dim", "7"}},
      {"xlm", "classes", {{"summary_type", "last"}}, {"summary_type", "last", "first"}},
      {"xlm", "classes", {{"summary_use_proj", false}}, {"summary_use_proj", "true"}},
  };
  for (const auto &entry : cases) {
    const ScratchDirectory work;
    writeConfig(work / "model", entry.changes, goldens() / entry.family / entry.model / "model");
    SCOPED_TRACE(entry.changes.dump());
    expectRefusal(kWrongInput, {"compile", work / "model", "-o", work / "out"}, entry.words);
  }
}

/// A tokenizer of another kind costs a model its texts, not its ids; what is said of it names no place of this machine.
TEST(Unsupported, TokenizerIsNamedAndIdsWork) {
  const struct {
    const char *file, *contents;
    std::vector<std::string> words;
  } cases[] = {
      {"merges.txt", "x", {"merges.txt", "kind of tokenizer", "WordPiece"}},
      {"tokenizer.json", R"({"model": {"type": "Markov", "vocab": []}})", {"tokenizer.json", "Markov", "WordPiece"}},
      {"vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n", {"vocab.txt", "AlbertTokenizer", "BertTokenizer"}},
  };
  const Path model = goldens() / "albert" / "mlm-tied";
  const Tensors inputs = readTensors(model / "ragged" / "inputs.safetensors");
  for (const auto &entry : cases) {
    SCOPED_TRACE(entry.file);
    const ScratchDirectory work;
    std::filesystem::copy(model / "model", work / "model");
    writeFile(work / "model" / entry.file, entry.contents);
    const Arguments arguments = {"compile", work / "model", "-o", work / "out"};
    const ProcessResult result = lathe(arguments);
    ASSERT_EQ(result.exitCode, 0) << describe(arguments, result);
    const std::string said = Json::parse(readFile(work / "out" / "manifest.json")).at("unsupported_tokenizer");
    EXPECT_EQ(said.find(work.path), std::string::npos) << said;
    EXPECT_NE(latheOutput({"explain", work / "out"}).find(said), std::string::npos) << said;
    for (const std::string &word : entry.words)
      EXPECT_NE(result.err.find(word), std::string::npos) << word << "\n" << result.err;
    EXPECT_TRUE(runTensors(work / "out", inputs) == runTensors(compiled(model / "model"), inputs));
    expectRefusal(kWrongInput, {"run", work / "out", "--text", "x"}, {"tokenizer"});
    expectRefusal(kWrongInput, {"tokenize", work / "model", "--text", "x"}, entry.words);
  }
}

/// An ALBERT whose files say that its vocab.txt is BERT's, as Chinese ones do.
TEST(Unsupported, NotATokenizerThatIsNamedInAnyFile) {
  for (const char *file : {"tokenizer_config.json", "config.json"}) {
    const ScratchDirectory work;
    const Json named = {{"tokenizer_class", "BertTokenizer"}};
    const bool inModelConfig = file == std::string("config.json");
    writeConfig(work / "model", inModelConfig ? named : Json::object(), goldens() / "albert" / "mlm-tied" / "model");
    if (!inModelConfig)
      writeFile(work / "model" / file, named.dump());
    writeFile(work / "model" / "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\nb\n");
    const Json tokens = Json::parse(latheOutput({"tokenize", work / "model", "--text", "B a", "--json"}));
    EXPECT_EQ(tokens[0].at("ids"), Json({2, 5, 4, 3})) << file;
  }
}

TEST(Unsupported, PrecisionTargetAndVerbAreNamed) {
  const ScratchDirectory work;
  const Path out = work / "out";
  expectRefusal(kWrongInput, {"compile", demoModel(), "-o", out, "--precision", "fp16"},
                {"fp16", "f32", "bf16", "int8", "int4"});
  expectRefusal(kWrongInput, {"compile", demoModel(), "-o", out, "--precision", "int4", "--group-size", "48"},
                {"--group-size is 48", "32, 64, 128"});
  expectRefusal(kUsage, {"compile", demoModel(), "-o", out, "--precision", "int8", "--group-size", "64"},
                {"--group-size", "int4"});
  expectRefusal(kWrongInput, {"compile", demoModel(), "-o", out, "--target", "ptx"}, {"ptx", "cpu"});
  expectRefusal(kWrongInput, {"compile", demoModel(), "-o", out, "--task", "seq2seq-lm"}, {"seq2seq-lm"});
  expectRefusal(kWrongInput, {"compile", demoModel(), "-o", out, "--tune"}, {"--tune"});
  EXPECT_FALSE(std::filesystem::exists(out));
}

// --- Texts and JSON
// -----------------------------------------------------------------------------------------------------

TEST(Text, IsTakenVerbatim) {
  const std::vector<std::string> texts = {
      "",        "-x",       "--json",      "[a,b]", "a,b",          "{}", "'quoted' \"text\"",
      "x\ny\tz", "%s @file", "\\n is text", " ",     "ünïcödé 中文", "--", "[]"};
  const Json results = runTexts(compiled(demoModel()), texts);
  ASSERT_EQ(results.size(), texts.size());
  for (size_t i = 0; i < texts.size(); ++i)
    EXPECT_EQ(results[i].at("text"), texts[i]);
  for (const std::string &text : texts) {
    const Arguments joined = {"run", compiled(demoModel()), "--json", "--text=" + text};
    EXPECT_EQ(Json::parse(latheOutput(joined))[0].at("text"), text);
  }
}

TEST(Text, IsTheSameFromATokenizerDirectoryAndAnArtifact) {
  for (const char *text : {"", "-x", "[a,b]", "A man is eating.", "naïve"})
    EXPECT_EQ(latheOutput({"tokenize", demoModel(), "--json", "--text", text}),
              latheOutput({"tokenize", compiled(demoModel()), "--json", "--text", text}))
        << text;
}

TEST(Text, ThatIsNotUtf8StillEndsInAnAnswer) {
  const ProcessResult result = lathe({"run", compiled(demoModel()), "--json", "--text", "bad \xff\xfe bytes"});
  EXPECT_TRUE(result.exitCode == 0 || result.exitCode == kWrongInput) << result.err;
  EXPECT_EQ(result.signal, 0);
}

TEST(JsonOutput, OfRunHasTextTokensAndNineDigits) {
  const std::string output = latheOutput({"run", compiled(demoModel()), "--json", "--text", "A man is eating."});
  const Json results = Json::parse(output);
  ASSERT_EQ(results.size(), 1u);
  EXPECT_TRUE(results[0].contains("tokens"));
  EXPECT_EQ(results[0].at("embedding").size(), 48u);
  const std::regex number(R"(-?[0-9]+\.[0-9]+(e[-+]?[0-9]+)?)");
  size_t numbers = 0;
  for (std::sregex_iterator match(output.begin(), output.end(), number), end; match != end; ++match, ++numbers) {
    std::string digits = std::regex_replace(match->str(), std::regex("e.*|[-.]"), "");
    digits.erase(0, digits.find_first_not_of('0'));
    EXPECT_LE(digits.size(), 9u) << match->str();
  }
  EXPECT_GE(numbers, 40u);
}

/// Texts run as one ragged batch; each has the probabilities of its own tokens, whatever stands beside it.
TEST(JsonOutput, OfAttentionsIsASquareForEachHead) {
  const Path artifact = compiled(demoModel(), {"--task", "base", "--emit", "attentions"});
  const Json results =
      Json::parse(latheOutput({"run", artifact, "--json", "--text", "A man is eating.", "--text", "Rain."}));
  for (const Json &result : results) {
    const size_t tokens = result.at("tokens").size();
    ASSERT_EQ(result.at("attentions.1").size(), 4u) << "heads";
    for (const Json &head : result.at("attentions.1")) {
      ASSERT_EQ(head.size(), tokens);
      for (const Json &query : head) {
        ASSERT_EQ(query.size(), tokens);
        const std::vector<double> shares = query;
        EXPECT_NEAR(std::accumulate(shares.begin(), shares.end(), 0.0), 1, 1e-5);
      }
    }
  }
  const Json alone = Json::parse(latheOutput({"run", artifact, "--json", "--text", "Rain."}));
  EXPECT_EQ(alone[0].at("attentions.1"), results[1].at("attentions.1"));
}

TEST(Emit, NamesWhatThereIs) {
  const ScratchDirectory scratch;
  expectRefusal(1, {"compile", demoModel(), "-o", scratch / "out", "--emit", "hidden_states,weights"},
                {"'weights'", "hidden_states and attentions"});
}

TEST(JsonOutput, OfTokenizeHasEveryField) {
  const Json encodings =
      Json::parse(latheOutput({"tokenize", demoModel(), "--json", "--text", "The cat", "--pair", "a dog"}));
  ASSERT_EQ(encodings.size(), 1u);
  const Json &encoding = encodings[0];
  EXPECT_EQ(encoding.at("tokens"), Json({"[CLS]", "the", "cat", "[SEP]", "a", "dog", "[SEP]"}));
  EXPECT_EQ(encoding.at("type_ids"), Json({0, 0, 0, 0, 1, 1, 1}));
  EXPECT_EQ(encoding.at("attention_mask"), Json({1, 1, 1, 1, 1, 1, 1}));
  EXPECT_EQ(encoding.at("special_tokens_mask"), Json({1, 0, 0, 1, 0, 0, 1}));
  EXPECT_EQ(encoding.at("offsets"), Json::parse("[[0,0],[0,3],[4,7],[0,0],[0,1],[2,5],[0,0]]"));
  EXPECT_EQ(encoding.at("ids").size(), 7u);
}

/// Types are what a model is to be given: 0 where the tokenizer's files say that it gives none, unless the model itself
/// then tells them by the first separator, as a BigBird for answers does.
TEST(JsonOutput, OfTokenizeHasTheTypesOfTheModel) {
  const std::pair<const char *, Json> cases[] = {{"tokens", {0, 0, 0, 0, 0}}, {"answers", {0, 0, 0, 1, 1}}};
  for (const auto &[name, types] : cases) {
    const ScratchDirectory work;
    writeConfig(work / "model", Json::object(), goldens() / "big-bird" / name / "model");
    writeFile(work / "model" / "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\nb\n");
    writeFile(work / "model" / "tokenizer_config.json",
              R"({"tokenizer_class": "BertTokenizer", "model_input_names": ["input_ids", "attention_mask"]})");
    const Path artifact = work / "out";
    latheOutput({"compile", work / "model", "-o", artifact});
    const Json tokens = Json::parse(latheOutput({"tokenize", artifact, "--text", "a", "--pair", "b", "--json"}));
    EXPECT_EQ(tokens[0].at("type_ids"), types) << name;
  }
}

size_t tokenCount(const Arguments &flags) {
  Arguments arguments = {"tokenize", demoModel(), "--json", "--text"};
  std::string text;
  for (int i = 0; i < 100; ++i)
    text += "cat ";
  arguments.push_back(text);
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  return Json::parse(latheOutput(arguments))[0].at("ids").size();
}

TEST(Tokenize, TruncatesAsAsked) {
  EXPECT_EQ(tokenCount({}), 64u);
  EXPECT_EQ(tokenCount({"--max-length", "10"}), 10u);
  EXPECT_EQ(tokenCount({"--max-length", "0"}), 102u);
}

TEST(Tokenize, DecodesIds) {
  const Json ids =
      Json::parse(latheOutput({"tokenize", demoModel(), "--json", "--text", "The cat sleeps."}))[0].at("ids");
  std::string list;
  for (const Json &id : ids)
    list += (list.empty() ? "" : ",") + id.dump();
  const Json plain =
      Json::parse(latheOutput({"tokenize", demoModel(), "--json", "--ids", list, "--skip-special-tokens"}));
  EXPECT_EQ(plain[0].at("text"), "the cat sleeps.");
  const Json all = Json::parse(latheOutput({"tokenize", demoModel(), "--json", "--ids", list}));
  EXPECT_EQ(all[0].at("text"), "[CLS] the cat sleeps. [SEP]");
}

// --- Tensors
// ------------------------------------------------------------------------------------------------------------

class WrongTensors : public testing::Test {
protected:
  /// Both ways to run must refuse `inputs`, for the same reason.
  void expectRefused(const Tensors &inputs, const std::vector<std::string> &words,
                     const Path &model = bertModel("base-odd")) {
    writeTensors(work / "in.safetensors", inputs);
    const Arguments files = {"--inputs", work / "in.safetensors", "--outputs", work / "out.safetensors"};
    for (Arguments command :
         {Arguments{"run", compiled(model)}, Arguments{"run", model, "--interpret", "--stage", "import"}}) {
      command.insert(command.end(), files.begin(), files.end());
      expectRefusal(kWrongInput, command, words);
    }
    EXPECT_FALSE(std::filesystem::exists(work / "out.safetensors"));
  }

  static Tensor ids(std::vector<int64_t> shape, int64_t value = 3) {
    const int64_t count = std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
    return Tensor::of(shape, std::vector<int64_t>(count, value));
  }

  ScratchDirectory work;
};

TEST_F(WrongTensors, UnknownNameIsNamed) {
  expectRefused({{"input_ids", ids({1, 4})}, {"inputs_embeds_x", ids({1, 4})}}, {"inputs_embeds_x"});
}
TEST_F(WrongTensors, MissingIdsAreNamed) { expectRefused({{"attention_mask", ids({1, 4}, 1)}}, {"input_ids"}); }
TEST_F(WrongTensors, ShapesMustAgree) {
  expectRefused({{"input_ids", ids({2, 4})}, {"attention_mask", ids({2, 5}, 1)}}, {"attention_mask"});
}
TEST_F(WrongTensors, RankIsChecked) { expectRefused({{"input_ids", ids({1, 2, 4})}}, {"input_ids"}); }
TEST_F(WrongTensors, TypeIsChecked) {
  expectRefused({{"input_ids", Tensor::of({1, 2}, std::vector<float>{1, 2})}}, {"input_ids"});
}
TEST_F(WrongTensors, IdBeyondTheVocabulary) { expectRefused({{"input_ids", ids({1, 4}, 307)}}, {"input_ids", "307"}); }
TEST_F(WrongTensors, NegativeId) { expectRefused({{"input_ids", ids({1, 4}, -1)}}, {"input_ids", "-1"}); }
TEST_F(WrongTensors, TypeBeyondTheTable) {
  expectRefused({{"input_ids", ids({1, 4})}, {"token_type_ids", ids({1, 4}, 2)}}, {"token_type_ids", "2"});
}
TEST_F(WrongTensors, LongerThanThePositions) { expectRefused({{"input_ids", ids({1, 65})}}, {"65", "64"}); }
TEST_F(WrongTensors, RotationsAreOfLayersThatHashAndOfTheirShape) {
  const Path model = goldens() / "reformer" / "given" / "model";
  auto rotations = [](std::vector<int64_t> shape) { return Tensor::of(shape, std::vector<float>(135)); };
  expectRefused({{"input_ids", ids({1, 4})}, {"random_rotations.2", rotations({5, 3, 3, 3})}},
                {"random_rotations.2", "[5, 3, 3, 3]", "[3, 5, 3, 3]"}, model);
  expectRefused({{"input_ids", ids({1, 4})}, {"random_rotations.0", rotations({3, 5, 3, 3})}},
                {"unknown input", "random_rotations.0", "random_rotations.1", "random_rotations.2"}, model);
}
TEST_F(WrongTensors, ThreeDimensionalMask) {
  expectRefused({{"input_ids", ids({1, 4})}, {"attention_mask", ids({1, 4, 4}, 1)}}, {"attention_mask"});
}

TEST_F(WrongTensors, RaggedOffsetsMustRise) {
  const Tensors inputs = {{"input_ids", ids({6})}, {"cu_seqlens", Tensor::of({3}, std::vector<int32_t>{0, 4, 3})}};
  expectRefused(inputs, {"cu_seqlens"});
  const Tensors tooFar = {{"input_ids", ids({6})}, {"cu_seqlens", Tensor::of({3}, std::vector<int32_t>{0, 4, 7})}};
  expectRefused(tooFar, {"cu_seqlens"});
}

// --- The other verbs
// ----------------------------------------------------------------------------------------------------

TEST(Inspect, DescribesAndVerifies) {
  const std::string description = latheOutput({"inspect", compiled(demoModel())});
  EXPECT_NE(description.find("sentence_embedding"), std::string::npos) << description;
  latheOutput({"inspect", compiled(demoModel()), "--verify"});
}

TEST(Explain, ListsFusions) {
  const std::string explanation = latheOutput({"explain", compiled(demoModel())});
  for (const char *word : {"FuseAttention", "MergeQkv", "PackTokens", "FuseLinearEpilogue"})
    EXPECT_NE(explanation.find(word), std::string::npos) << "no " << word << " in\n" << explanation;
}

TEST(Compile, UnknownTensorsAreWarnedOfListedAndRefusedOnRequest) {
  const ScratchDirectory work;
  const Path model = work / "model";
  std::filesystem::copy(bertModel("base-deep"), model, std::filesystem::copy_options::recursive);
  Tensors tensors = readTensors(model / "model.safetensors");
  tensors["adapter.mystery.weight"] = Tensor::of({2}, std::vector<float>{1, 2});
  writeTensors(model / "model.safetensors", tensors);

  const Arguments compile = {"compile", model, "-o", work / "out"};
  const ProcessResult result = lathe(compile);
  ASSERT_EQ(result.exitCode, 0) << describe(compile, result);
  EXPECT_NE(result.err.find("adapter.mystery.weight"), std::string::npos) << result.err;
  EXPECT_NE(latheOutput({"explain", work / "out"}).find("adapter.mystery.weight"), std::string::npos);
  expectRefusal(kWrongInput, {"compile", model, "-o", work / "strict", "--strict"}, {"adapter.mystery.weight"});
}

TEST(Compile, StopsAtAStageAndPrintsIt) {
  for (const char *stage : {"import", "graph"}) {
    const std::string module = latheOutput({"compile", bertModel("base-deep"), "--compile-to", stage});
    EXPECT_NE(module.find("xf."), std::string::npos) << module.substr(0, 1000);
    EXPECT_LT(module.size(), 100000u) << "weights are not elided";
  }
}

TEST(Compile, DumpsStagesInOrder) {
  const ScratchDirectory work;
  latheOutput({"compile", bertModel("base-f16"), "-o", work / "out", "--dump-stages", work / "stages"});
  std::vector<std::string> names;
  for (const auto &entry : std::filesystem::directory_iterator(work / "stages"))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  ASSERT_GE(names.size(), 3u);
  EXPECT_NE(names[0].find("import.mlir"), std::string::npos) << names[0];
  EXPECT_NE(names[1].find("graph.mlir"), std::string::npos) << names[1];
}

TEST(Compile, RequireFusionSucceedsOnBert) {
  const ScratchDirectory work;
  latheOutput({"compile", bertModel("base-f16"), "-o", work / "out", "--require-fusion"});
}

TEST(Compile, NamesTheLibraryAfterTheDirectory) {
  const ScratchDirectory work;
  std::filesystem::copy(bertModel("base-f16"), work / "2nd Tiny-Model", std::filesystem::copy_options::recursive);
  latheOutput({"compile", work / "2nd Tiny-Model", "-o", work / "out"});
  for (const char *file :
       {"libm_2nd_tiny_model.so", "libm_2nd_tiny_model.a", "m_2nd_tiny_model.h", "m_2nd_tiny_model.weights",
        "manifest.json", "m_2nd_tiny_modelConfig.cmake", "m_2nd_tiny_model.pc"})
    EXPECT_TRUE(std::filesystem::exists(work / "out" / file)) << file;
}

/// Ranks with ties averaged.
std::vector<double> ranks(const std::vector<double> &values) {
  std::vector<double> result;
  for (double value : values) {
    double below = 0, equal = 0;
    for (double other : values) {
      below += other < value;
      equal += other == value;
    }
    result.push_back(below + (equal + 1) / 2);
  }
  return result;
}

double pearson(const std::vector<double> &a, const std::vector<double> &b) {
  const double n = a.size(), meanA = std::accumulate(a.begin(), a.end(), 0.0) / n,
               meanB = std::accumulate(b.begin(), b.end(), 0.0) / n;
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    ab += (a[i] - meanA) * (b[i] - meanB);
    aa += (a[i] - meanA) * (a[i] - meanA);
    bb += (b[i] - meanB) * (b[i] - meanB);
  }
  return ab / std::sqrt(aa * bb);
}

TEST(Eval, ComputesSpearmanOverQuotedCsv) {
  const std::vector<std::array<std::string, 2>> pairs = {{"A man is eating, slowly.", "Someone has a meal."},
                                                         {"The dog runs.", "A \"hound\" is running."},
                                                         {"Prices are rising.", "A cat sleeps on the sofa."},
                                                         {"She paints a picture.", "The lady is painting."},
                                                         {"It is snowing.", "The school is closed today."}};
  const std::vector<double> scores = {4, 4, 0.5, 4.8, 1};
  const ScratchDirectory work;
  std::string csv;
  std::vector<std::string> texts;
  const auto quoted = [](const std::string &text) {
    return "\"" + std::regex_replace(text, std::regex("\""), "\"\"") + "\"";
  };
  for (size_t i = 0; i < pairs.size(); ++i) {
    csv += quoted(pairs[i][0]) + "," + quoted(pairs[i][1]) + "," + std::to_string(scores[i]) + "\n";
    texts.insert(texts.end(), pairs[i].begin(), pairs[i].end());
  }
  writeFile(work / "pairs.csv", csv);

  const Json results = runTexts(compiled(demoModel()), texts);
  std::vector<double> cosines;
  for (size_t i = 0; i < pairs.size(); ++i) {
    const std::vector<double> a = results[2 * i].at("embedding"), b = results[2 * i + 1].at("embedding");
    cosines.push_back(std::inner_product(a.begin(), a.end(), b.begin(), 0.0));
  }
  const Json result =
      Json::parse(latheOutput({"eval", compiled(demoModel()), "--task", "sts", work / "pairs.csv", "--json"}));
  EXPECT_NEAR(result.at("spearman").get<double>(), pearson(ranks(cosines), ranks(scores)), 1e-6);
}

TEST(Bench, ReportsTimes) {
  const Json result =
      Json::parse(latheOutput({"bench", compiled(demoModel()), "--batch", "2", "--seq", "8", "--json"}));
  EXPECT_FALSE(result.empty());
}

} // namespace
} // namespace lathe::test
