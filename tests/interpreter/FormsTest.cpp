// The graph passes change the form of a model and not its meaning: a random encoder gives the same results before and
// after them, for random batches in every form a caller may use.
#include "tests/interpreter/Parsed.h"

#include "ir/xf/XfDialect.h"
#include "tests/interpreter/RandomEncoder.h"

using namespace lathe;
using lathe::test::near;
using lathe::test::Parsed;
using lathe::test::Random;
using lathe::test::RandomEncoder;

namespace {

/// Padded with any mask (holes and empty rows too), padded without one, or ragged.
NamedTensors randomBatch(Random &random, int64_t vocab) {
  int64_t batch = random.integer(1, 4), seq = random.integer(1, RandomEncoder::positions);
  bool ragged = random.integer(0, 2) == 0;
  NamedTensors inputs;
  Tensor offsets({batch + 1});
  for (int64_t b = 0; b < batch; ++b)
    offsets.values[b + 1] = offsets.values[b] + random.integer(0, seq);
  Tensor ids = ragged ? Tensor({int64_t(offsets.values.back())}) : Tensor({batch, seq});
  for (double &id : ids.values)
    id = random.integer(0, vocab - 1);
  if (ragged) {
    inputs["cu_seqlens"] = offsets;
  } else if (random.integer(0, 3)) {
    Tensor mask({batch, seq});
    for (double &present : mask.values)
      present = random.integer(0, 2) != 0;
    inputs["attention_mask"] = mask;
  }
  inputs["input_ids"] = ids;
  return inputs;
}

TEST(Forms, GraphPassesKeepTheMeaning) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    RandomEncoder encoder(random);
    Parsed model(encoder.text());
    std::vector<NamedTensors> batches, expected;
    for (int i = 0; i < 4; ++i) {
      batches.push_back(randomBatch(random, encoder.vocab));
      expected.push_back(model.runEntry(batches.back()));
    }
    model.runGraphPasses();
    bool fused = false;
    model.module().walk([&](mlir::Operation *op) {
      fused |= llvm::isa<xf::AttentionOp>(op);
      EXPECT_TRUE(!xf::isPrimitive(op) || llvm::isa<xf::RowGroupOp>(op->getParentOp()))
          << op->getName().getStringRef().str() << " is left outside a group";
      EXPECT_FALSE((llvm::isa<xf::SoftmaxOp, xf::LayerOp, xf::LookupOp, xf::MaskScoresOp>(op)))
          << op->getName().getStringRef().str() << " is left";
    });
    EXPECT_TRUE(fused);
    for (auto [batch, outputs] : llvm::zip_equal(batches, expected)) {
      NamedTensors actual = model.runEntry(batch);
      ASSERT_EQ(actual.size(), outputs.size());
      for (const auto &[name, tensor] : outputs)
        EXPECT_TRUE(near(actual[name], tensor)) << name;
    }
    if (HasFailure())
      return; // one seed is enough to look at
  }
}

TEST(Forms, ASequenceAloneIsTheSameInABatch) {
  Random random(7);
  RandomEncoder encoder(random);
  Parsed model(encoder.text());
  model.runGraphPasses();
  Tensor ids({6});
  for (double &id : ids.values)
    id = random.integer(0, encoder.vocab - 1);
  NamedTensors batch = model.runEntry({{"input_ids", ids}, {"cu_seqlens", Tensor({4}, {0, 1, 4, 6})}});
  Tensor middle({3}, std::vector<double>(ids.values.begin() + 1, ids.values.begin() + 4));
  NamedTensors alone = model.runEntry({{"input_ids", middle}, {"cu_seqlens", Tensor({2}, {0, 3})}});
  const Tensor &all = batch["last_hidden_state"], &one = alone["last_hidden_state"];
  EXPECT_EQ(std::vector<double>(all.row(1), all.row(4)), one.values) << "to the last bit";
}

} // namespace
