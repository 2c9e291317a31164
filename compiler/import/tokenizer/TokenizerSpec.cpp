#include "compiler/import/tokenizer/TokenizerSpec.h"

#include "compiler/import/safetensors/Quote.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace lathe;

std::optional<std::string> TokenizerSpec::unknown() const {
  return std::visit([](const auto &kind) -> std::optional<std::string> { return kind.unknown; }, model);
}

llvm::StringRef lathe::tokenizerClassOf(const TokenizerConfig &config) {
  llvm::StringRef name = config.tokenizerClass;
  name.consume_back("Fast");
  return name;
}

void TokenizerSpec::setBertTemplate(std::pair<int32_t, int32_t> ids) {
  auto [cls, sep] = ids;
  single = {{cls, 0}, {templateFirst, 0}, {sep, 0}};
  pair = {{cls, 0}, {templateFirst, 0}, {sep, 0}, {templateSecond, 1}, {sep, 1}};
}

void TokenizerSpec::setRobertaTemplate(std::pair<int32_t, int32_t> ids) {
  auto [cls, sep] = ids;
  single = {{cls, 0}, {templateFirst, 0}, {sep, 0}};
  pair = {{cls, 0}, {templateFirst, 0}, {sep, 0}, {sep, 0}, {templateSecond, 0}, {sep, 0}};
}

std::optional<std::string> lathe::findMergeProblem(const BpeModel &model, const TokenizerSpec &spec) {
  auto problem = [](size_t rank, const std::string &token) {
    return ("merge " + llvm::Twine(rank) + " has the token " + quote(token) + ", which is not in the vocabulary").str();
  };
  for (auto [rank, merge] : llvm::enumerate(model.merges)) {
    const auto &[left, right] = merge;
    for (const std::string &token : {left, right, mergedToken(model, merge)})
      if (!spec.idOf(token))
        return problem(rank, token);
  }
  return std::nullopt;
}

std::string lathe::byteFallbackToken(uint8_t byte) {
  return {'<', '0', 'x', llvm::hexdigit(byte >> 4), llvm::hexdigit(byte & 15), '>'};
}

std::string lathe::mergedToken(const BpeModel &model, const std::pair<std::string, std::string> &merge) {
  llvm::StringRef right = merge.second;
  right.consume_front(model.continuingPrefix);
  return merge.first + right.str();
}
