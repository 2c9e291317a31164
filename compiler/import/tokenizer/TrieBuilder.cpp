#include "compiler/import/tokenizer/TrieBuilder.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <algorithm>
#include <deque>

using namespace lathe;

namespace {
using Key = std::pair<const std::string, uint32_t>;

class Builder {
public:
  explicit Builder(std::vector<const Key *> keys) : keys(std::move(keys)) {}

  std::vector<TrieUnit> build() {
    grow();
    used[0] = true;
    // Breadth first, so that the nodes every lookup passes lie together.
    std::deque<Node> open = {{0, 0, keys.size(), 0}};
    for (; !open.empty(); open.pop_front())
      placeChildren(open.front(), open);
    return std::move(units);
  }

private:
  /// A node and the sorted keys [begin, end) below it, which agree in their first `depth` bytes.
  struct Node {
    uint32_t unit;
    size_t begin, end, depth;
  };

  void grow() {
    units.resize(units.size() + 256, {0, trieNone});
    used.resize(units.size(), false);
  }

  /// A base under which all labels fall on unused units. Only the last units are searched: what is still unused before
  /// them is given up, which keeps building linear at the price of a few per cent of space.
  uint32_t findBase(llvm::ArrayRef<uint8_t> labels) {
    constexpr size_t window = 4 * 256;
    for (size_t unit = units.size() > window ? units.size() - window : 0;; ++unit) {
      if (unit == units.size())
        grow();
      uint32_t base = uint32_t(unit) ^ labels[0];
      if (std::none_of(labels.begin(), labels.end(), [&](uint8_t label) { return used[base ^ label]; }))
        return base;
    }
  }

  void placeChildren(Node node, std::deque<Node> &open) {
    llvm::SmallVector<uint8_t, 8> labels;
    llvm::SmallVector<size_t, 8> begins;
    bool endsKey = keys[node.begin]->first.size() == node.depth;
    if (endsKey) { // the value is the child at byte 0
      labels.push_back(0);
      begins.push_back(node.begin);
    }
    for (size_t k = node.begin + endsKey; k < node.end; ++k) {
      uint8_t label = uint8_t(keys[k]->first[node.depth]);
      if (labels.empty() || labels.back() != label) {
        labels.push_back(label);
        begins.push_back(k);
      }
    }
    begins.push_back(node.end);
    uint32_t base = findBase(labels);
    units[node.unit].base = base | (endsKey ? trieKeyEnds : 0);
    for (size_t i = 0; i < labels.size(); ++i) {
      uint32_t child = base ^ labels[i];
      used[child] = true;
      units[child].check = node.unit;
      if (labels[i])
        open.push_back({child, begins[i], begins[i + 1], node.depth + 1});
      else
        units[child].base = keys[node.begin]->second;
    }
  }

  std::vector<const Key *> keys;
  std::vector<TrieUnit> units;
  std::vector<bool> used;
};
} // namespace

std::vector<TrieUnit> lathe::buildTrie(const std::map<std::string, uint32_t> &keys) {
  std::vector<const Key *> sorted; // std::string compares bytes as unsigned, so a map's order is the trie's
  for (const Key &key : keys)
    sorted.push_back(&key);
  if (sorted.empty())
    return {};
  return Builder(std::move(sorted)).build();
}

uint32_t lathe::findTrieNode(const std::vector<TrieUnit> &trie, llvm::StringRef key) {
  uint32_t node = 0;
  for (uint8_t byte : key.bytes()) {
    uint32_t child = (trie[node].base & ~trieKeyEnds) ^ byte;
    if (trie[child].check != node)
      return trieNone;
    node = child;
  }
  return node;
}
