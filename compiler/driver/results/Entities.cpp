//===- Entities.cpp - what the words of a text are ----------------------------===//
//
// A word has the label of its first token, whose score is the probability of that label; neighbouring words of one
// label, less its "B-" or "I-", are one entity unless a "B-" begins another, whose score is the mean of theirs. Words
// labelled "O" are none. This is aggregation_strategy "first" of Transformers' token-classification pipeline.
//
//===----------------------------------------------------------------------===//
#include "compiler/driver/results/TextResults.h"
#include "compiler/import/safetensors/Quote.h"

#include "llvm/Support/FormatVariadic.h"

#include <nlohmann/json.hpp>

using llvm::ArrayRef;
using llvm::StringRef;
using Json = nlohmann::ordered_json;

namespace lathe {
namespace {

class Entities final : public TextResults {
public:
  explicit Entities(const ResultOptions &options) : labels(options.labels) {}
  std::vector<std::string> outputs() const override { return {"logits"}; }

private:
  struct Entity {
    std::string label;
    double scores; ///< their sum
    int words;
    int32_t start, end; ///< in code points
    std::string text;
  };

  void addResult(const TokenizedText &tokens, ArrayRef<TextOutput> outputs, TokenText) override {
    const TextOutput &logits = outputs.front();
    std::vector<Entity> entities;
    bool inEntity = false; // the word before this one is the last of `entities`
    bool inWord = false;   // so is what a continuing token belongs to
    for (size_t position = 0; position < tokens.ids.size(); ++position) {
      const auto [start, end] = tokens.offsets[position];
      if (tokens.special[position]) {
        inEntity = inWord = false;
        continue;
      }
      if (continuesWord(tokens, position)) {
        if (inWord)
          entities.back().end = end;
        continue;
      }
      auto [best, score] = topProbabilities(logits.values.slice(position * logits.width, logits.width), 1).front();
      const std::string name = labelOf(labels, best);
      StringRef kind = name;
      const bool begins = kind.consume_front("B-");
      if (!begins)
        kind.consume_front("I-");
      inWord = kind != "O";
      // The pair's offsets are counted from its own start.
      const bool samePart = inEntity && tokens.typeIds[position] == tokens.typeIds[position - 1];
      if (inWord && samePart && !begins && entities.back().label == kind) {
        entities.back().scores += score;
        entities.back().words += 1;
        entities.back().end = end;
      } else if (inWord) {
        entities.push_back({kind.str(), score, 1, start, end, ""});
      }
      inEntity = inWord;
    }
    for (Entity &entity : entities)
      entity.text = codePoints(texts.back().text, entity.start, entity.end).str();
    results.push_back(std::move(entities));
  }

  void describe(size_t index, Json &object) const override {
    object["entities"] = Json::array();
    for (const Entity &entity : results[index])
      object["entities"].push_back({{"label", entity.label},
                                    {"score", entity.scores / entity.words},
                                    {"start", entity.start},
                                    {"end", entity.end},
                                    {"text", entity.text}});
  }
  void print(size_t index, llvm::raw_ostream &os) const override {
    if (results[index].empty())
      os << "  nothing labelled\n";
    for (const Entity &entity : results[index])
      os << llvm::formatv("  {0} {1} {2:F4}\n", printable(entity.label), quote(entity.text),
                          entity.scores / entity.words);
  }

  std::vector<std::string> labels;
  std::vector<std::vector<Entity>> results;
};

} // namespace

std::unique_ptr<TextResults> makeEntities(const ResultOptions &options) { return std::make_unique<Entities>(options); }

} // namespace lathe
