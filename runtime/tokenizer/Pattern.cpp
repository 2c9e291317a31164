#include "runtime/tokenizer/Pattern.h"

#include "runtime/tokenizer/Utf8.h"

using namespace lathe;

static constexpr size_t noMatch = SIZE_MAX;

/// The class of the code point at `at` as a set of one; none where the bytes are not UTF-8.
inline uint64_t PatternMatcher::classAt(size_t at, unsigned &length) const {
  uint32_t codePoint;
  length = decodeUtf8(text + at, text + size, codePoint);
  return length ? uint64_t(1) << tokenizer.classes[codePoint] : 0;
}

/// Where a match that begins at `at` ends, or noMatch.
size_t PatternMatcher::matchAt(uint32_t node, size_t at) const {
  for (;;) {
    const PatternNode &step = tokenizer.patterns[node];
    unsigned length;
    switch (step.op) {
    case PatternOp::Accept:
      return at;
    case PatternOp::Either: {
      bool canBegin = step.classes == ~uint64_t(0) || (at < size && classAt(at, length) & step.classes);
      if (canBegin)
        if (size_t end = matchAt(step.next, at); end != noMatch)
          return end;
      node = step.other;
      continue;
    }
    case PatternOp::Ahead:
    case PatternOp::NotAhead:
      if ((at < size && classAt(at, length) & step.classes) != (step.op == PatternOp::Ahead))
        return noMatch;
      node = step.next;
      continue;
    case PatternOp::Set: {
      uint32_t count = 0;
      for (; count < step.most && at < size && classAt(at, length) & step.classes; ++count)
        at += length;
      if (count < step.least)
        return noMatch;
      if (!step.possessive && tokenizer.patterns[step.next].op != PatternOp::Accept)
        for (uint32_t codePoint; count > step.least; --count) {
          if (size_t end = matchAt(step.next, at); end != noMatch)
            return end;
          at -= decodeUtf8Before(text, text + at, codePoint);
        }
      node = step.next;
      continue;
    }
    }
  }
}

bool PatternMatcher::findNext(uint32_t node, size_t from, Word &match) const {
  for (unsigned length; from < size; from += length) {
    size_t end = matchAt(node, from);
    if (end != noMatch && end > from) {
      match = {from, end};
      return true;
    }
    classAt(from, length);
    length += !length;
  }
  return false;
}
