#include "runtime/tokenizer/SentencePieceText.h"

#include "runtime/tokenizer/Trie.h"
#include "runtime/tokenizer/Utf8.h"

using namespace lathe;

unsigned lathe::findLongest(const TableView<TrieUnit> &trie, const char *begin, const char *end, uint32_t &value) {
  unsigned longest = 0;
  if (!trie.count)
    return 0;
  uint32_t node = 0;
  for (const char *at = begin; at < end; ++at) {
    node = trieStep(trie, node, uint8_t(*at));
    if (node == trieNone)
      break;
    if (trieEndsKey(trie, node)) {
      longest = unsigned(at + 1 - begin);
      value = trieValue(trie, node);
    }
  }
  return longest;
}

unsigned lathe::findUserSymbol(const Tokenizer &tokenizer, const char *begin, const char *end, uint32_t &id) {
  return findLongest(tokenizer.userSymbols, begin, end, id);
}

namespace {
constexpr size_t markSize = sizeof spaceMark - 1;

/// Walks over a text rule by rule.
class Rules {
public:
  Rules(const Tokenizer &tokenizer, const MappedText &from)
      : tokenizer(tokenizer), from(from), end(from.bytes.data + from.size()) {}

  bool isDone() const { return at >= from.size(); }
  /// Where the walk stands, as a place in the original text.
  int32_t origin() const {
    return isDone() ? (from.size() ? from.origins.data[from.size() - 1] + 1 : 0) : from.origins.data[at];
  }
  /// What the text becomes here, and how much of it.
  void read() {
    const char *begin = from.bytes.data + at;
    uint32_t value = 0, codePoint;
    taken = findUserSymbol(tokenizer, begin, end, value);
    if (!taken && (taken = findLongest(tokenizer.charsmap, begin, end, value))) {
      text = tokenizer.pool.data + value;
      size = strlen(text);
      return;
    }
    if (!taken)
      taken = decodeUtf8(begin, end, codePoint);
    taken += !taken;
    text = begin;
    size = taken;
  }
  void advance() { at += taken; }

  const char *text = nullptr;
  size_t size = 0;

private:
  const Tokenizer &tokenizer;
  const MappedText &from;
  const char *end;
  size_t at = 0, taken = 0;
};
} // namespace

void lathe::normalizeSentencePiece(const Tokenizer &tokenizer, uint32_t flags, const MappedText &from, MappedText &to) {
  bool removes = flags & spmRemovesSpaces;
  const char *space = flags & spmMarksSpaces ? spaceMark : " ";
  size_t spaceSize = flags & spmMarksSpaces ? markSize : 1;
  Rules rules(tokenizer, from);
  for (; removes && !rules.isDone(); rules.advance()) {
    rules.read();
    if (rules.size != 1 || *rules.text != ' ')
      break;
  }
  int32_t ending = rules.origin();
  if (!rules.isDone()) {
    if (flags & spmAddsMark && !(flags & spmMarksEnds))
      to.append(space, spaceSize, rules.origin());
    bool isBehindSpace = removes;
    for (; !rules.isDone() && !to.failed(); rules.advance()) {
      rules.read();
      size_t skipped = 0;
      while (isBehindSpace && skipped < rules.size && rules.text[skipped] == ' ')
        ++skipped;
      for (size_t i = skipped; i < rules.size; ++i)
        if (rules.text[i] == ' ')
          to.append(space, spaceSize, rules.origin());
        else
          to.append(rules.text + i, 1, rules.origin());
      if (skipped < rules.size)
        isBehindSpace = rules.text[rules.size - 1] == ' ';
      isBehindSpace &= removes;
    }
    ending = rules.origin();
    while (removes && to.size() >= spaceSize && !memcmp(to.bytes.data + to.size() - spaceSize, space, spaceSize)) {
      to.bytes.size -= spaceSize;
      to.origins.size -= spaceSize;
      ending = to.origins.data[to.size()];
    }
    if (flags & spmAddsMark && flags & spmMarksEnds)
      to.append(space, spaceSize, ending);
  }
  if (!(flags & spmIsOneOfSteps))
    to.origins.push(ending);
}
