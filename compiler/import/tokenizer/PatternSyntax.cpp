#include "compiler/import/tokenizer/PatternSyntax.h"

#include "compiler/import/safetensors/Quote.h"
#include "compiler/import/tokenizer/UnicodeData.h"

#include <unicode/unistr.h>

using namespace lathe;

namespace {
class Parser {
public:
  Parser(const Pattern &pattern, std::string &problem)
      : text(icu::UnicodeString::fromUTF8(pattern.text)), source(pattern.text), problem(problem) {}

  PatternTree literal() {
    PatternTree result;
    while (!atEnd())
      result.children.push_back(single(take()));
    return result;
  }
  PatternTree parse() {
    PatternTree result = alternatives();
    if (!atEnd())
      fail("')' without '('");
    return result;
  }

private:
  bool atEnd() const { return at >= text.length() || !problem.empty(); }
  UChar32 peek() const { return atEnd() ? -1 : text.char32At(at); }
  UChar32 take() {
    UChar32 c = peek();
    at = text.moveIndex32(at, 1);
    return c;
  }
  bool consume(const char *ascii) {
    icu::UnicodeString wanted(ascii, -1, US_INV);
    if (!problem.empty() || text.compare(at, wanted.length(), wanted) != 0)
      return false;
    at += wanted.length();
    return true;
  }
  void fail(const llvm::Twine &what) {
    if (!problem.empty())
      return;
    std::string before;
    text.tempSubString(0, at).toUTF8String(before);
    problem = ("the pattern " + quote(source) + " has " + what + " before byte " + llvm::Twine(before.size())).str();
  }

  PatternTree single(UChar32 c) {
    PatternTree tree;
    tree.kind = PatternTree::Set;
    tree.set.add(c);
    if (ignoresCase)
      tree.set.closeOver(USET_CASE_INSENSITIVE).removeAllStrings();
    return tree;
  }
  static PatternTree ofSet(icu::UnicodeSet set) {
    PatternTree tree;
    tree.kind = PatternTree::Set;
    tree.set = std::move(set);
    return tree;
  }

  PatternTree alternatives() {
    PatternTree result;
    result.kind = PatternTree::Alternatives;
    do
      result.children.push_back(sequence());
    while (consume("|"));
    return result.children.size() == 1 ? std::move(result.children[0]) : result;
  }

  PatternTree sequence() {
    PatternTree result;
    while (!atEnd() && peek() != '|' && peek() != ')')
      result.children.push_back(quantified());
    return result;
  }

  PatternTree quantified() {
    PatternTree item = atom();
    uint32_t least = 1, most = 1;
    if (consume("?")) {
      least = 0;
    } else if (consume("*")) {
      least = 0;
      most = patternUnbounded;
    } else if (consume("+")) {
      most = patternUnbounded;
    } else if (consume("{")) {
      least = number();
      most = least;
      if (consume(","))
        most = peek() == '}' ? patternUnbounded : number();
      if (!consume("}") || most < least || !most)
        fail("a quantifier that is none of {n}, {n,} and {n,m}");
      return repeat(std::move(item), least, most, false);
    } else {
      return item;
    }
    if (consume("?"))
      fail("a quantifier that prefers the shortest");
    return repeat(std::move(item), least, most, consume("+"));
  }

  PatternTree repeat(PatternTree item, uint32_t least, uint32_t most, bool isPossessive) {
    while (item.kind != PatternTree::Set && item.children.size() == 1 && item.kind != PatternTree::Optional) {
      PatternTree inner = std::move(item.children[0]);
      item = std::move(inner);
    }
    if (item.kind == PatternTree::Set && item.least == 1 && item.most == 1) {
      item.least = least;
      item.most = most;
      item.isPossessive = isPossessive;
      return item;
    }
    if (least != 0 || most != 1 || isPossessive) {
      fail("a repeated group; accepted are repeated characters and optional groups");
      return item;
    }
    PatternTree result;
    result.kind = PatternTree::Optional;
    result.children.push_back(std::move(item));
    return result;
  }

  uint32_t number() {
    uint32_t value = 0;
    bool any = false;
    for (; peek() >= '0' && peek() <= '9' && value < 100000; any = true)
      value = value * 10 + uint32_t(take() - '0');
    if (!any || value >= 100000)
      fail("a quantifier that is no number below 100000");
    return value;
  }

  PatternTree atom() {
    if (consume("("))
      return group();
    UChar32 c = take();
    switch (c) {
    case '[':
      return ofSet(bracketed());
    case '\\':
      return escape();
    case '.': {
      PatternTree any = ofSet(icu::UnicodeSet('\n', '\n'));
      any.set.complement();
      return any;
    }
    case '^':
    case '$':
      fail("an anchor");
      break;
    case '*':
    case '+':
    case '?':
    case '{':
      fail("a quantifier of nothing");
      break;
    }
    return single(c);
  }

  PatternTree group() {
    PatternTree result;
    bool outer = ignoresCase;
    bool isAhead = false, isNegative = false;
    if (consume("?i:"))
      ignoresCase = true;
    else if (consume("?="))
      isAhead = true;
    else if (consume("?!"))
      isAhead = isNegative = true;
    else if (!consume("?:") && consume("?"))
      fail("a group that is none of (…), (?:…), (?i:…), (?=…) and (?!…)");
    result = alternatives();
    if (!consume(")"))
      fail("'(' without ')'");
    ignoresCase = outer;
    if (!isAhead)
      return result;
    while (result.kind != PatternTree::Set && result.children.size() == 1)
      result = PatternTree(result.children[0]);
    if (result.kind != PatternTree::Set || result.least != 1 || result.most != 1)
      fail("a look ahead at more than one character");
    result.kind = isNegative ? PatternTree::NotAhead : PatternTree::Ahead;
    return result;
  }

  /// Behind a backslash, outside or inside of brackets.
  PatternTree escape() {
    UChar32 c = take();
    switch (c) {
    case 'n':
      return single('\n');
    case 'r':
      return single('\r');
    case 't':
      return single('\t');
    case 'f':
      return single('\f');
    case 'v':
      return single('\v');
    case 's':
    case 'S':
    case 'd':
    case 'D':
    case 'w':
    case 'W': {
      UChar32 lower = c | 0x20;
      icu::UnicodeSet set = lower == 's' ? whiteSpaceSet() : lower == 'd' ? *categorySet("Nd") : wordSet();
      if (c != lower)
        set.complement();
      return ofSet(std::move(set));
    }
    case 'p':
    case 'P': {
      std::string name;
      if (consume("{")) {
        while (!atEnd() && peek() != '}')
          name += char(take());
        consume("}");
      } else {
        name = char(take());
      }
      std::optional<icu::UnicodeSet> set = categorySet(name);
      if (!set) {
        fail("the property " + quote(name) + ", which is no general category,");
        return {};
      }
      if (c == 'P')
        set->complement();
      return ofSet(*set);
    }
    }
    if (c < 0 || (c < 0x80 && isalnum(c)))
      fail("an escape that is not known");
    return single(c);
  }

  /// Behind '['.
  icu::UnicodeSet bracketed() {
    icu::UnicodeSet set;
    bool isNegated = consume("^");
    for (bool isFirst = true; !atEnd() && (isFirst || peek() != ']'); isFirst = false) {
      if (peek() == '[' || consume("&&"))
        fail("a set inside of a set");
      UChar32 c = take();
      PatternTree item = c == '\\' ? escape() : single(c);
      if (item.set.size() == 1 && !ignoresCase && peek() == '-' && at + 1 < text.length() &&
          text.charAt(at + 1) != ']') {
        take();
        UChar32 last = take();
        if (last == '\\') {
          PatternTree end = escape();
          last = end.set.size() == 1 ? end.set.charAt(0) : -1;
        }
        if (last < item.set.charAt(0))
          fail("a range that ends before it begins");
        else
          item.set.add(item.set.charAt(0), last);
      }
      set.addAll(item.set);
    }
    if (!consume("]"))
      fail("'[' without ']'");
    if (isNegated)
      set.complement();
    return set;
  }

  icu::UnicodeString text;
  const std::string &source;
  std::string &problem;
  int32_t at = 0;
  bool ignoresCase = false;
};
} // namespace

/// Whether it matches the empty text.
static bool matchesNothing(const PatternTree &tree) {
  switch (tree.kind) {
  case PatternTree::Set:
    return tree.least == 0;
  case PatternTree::Sequence:
    return llvm::all_of(tree.children, matchesNothing);
  case PatternTree::Alternatives:
    return llvm::any_of(tree.children, matchesNothing);
  case PatternTree::Optional:
  case PatternTree::Ahead:
  case PatternTree::NotAhead:
    return true;
  }
  return true;
}

PatternTree lathe::parsePattern(const Pattern &pattern, std::string &problem) {
  Parser parser(pattern, problem);
  PatternTree tree = pattern.isLiteral ? parser.literal() : parser.parse();
  if (problem.empty() && matchesNothing(tree))
    problem = ("the pattern " + llvm::Twine(quote(pattern.text)) + " matches the empty text").str();
  return tree;
}
