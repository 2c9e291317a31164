// The pre-tokenizers of a tokenizer.json.
#include "compiler/import/safetensors/Quote.h"
#include "compiler/import/tokenizer/TokenizerJson.h"
#include "runtime/tokenizer/Utf8.h"

#include "llvm/ADT/StringSwitch.h"

using namespace lathe;

/// What cuts by kinds of characters is one table's work as long as nothing else came before.
static KindsStep &kindsStep(std::vector<PreTokenizerStep> &steps) {
  if (steps.empty())
    steps.push_back(KindsStep());
  return std::get<KindsStep>(steps.back());
}

static std::optional<SplitBehavior> readBehavior(JsonView view, const char *ifAbsent) {
  std::string name = view.string(ifAbsent);
  auto behavior = llvm::StringSwitch<std::optional<SplitBehavior>>(name)
                      .Case("Removed", SplitBehavior::Removed)
                      .Case("Isolated", SplitBehavior::Isolated)
                      .Case("MergedWithPrevious", SplitBehavior::WithPrevious)
                      .Case("MergedWithNext", SplitBehavior::WithNext)
                      .Case("Contiguous", SplitBehavior::Contiguous)
                      .Default(std::nullopt);
  if (!behavior)
    view.reject("Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous");
  return behavior;
}

std::string lathe::readMark(JsonView view) {
  std::string mark = view.string();
  uint32_t codePoint;
  if (mark.empty() || decodeUtf8(mark.data(), mark.data() + mark.size(), codePoint) != mark.size())
    view.reject("one character");
  return mark;
}

PrependScheme lathe::readPrependScheme(JsonView view) {
  if (JsonView scheme = view["prepend_scheme"]; !scheme.isNull()) {
    std::string name = scheme.string();
    if (name != "always" && name != "first" && name != "never")
      scheme.reject("always, first or never");
    return name == "always" ? PrependScheme::Always : name == "first" ? PrependScheme::First : PrependScheme::Never;
  }
  return view["add_prefix_space"].boolean(true) ? PrependScheme::Always : PrependScheme::Never;
}

void TokenizerJson::readPreTokenizer(JsonView view) {
  if (view.isNull())
    return;
  std::string type = view["type"].string();
  std::vector<PreTokenizerStep> &steps = spec.preTokenizer;
  bool cutsByKinds = steps.empty() || std::holds_alternative<KindsStep>(steps.back());
  auto split = [&](const char *regex, SplitBehavior behavior, bool isInverted = false) {
    steps.push_back(SplitStep{{regex, false}, behavior, isInverted});
  };
  if (type == "Sequence") {
    for (const JsonView &inner : view["pretokenizers"].elements())
      readPreTokenizer(inner);
  } else if (type == "BertPreTokenizer") {
    if (cutsByKinds) {
      kindsStep(steps).splitsSpaces = kindsStep(steps).isolatesPunctuation = true;
    } else {
      split(R"(\s)", SplitBehavior::Removed);
      split(punctuationPattern, SplitBehavior::Isolated);
    }
  } else if (type == "WhitespaceSplit") {
    if (cutsByKinds)
      kindsStep(steps).splitsSpaces = true;
    else
      split(R"(\s)", SplitBehavior::Removed);
  } else if (type == "Whitespace") {
    if (cutsByKinds)
      kindsStep(steps).separatesSymbols = true;
    else
      split(R"(\w+|[^\w\s]+)", SplitBehavior::Removed, /*isInverted=*/true);
  } else if (type == "Punctuation") {
    std::optional<SplitBehavior> behavior = readBehavior(view["behavior"], "Isolated");
    if (cutsByKinds && behavior == SplitBehavior::Isolated)
      kindsStep(steps).isolatesPunctuation = true;
    else if (behavior)
      split(punctuationPattern, *behavior);
  } else if (type == "Digits") {
    split(R"(\p{N})", view["individual_digits"].boolean() ? SplitBehavior::Isolated : SplitBehavior::Contiguous);
  } else if (type == "CharDelimiterSplit") {
    steps.push_back(SplitStep{{view["delimiter"].string(), true}, SplitBehavior::Removed});
  } else if (type == "Split") {
    std::optional<SplitBehavior> behavior = readBehavior(view["behavior"], "");
    steps.push_back(SplitStep{readPattern(view["pattern"]), behavior.value_or(SplitBehavior::Isolated),
                              view["invert"].boolean(false)});
  } else if (type == "ByteLevel") {
    bool isWhole = view.name() == "pre_tokenizer"; // Transformers changes this one alone
    bool addsSpace = view["add_prefix_space"].boolean();
    if (isWhole ? config.addsPrefixSpace.value_or(addsSpace) : addsSpace)
      steps.push_back(PrefixSpaceStep());
    if (view["use_regex"].boolean(true))
      split(gpt2Pattern, SplitBehavior::Isolated);
    spellsBytes = true;
  } else if (type == "Metaspace") {
    MetaspaceStep step = {readMark(view["replacement"]), readPrependScheme(view)};
    steps.push_back(step);
    if (view["split"].boolean(true))
      steps.push_back(SplitStep{{step.replacement, true}, SplitBehavior::WithNext});
  } else {
    rejectKind(view["type"], "BertPreTokenizer, ByteLevel, CharDelimiterSplit, Digits, Metaspace, Punctuation, Split, "
                             "Whitespace, WhitespaceSplit or a Sequence of them");
  }
}
