#include "runtime/tokenizer/PreTokenize.h"

#include "runtime/tokenizer/Pattern.h"

using namespace lathe;

void PreTokenizer::cutByKinds(Word word) {
  const CharKind *kinds = current->kinds.data;
  for (size_t at = word.begin; at < word.end;) {
    CharKind kind = kinds[at];
    size_t end = at + 1;
    while (end < word.end &&
           (kinds[end] == CharKind::Continuation || (kinds[end] == kind && kind != CharKind::Isolated)))
      ++end;
    if (kind != CharKind::Space)
      push(at, end);
    at = end;
  }
}

void PreTokenizer::cutAtMatches(const PreTokenizerRecord &step, Word word) {
  PatternMatcher matcher(tokenizer, current->bytes.data + word.begin, word.end - word.begin);
  auto behavior = SplitBehavior(step.b);
  size_t given = word.begin;    // all before this is in a word or removed
  size_t matchBegin = word.end; // of a match that is held back: its neighbour decides
  bool holding = false, heldIsSeparator = false;
  // Stretches alternate between separators and others, but that separators may follow each other.
  auto take = [&](size_t begin, size_t end, bool isSeparator) {
    switch (behavior) {
    case SplitBehavior::Removed:
      if (!isSeparator)
        push(begin, end);
      return;
    case SplitBehavior::Isolated:
      push(begin, end);
      return;
    case SplitBehavior::WithPrevious: // a separator ends the stretch before it
      if (holding && isSeparator && !heldIsSeparator) {
        push(matchBegin, end);
        holding = false;
        heldIsSeparator = true;
        return;
      }
      if (holding)
        push(matchBegin, begin);
      break;
    case SplitBehavior::WithNext: // a separator begins the stretch behind it
      if (holding && !isSeparator && heldIsSeparator) {
        push(matchBegin, end);
        holding = false;
        return;
      }
      if (holding)
        push(matchBegin, begin);
      break;
    case SplitBehavior::Contiguous:
      if (holding && isSeparator == heldIsSeparator)
        return;
      if (holding)
        push(matchBegin, begin);
      break;
    }
    holding = true;
    matchBegin = begin;
    heldIsSeparator = isSeparator;
  };
  bool inverted = step.c & 1;
  size_t searched = 0;
  for (Word match; matcher.findNext(step.a, searched, match); searched = match.end) {
    size_t begin = word.begin + match.begin, end = word.begin + match.end;
    if (given < begin)
      take(given, begin, inverted);
    take(begin, end, !inverted);
    given = end;
  }
  if (given < word.end)
    take(given, word.end, inverted);
  if (holding)
    push(matchBegin, word.end);
}

void PreTokenizer::prefixSpace(Word word, MappedText &to) {
  size_t begin = to.size();
  if (current->bytes.data[word.begin] != ' ')
    to.append(" ", 1, current->origins.data[word.begin]);
  to.append(*current, word.begin, word.end);
  push(begin, to.size());
}

void PreTokenizer::markSpaces(const PreTokenizerRecord &step, Word word, MappedText &to) {
  const char *mark = tokenizer.pool.data + step.a, *bytes = current->bytes.data;
  const int32_t *origins = current->origins.data;
  size_t size = strlen(mark), begin = to.size();
  bool isMarked =
      bytes[word.begin] == ' ' || (word.end - word.begin >= size && memcmp(bytes + word.begin, mark, size) == 0);
  auto scheme = PrependScheme(step.b);
  if (!isMarked && (scheme == PrependScheme::Always || (scheme == PrependScheme::First && origins[word.begin] == 0)))
    to.append(mark, size, origins[word.begin]);
  for (size_t at = word.begin; at < word.end;) {
    if (bytes[at] == ' ') {
      to.append(mark, size, origins[at++]);
      continue;
    }
    size_t end = at + 1;
    while (end < word.end && bytes[end] != ' ')
      ++end;
    to.append(*current, at, end);
    at = end;
  }
  push(begin, to.size());
}

void PreTokenizer::run(const MappedText &normalized, size_t begin, size_t end) {
  current = &normalized;
  list.size = spareList.size = 0;
  push(begin, end);
  swapContents(list, spareList);
  for (uint32_t i = 0; i < tokenizer.preTokenizer.count && !failed(); ++i) {
    const PreTokenizerRecord &step = tokenizer.preTokenizer[i];
    spareList.size = 0;
    MappedText &changed = current == &first ? second : first;
    if (step.kind == PreTokenizerKind::PrefixSpace || step.kind == PreTokenizerKind::Metaspace)
      changed.clear();
    for (size_t k = 0; k < list.size; ++k)
      switch (step.kind) {
      case PreTokenizerKind::Kinds:
        cutByKinds(list.data[k]);
        break;
      case PreTokenizerKind::Split:
        cutAtMatches(step, list.data[k]);
        break;
      case PreTokenizerKind::PrefixSpace:
        prefixSpace(list.data[k], changed);
        break;
      case PreTokenizerKind::Metaspace:
        markSpaces(step, list.data[k], changed);
        break;
      }
    if (step.kind == PreTokenizerKind::PrefixSpace || step.kind == PreTokenizerKind::Metaspace)
      current = &changed;
    swapContents(list, spareList);
  }
}
