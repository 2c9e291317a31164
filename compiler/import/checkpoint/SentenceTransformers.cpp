#include "compiler/import/checkpoint/SentenceTransformers.h"
#include "compiler/import/checkpoint/Json.h"
#include "compiler/import/checkpoint/ModelDirectory.h"
#include "compiler/import/safetensors/Quote.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace lathe;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::formatv;
using llvm::StringRef;

/// No model of today reads texts this long; a larger number is a way to say "no limit".
static constexpr int64_t longestText = int64_t(1) << 30;

static constexpr std::pair<StringRef, PoolingMode> supportedPoolings[] = {
    {"cls", PoolingMode::Cls}, {"max", PoolingMode::Max}, {"mean", PoolingMode::Mean}};

namespace {

/// A row of modules.json.
struct Module {
  std::string type; // the class's last name: "Pooling"
  std::string path; // of its files
};

/// The old flags of a pooling's config. They concatenate in this order, whatever the file's.
struct PoolingFlag {
  StringRef name, mode;
};
constexpr PoolingFlag poolingFlags[] = {{"pooling_mode_cls_token", "cls"},
                                        {"pooling_mode_max_tokens", "max"},
                                        {"pooling_mode_mean_tokens", "mean"},
                                        {"pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens"},
                                        {"pooling_mode_weightedmean_tokens", "weightedmean"},
                                        {"pooling_mode_lasttoken", "lasttoken"}};

} // namespace

/// Accepts the chains Transformer, Pooling and Transformer, Pooling, Normalize.
static Expected<std::vector<Module>> readModules(StringRef directory) {
  std::string path = joinPath(directory, "modules.json");
  Expected<JsonDocument> document = JsonDocument::open(path);
  if (!document)
    return document.takeError();
  constexpr StringRef chain[] = {"Transformer", "Pooling", "Normalize"};
  std::vector<Module> modules;
  Error error = JsonFields::readRootArray(*document, [&](JsonFields &fields) {
    std::string type = fields.getString("type"), place = fields.getString("path");
    StringRef name = StringRef(type).rsplit('.').second;
    if (name.empty())
      name = type; // no dot
    if (!llvm::is_contained(chain, name))
      return fields.reject("type", "is the module " + quote(type) +
                                       "; supported modules are Transformer, Pooling and Normalize");
    if (modules.size() == std::size(chain) || name != chain[modules.size()])
      return fields.reject("type", "is " + quote(type) + " in place " + std::to_string(modules.size()) +
                                       "; supported is Transformer, then Pooling, then Normalize or nothing");
    if (!staysInside(place))
      return fields.reject("path", "is " + quote(place) + "; accepted: a path inside the model's directory");
    modules.push_back({name.str(), place.empty() ? directory.str() : joinPath(directory, place)});
  });
  if (error)
    return error;
  if (modules.size() < 2)
    return createStringError(formatv("'{0}': no Pooling after the Transformer; supported is Transformer, then Pooling, "
                                     "then Normalize or nothing",
                                     path));
  return modules;
}

static void readPoolingModes(JsonFields &fields, SentenceTransformer &result) {
  auto add = [&](StringRef field, StringRef word) {
    for (const auto &[name, mode] : supportedPoolings)
      if (name == word)
        return result.poolings.push_back(mode);
    fields.reject(field, "asks for the pooling " + quote(word) + "; supported are cls, max and mean");
  };
  if (fields.has("pooling_mode")) { // the newer spelling, which hides the flags
    for (const std::string &word : fields.getStringOrStrings("pooling_mode"))
      add("pooling_mode", word);
    if (result.poolings.empty())
      fields.reject("pooling_mode", "names no pooling; supported are cls, max and mean");
    return;
  }
  for (const PoolingFlag &flag : poolingFlags)
    if (fields.getBool(flag.name, false))
      add(flag.name, flag.mode);
  if (result.poolings.empty())
    result.poolings.push_back(PoolingMode::Mean); // the class's default
}

static Error readPooling(StringRef directory, SentenceTransformer &result) {
  result.poolingFile = joinPath(directory, "config.json");
  Expected<JsonDocument> document = JsonDocument::open(result.poolingFile);
  if (!document)
    return document.takeError();
  JsonFields fields(*document);
  StringRef width = fields.has("word_embedding_dimension") ? "word_embedding_dimension" : "embedding_dimension";
  result.tokenWidth = fields.getInt(width, std::nullopt, 1, 1 << 24);
  readPoolingModes(fields, result);
  // Whether a prompt's tokens are pooled. Either answer is served, because no prompt is ever put before a text here
  // (readPrompts); the value is read so that a damaged file is noticed.
  fields.getBool("include_prompt", true);
  return fields.takeError();
}

/// A default prompt is put before every text, so ignoring it would quietly give other embeddings.
static Error readPrompts(StringRef directory) {
  constexpr StringRef name = "config_sentence_transformers.json";
  if (!hasEntry(directory, name))
    return Error::success();
  Expected<JsonDocument> document = JsonDocument::open(joinPath(directory, name));
  if (!document)
    return document.takeError();
  JsonFields fields(*document);
  if (std::optional<std::string> prompt = fields.getOptionalString("default_prompt_name"))
    fields.reject("default_prompt_name",
                  "is " + quote(*prompt) + "; default prompts are not supported, accepted: null");
  return fields.takeError();
}

/// Reads the lengths and casing that the Transformer module sets for texts.
static Error readTextSettings(SentenceTransformer &result) {
  // The file is named after the model in directories of the first releases.
  constexpr StringRef names[] = {"sentence_bert_config.json",       "sentence_roberta_config.json",
                                 "sentence_distilbert_config.json", "sentence_camembert_config.json",
                                 "sentence_albert_config.json",     "sentence_xlm-roberta_config.json",
                                 "sentence_xlnet_config.json"};
  const StringRef *name = llvm::find_if(names, [&](StringRef n) { return hasEntry(result.transformerPath, n); });
  if (name != std::end(names)) {
    Expected<JsonDocument> document = JsonDocument::open(joinPath(result.transformerPath, *name));
    if (!document)
      return document.takeError();
    JsonFields fields(*document);
    result.maxSeqLength = fields.getOptionalInt("max_seq_length", 1, longestText);
    result.doLowerCase = fields.getBool("do_lower_case", false);
    if (Error error = fields.takeError())
      return error;
  }
  if (!result.maxSeqLength) {
    Expected<std::optional<int64_t>> length = readModelMaxLength(result.transformerPath);
    if (!length)
      return length.takeError();
    result.maxSeqLength = *length;
  }
  return Error::success();
}

Expected<std::optional<SentenceTransformer>> lathe::readSentenceTransformer(StringRef directory) {
  if (!hasEntry(directory, "modules.json"))
    return std::nullopt;
  Expected<std::vector<Module>> modules = readModules(directory);
  if (!modules)
    return modules.takeError();
  SentenceTransformer result;
  result.transformerPath = (*modules)[0].path;
  result.normalize = modules->size() == 3;
  if (Error error = readPooling((*modules)[1].path, result))
    return error;
  if (Error error = readPrompts(directory))
    return error;
  if (Error error = readTextSettings(result))
    return error;
  return result;
}

Expected<std::optional<int64_t>> lathe::readModelMaxLength(StringRef directory) {
  if (!hasEntry(directory, "tokenizer_config.json"))
    return std::nullopt;
  Expected<JsonDocument> document = JsonDocument::open(joinPath(directory, "tokenizer_config.json"));
  if (!document)
    return document.takeError();
  JsonFields fields(*document);
  std::optional<int64_t> length;
  // Read as a float: 1e30 is an integer of 31 digits in these files.
  std::optional<double> stated = fields.getOptionalFloat("model_max_length", 1, std::numeric_limits<double>::max());
  if (stated && *stated <= longestText)
    length = fields.getInt("model_max_length", std::nullopt, 1, longestText);
  if (Error error = fields.takeError())
    return error;
  return length;
}

Error SentenceTransformer::checkWidth(int64_t hiddenSize) const {
  if (tokenWidth == hiddenSize)
    return Error::success();
  return createStringError(formatv("'{0}': pools embeddings of width {1}, but the model's hidden size is {2}",
                                   poolingFile, tokenWidth, hiddenSize));
}
