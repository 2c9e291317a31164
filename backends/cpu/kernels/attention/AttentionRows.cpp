#include "backends/cpu/kernels/attention/AttentionRows.h"

#include "backends/cpu/kernels/VectorMath.h"

using namespace mlir;

namespace lathe {

static constexpr int64_t lanes = KernelBuilder::lanes;
static constexpr float log2OfE = 1.44269504f;

AttentionRows::AttentionRows(KernelBuilder &b, const Parameters &params, Words words, const AttentionScratch &layout,
                             const CachePages &pages, const Distances &distances, Value scale, Value cap)
    : b(b), words(words), masked(params.flag("masked")), paged(params.flag("paged")),
      narrow(words == Words::Bf16Pairs && params.flag("y_bf16")), layout(layout), pages(pages), distances(distances),
      scale(scale), cap(cap) {}

void AttentionRows::emitBias(Sequence sequence, Value firstKey, Value keys) {
  b.forRange(b.integer(0), keys, lanes, [&](Value key) {
    Value present = b.firstLanes(b.sub(keys, key));
    if (masked) {
      Value row = b.add(sequence.first, b.add(firstKey, key));
      present = b.nonZeroBytes(b.atByte(sequence.mask, row), present);
    }
    if (distances.hasGlobals()) {
      Value none = b.firstLanes(b.integer(0)), token = b.add(sequence.first, b.add(firstKey, key));
      present = b.select(distances.globalLanes(b, token, present), none, present);
    }
    b.store(b.select(present, b.splat(0.0f), b.splat(-INFINITY)), b.at(part(layout.bias), key));
    if (!distances.any())
      return;
    if (paged) {
      b.store(b.floatsOf(b.add(b.broadcast(b.wordOf(b.add(firstKey, key))), b.laneNumbers())),
              b.at(part(layout.columns), key));
    } else {
      Value token = b.add(sequence.first, b.add(firstKey, key));
      b.store(b.load(distances.keyColumn(b, token), b.firstLanes(b.sub(keys, key))), b.at(part(layout.columns), key));
    }
  });
}

void AttentionRows::emitGlobalBias(Value keys, llvm::function_ref<Value(Value key, Value mask)> numbersAt) {
  b.forRange(b.integer(0), keys, lanes, [&](Value key) {
    Value present = b.firstLanes(b.sub(keys, key)), added = distances.logarithms(b, numbersAt(key, present));
    b.store(b.select(present, added, b.splat(-INFINITY)), b.at(part(layout.bias), key));
    b.store(b.splat(0.0f), b.at(part(layout.columns), key));
  });
}

void AttentionRows::emitSteps(PageProducts::PageAt pageAt, Value keys) {
  b.forRange(b.integer(0), b.ceilDiv(keys, CachePages::tokens), 1, [&](Value page) {
    Value head = pageAt(page), first = b.mul(page, CachePages::tokens);
    b.store(b.load(pages.keySteps(b, head)), b.at(part(layout.keySteps), first));
    b.store(b.load(pages.valueSteps(b, head)), b.at(part(layout.valueSteps), first));
  });
}

/// Sixteen products of a query with keys.
Value AttentionRows::product(Value row, Value key) {
  Value stored = b.load(b.at(scoresOf(row), key));
  return layout.inBytes ? b.mul(stored, b.load(b.at(part(layout.keySteps), key))) : stored;
}

/// What sixteen products come to: scaled, capped, and -inf where there is no key.
Value AttentionRows::scored(Value products, Value key) {
  if (!cap)
    return b.fma(products, scale, biasAt(key));
  return b.fma(cap, emitTanh(b, b.div(b.mul(products, scale), cap)), biasAt(key));
}

/// The same, with what goes by distance, and stored in its place for what comes.
Value AttentionRows::storeScore(Value row, const Distances::Query &query, Value keyTerms, Value key, Value keys) {
  Value scores = product(row, key);
  if (distances.any()) {
    Value away = distances.away(b, query.column, b.loadWords(b.at(part(layout.columns), key)));
    if (distances.hasTerms())
      scores = distances.addTerms(b, scores, away, query.terms, distances.keyRow(b, keyTerms, key),
                                  b.firstLanes(b.sub(keys, key)));
    scores = distances.change(b, scored(scores, key), away, query, isGlobalBlock);
  } else {
    scores = scored(scores, key);
  }
  b.store(scores, b.at(scoresOf(row), key));
  return scores;
}

/// What exponentials are relative to: the largest score so far. While all keys so far are masked that is -inf; any
/// number then serves as well, and -inf - -inf would not.
Value AttentionRows::exponentBase(Value largest) {
  return b.broadcast(b.select(b.equal(largest, b.scalar(-INFINITY)), b.scalar(0.0f), largest));
}

void AttentionRows::emitMaximum(Value row, Value query, const Distances::Query &place, Value keyTerms, Value isFirst,
                                Value keys) {
  Value maximum = rowOf(layout.maxima, query, 1), weight = rowOf(layout.weights, query, 1);
  Value before = b.select(isFirst, b.scalar(-INFINITY), b.loadScalar(maximum));
  Value lanesLargest = b.forRange(b.integer(0), keys, lanes, b.broadcast(before), [&](Value key, ValueRange carried) {
    return KernelBuilder::Values{
        b.max(carried[0], storesScores() ? storeScore(row, place, keyTerms, key, keys) : score(row, key))};
  })[0];
  Value largest = b.maxOfLanes(lanesLargest);
  b.storeScalar(largest, maximum);
  b.ifElse(
      isFirst, [&] { b.storeScalar(b.scalar(0.0f), weight); },
      [&] {
        Value correction = b.firstLane(emitExp(b, b.sub(b.broadcast(before), exponentBase(largest))));
        b.storeScalar(correction, rowOf(layout.corrections, row, 1));
        b.storeScalar(b.mul(b.loadScalar(weight), correction), weight);
      });
}

void AttentionRows::emitExponentials(Value row, Value query, Value keys) {
  Value weight = rowOf(layout.weights, query, 1), exponentials = scoresOf(row);
  Value base = exponentBase(b.loadScalar(rowOf(layout.maxima, query, 1)));
  // In bf16 of 2, so that its logarithm is multiplied in with the scale.
  Value binaryScale = b.mul(scale, b.splat(log2OfE)), negativeBase = b.mul(base, b.splat(-log2OfE));
  auto exponential = [&](Value key) {
    Value stored = b.load(b.at(exponentials, key));
    if (words == Words::F32) {
      Value e = emitExp(b, b.sub(storesScores() ? stored : score(row, key), base));
      Value factor = layout.inBytes ? b.mul(e, b.load(b.at(part(layout.valueSteps), key))) : e;
      b.store(factor, b.at(exponentials, key));
      return e;
    }
    Value exponent = storesScores() ? b.fma(stored, b.splat(log2OfE), negativeBase)
                                    : b.add(b.fma(stored, binaryScale, biasAt(key)), negativeBase);
    // The weight is the sum of what is multiplied, so that weights add up to one.
    return b.storeRoundedBf16(emitExp2(b, exponent), b.atBf16(exponentials, key));
  };
  Value sums = b.forRange(b.integer(0), keys, lanes, b.splat(0.0f), [&](Value key, ValueRange carried) {
    return KernelBuilder::Values{b.add(carried[0], exponential(key))};
  })[0];
  b.storeScalar(b.add(b.loadScalar(weight), b.sumOfLanes(sums)), weight);
}

void AttentionRows::emitOutputRow(Value row, Value query, Value isFirst, Value isLast, Value y) {
  Value product = rowOf(layout.products, row, layout.paddedDim), sum = rowOf(layout.sums, query, layout.paddedDim);
  b.ifTrue(b.equal(isFirst, b.flag(false)), [&] {
    Value correction = b.broadcast(b.loadScalar(rowOf(layout.corrections, row, 1)));
    b.forRange(b.integer(0), b.integer(layout.paddedDim), lanes, [&](Value c) {
      Value v = b.fma(b.load(b.at(sum, c)), correction, b.load(b.at(product, c)));
      b.store(v, b.at(product, c));
    });
  });
  b.ifElse(
      isLast,
      [&] {
        Value weight = b.loadScalar(rowOf(layout.weights, query, 1));
        // Without a single key the weight is 0, and so is the product.
        Value inverse = b.div(b.scalar(1.0f), b.select(b.equal(weight, b.scalar(0.0f)), b.scalar(1.0f), weight));
        b.forVectors(b.integer(layout.widths.value), [&](Value c, Value mask) {
          Value v = b.mul(b.load(b.at(product, c)), b.broadcast(inverse));
          if (narrow)
            b.storeBf16(v, b.atBf16(y, c), mask);
          else
            b.store(v, b.at(y, c), mask);
        });
      },
      [&] {
        b.forRange(b.integer(0), b.integer(layout.paddedDim), lanes,
                   [&](Value c) { b.store(b.load(b.at(product, c)), b.at(sum, c)); });
      });
}

} // namespace lathe
