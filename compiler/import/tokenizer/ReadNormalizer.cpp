// The normalizers of a tokenizer.json.
#include "compiler/import/tokenizer/PatternCompiler.h"
#include "compiler/import/tokenizer/ReadCharsmap.h"
#include "compiler/import/tokenizer/TokenizerJson.h"

#include "llvm/Support/Base64.h"

using namespace lathe;

Pattern TokenizerJson::readPattern(JsonView view) {
  JsonView regex = view["Regex"];
  Pattern pattern = regex.isAbsent() ? Pattern{view["String"].string(), true} : Pattern{regex.string(), false};
  if (!problem.empty())
    return pattern;
  if (std::optional<std::string> wrong = findPatternProblem(pattern))
    failKind(view, "is not accepted: " + *wrong);
  return pattern;
}

/// Transformers rebuilds a BertNormalizer whose flags differ from the tokenizer's config, which therefore wins; not one
/// inside of a sequence.
static BertNormalizerFlags readBertFlags(JsonView view, const TokenizerConfig &config, bool isWhole) {
  BertNormalizerFlags flags;
  flags.cleanText = view["clean_text"].boolean();
  flags.handleChineseChars = view["handle_chinese_chars"].boolean();
  flags.lowercase = view["lowercase"].boolean();
  if (JsonView strip = view["strip_accents"]; !strip.isNull())
    flags.stripAccents = strip.boolean();
  if (!isWhole || config.tokenizerClass == "PreTrainedTokenizerFast")
    return flags;
  flags.handleChineseChars = config.handleChineseChars.value_or(flags.handleChineseChars);
  flags.lowercase = config.lowercase.value_or(flags.lowercase);
  flags.stripAccents = config.stripAccents.value_or(flags.stripAccents);
  return flags;
}

static void addCharSteps(const CharSteps &added, std::vector<NormalizerStep> &steps) {
  if (steps.empty() || !std::holds_alternative<CharSteps>(steps.back()))
    steps.push_back(CharSteps());
  CharSteps &last = std::get<CharSteps>(steps.back());
  last.insert(last.end(), added.begin(), added.end());
}

/// Whether the table of the last step decomposes.
static bool isDecomposed(const std::vector<NormalizerStep> &steps) {
  if (steps.empty() || !std::holds_alternative<CharSteps>(steps.back()))
    return false;
  const CharSteps &last = std::get<CharSteps>(steps.back());
  return llvm::is_contained(last, CharStep::Decompose) || llvm::is_contained(last, CharStep::DecomposeCompatibly);
}

static CharsmapStep readPrecompiled(JsonView view) {
  std::vector<char> bytes;
  std::string text = view.string();
  llvm::Error error = llvm::decodeBase64(text, bytes);
  if (error) {
    llvm::consumeError(std::move(error));
    view.reject("base64");
    return {};
  }
  llvm::Expected<CharsmapStep> step = readCharsmap({bytes.data(), bytes.size()}, /*allKeys=*/false);
  if (step)
    return std::move(*step);
  view.fail("is not accepted: " + llvm::toString(step.takeError()));
  return {};
}

void TokenizerJson::readNormalizer(JsonView view) {
  if (view.isNull())
    return;
  std::string type = view["type"].string();
  std::vector<NormalizerStep> &steps = spec.normalizer;
  if (type == "Sequence") {
    for (const JsonView &inner : view["normalizers"].elements())
      readNormalizer(inner);
  } else if (type == "BertNormalizer") {
    addCharSteps(bertNormalizer(readBertFlags(view, config, view.name() == "normalizer")), steps);
  } else if (type == "Lowercase") {
    addCharSteps({CharStep::Lowercase}, steps);
  } else if (type == "NFD" || type == "NFKD") {
    if (isDecomposed(steps)) // what a table says of one code point cannot be decomposed and ordered again
      steps.push_back(CharSteps());
    addCharSteps({type == "NFD" ? CharStep::Decompose : CharStep::DecomposeCompatibly}, steps);
  } else if (type == "NFC" || type == "NFKC") {
    steps.push_back(ComposeStep{type == "NFKC"});
  } else if (type == "Nmt") {
    addCharSteps({CharStep::CleanForNmt}, steps);
  } else if (type == "StripAccents") {
    addCharSteps({CharStep::DropCombiningMarks}, steps);
  } else if (type == "Precompiled") {
    steps.push_back(readPrecompiled(view["precompiled_charsmap"]));
  } else if (type == "Replace") {
    steps.push_back(ReplaceStep{readPattern(view["pattern"]), view["content"].string()});
  } else if (type == "Prepend") {
    steps.push_back(PrependStep{view["prepend"].string()});
  } else if (type == "Strip") {
    steps.push_back(StripStep{view["strip_left"].boolean(), view["strip_right"].boolean()});
  } else {
    rejectKind(
        view["type"],
        "BertNormalizer, Lowercase, NFC, NFD, NFKC, NFKD, Nmt, Precompiled, Prepend, Replace, Strip, StripAccents or a "
        "Sequence of them");
  }
}
