#include "compiler/import/tokenizer/PatternCompiler.h"

#include "compiler/import/tokenizer/PatternSyntax.h"

#include <algorithm>
#include <map>

using namespace lathe;

namespace {
/// Kinds of code points that no set of the patterns tells apart.
class Classes {
public:
  void addSet(const icu::UnicodeSet &set) {
    if (!llvm::is_contained(sets, set))
      sets.push_back(set);
  }

  /// False: there are too many.
  bool build() {
    std::vector<UChar32> borders = {0};
    for (const icu::UnicodeSet &set : sets)
      for (int32_t i = 0; i < set.getRangeCount(); ++i) {
        borders.push_back(set.getRangeStart(i));
        borders.push_back(set.getRangeEnd(i) + 1);
      }
    llvm::sort(borders);
    borders.erase(std::unique(borders.begin(), borders.end()), borders.end());
    std::map<std::vector<bool>, uint8_t> numbers;
    for (UChar32 first : borders) {
      if (uint32_t(first) >= codePointLimit)
        break;
      std::vector<bool> signature;
      for (const icu::UnicodeSet &set : sets)
        signature.push_back(set.contains(first));
      auto [place, isNew] = numbers.try_emplace(std::move(signature), uint8_t(numbers.size()));
      if (isNew)
        examples.push_back(first);
      if (numbers.size() > maxClasses)
        return false;
      ranges.push_back({uint32_t(first), place->second});
    }
    return true;
  }

  uint64_t maskOf(const icu::UnicodeSet &set) const {
    uint64_t mask = 0;
    for (auto [number, example] : llvm::enumerate(examples))
      if (set.contains(example))
        mask |= uint64_t(1) << number;
    return mask;
  }

  ClassMapTable table() const {
    size_t range = 0;
    return buildClassMap([&](uint32_t c) {
      while (range + 1 < ranges.size() && ranges[range + 1].first <= c)
        ++range;
      return ranges[range].second;
    });
  }

private:
  std::vector<icu::UnicodeSet> sets;
  std::vector<UChar32> examples; // of each class
  std::vector<std::pair<uint32_t, uint8_t>> ranges;
};

/// Writes a tree as nodes back to front, so that the edges of each lead to nodes that are there already.
class GraphBuilder {
public:
  explicit GraphBuilder(const Classes &classes) : classes(classes) { add({.op = PatternOp::Accept, .next = 0}); }

  /// The node that matches `tree` and goes on with `next`.
  uint32_t build(const PatternTree &tree, uint32_t next) {
    switch (tree.kind) {
    case PatternTree::Set:
      return add({.classes = classes.maskOf(tree.set),
                  .op = PatternOp::Set,
                  .next = next,
                  .least = tree.least,
                  .most = tree.most,
                  .possessive = tree.isPossessive});
    case PatternTree::Ahead:
    case PatternTree::NotAhead:
      return add({.classes = classes.maskOf(tree.set),
                  .op = tree.kind == PatternTree::Ahead ? PatternOp::Ahead : PatternOp::NotAhead,
                  .next = next});
    case PatternTree::Sequence:
      for (const PatternTree &child : llvm::reverse(tree.children))
        next = build(child, next);
      return next;
    case PatternTree::Optional:
      return either(build(tree.children[0], next), next);
    case PatternTree::Alternatives: {
      uint32_t last = build(tree.children.back(), next);
      for (const PatternTree &child : llvm::reverse(llvm::ArrayRef(tree.children).drop_back()))
        last = either(build(child, next), last);
      return last;
    }
    }
    return next;
  }

  /// The nodes in their order in the tables, the first of which is number `base`.
  void write(uint32_t base, std::vector<PatternNode> &to) const {
    uint32_t last = base + uint32_t(nodes.size()) - 1;
    for (PatternNode node : llvm::reverse(nodes)) {
      node.next = last - node.next;
      node.other = last - node.other;
      to.push_back(node);
    }
  }
  size_t size() const { return nodes.size(); }

private:
  uint32_t add(PatternNode node) {
    nodes.push_back(node);
    return uint32_t(nodes.size() - 1);
  }
  uint32_t either(uint32_t first, uint32_t second) {
    return add({.classes = beginnings(first), .op = PatternOp::Either, .next = first, .other = second});
  }
  /// The classes that what matches from `node` on begins with; all when it need not begin with any.
  uint64_t beginnings(uint32_t node) const {
    const PatternNode &step = nodes[node];
    if (step.op == PatternOp::Set)
      return step.classes | (step.least ? 0 : beginnings(step.next));
    if (step.op == PatternOp::Either)
      return step.classes | beginnings(step.other);
    return ~uint64_t(0);
  }

  const Classes &classes;
  std::vector<PatternNode> nodes;
};
} // namespace

static void collectSets(const PatternTree &tree, Classes &classes) {
  if (tree.kind == PatternTree::Set || tree.kind == PatternTree::Ahead || tree.kind == PatternTree::NotAhead)
    classes.addSet(tree.set);
  for (const PatternTree &child : tree.children)
    collectSets(child, classes);
}

static size_t countNodes(const PatternTree &tree) {
  size_t count = 1 + tree.children.size();
  for (const PatternTree &child : tree.children)
    count += countNodes(child);
  return count;
}

std::optional<std::string> lathe::findPatternProblem(const Pattern &pattern) {
  std::string problem;
  PatternTree tree = parsePattern(pattern, problem);
  if (!problem.empty())
    return problem;
  if (countNodes(tree) > maxPatternNodes - 1)
    return "a pattern of " + std::to_string(pattern.text.size()) + " bytes is too long; " +
           std::to_string(maxPatternNodes) + " parts are accepted";
  return std::nullopt;
}

llvm::Expected<PatternTables> lathe::compilePatterns(llvm::ArrayRef<Pattern> patterns, std::vector<uint32_t> &starts) {
  PatternTables tables;
  if (patterns.empty())
    return tables;
  Classes classes;
  std::vector<PatternTree> trees;
  std::string problem;
  for (const Pattern &pattern : patterns) {
    trees.push_back(parsePattern(pattern, problem));
    collectSets(trees.back(), classes);
  }
  assert(problem.empty() && "the reader asked findPatternProblem");
  if (!classes.build())
    return llvm::createStringError("its patterns tell more than " + llvm::Twine(maxClasses) +
                                   " kinds of characters apart");
  for (const PatternTree &tree : trees) {
    GraphBuilder builder(classes);
    uint32_t first = builder.build(tree, 0);
    assert(first == builder.size() - 1 && "the first node is written last");
    (void)first;
    starts.push_back(uint32_t(tables.nodes.size()));
    builder.write(starts.back(), tables.nodes);
  }
  tables.classes = classes.table();
  return tables;
}
