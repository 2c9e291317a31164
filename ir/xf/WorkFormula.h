//===- WorkFormula.h - amounts of work as formulas of a run's sizes -----------===//
#ifndef LATHE_IR_XF_WORKFORMULA_H
#define LATHE_IR_XF_WORKFORMULA_H

#include "ir/xf/XfDialect.h"

#include <array>

namespace lathe::xf {

/// An amount (of operations, of bytes) as a formula of a run with T tokens in B sequences, the longest of L:
/// fixed + per_token * T + per_sequence * B + per_longest * L + per_token_pair * P + per_causal_pair * C, with P the
/// sum of the squares of the lengths, and C the sum over all tokens of how many each sees that sees none behind it:
/// itself and those before it, with those that a cache has; and of a second token axis likewise per_target,
/// per_target_pair, per_causal_target_pair, and per_cross_pair with the sum of the products of both lengths. Padding is
/// not counted, whether or not a program computes it.
struct WorkFormula {
  enum Term {
    Fixed,
    PerToken,
    PerSequence,
    PerLongest,
    PerTokenPair,
    PerCausalPair,
    PerTarget,
    PerTargetPair,
    PerCausalTargetPair,
    PerCrossPair
  };
  static constexpr llvm::StringLiteral names[] = {
      "fixed",      "per_token",       "per_sequence",           "per_longest",   "per_token_pair", "per_causal_pair",
      "per_target", "per_target_pair", "per_causal_target_pair", "per_cross_pair"};
  static constexpr size_t termsOfOneAxis = PerCausalPair + 1;
  std::array<int64_t, std::size(names)> terms = {};

  WorkFormula() = default;
  WorkFormula(Term term, int64_t value) { terms[term] = value; }
  /// As the attributes of xf.launch list the terms; null: nothing.
  explicit WorkFormula(mlir::DenseI64ArrayAttr attribute) {
    if (attribute)
      llvm::copy(attribute.asArrayRef(), terms.begin());
  }
  /// Null where there is nothing; no terms of a second axis where all of those are 0.
  mlir::DenseI64ArrayAttr toAttribute(mlir::MLIRContext *context) const {
    const auto isNothing = [](int64_t term) { return term == 0; };
    const llvm::ArrayRef<int64_t> all = terms, ofOneAxis = all.take_front(termsOfOneAxis);
    if (llvm::all_of(all, isNothing))
      return nullptr;
    const bool hasTargets = !llvm::all_of(all.drop_front(termsOfOneAxis), isNothing);
    return mlir::DenseI64ArrayAttr::get(context, hasTargets ? all : ofOneAxis);
  }

  WorkFormula &operator+=(const WorkFormula &other) {
    for (auto [term, added] : llvm::zip_equal(terms, other.terms))
      term += added;
    return *this;
  }
  WorkFormula operator*(int64_t times) const {
    WorkFormula product = *this;
    for (int64_t &term : product.terms)
      term *= times;
    return product;
  }
};

/// What a buffer's rows are counted by.
inline WorkFormula::Term termOf(Rows rows) {
  switch (rows) {
  case Rows::Tokens:
    return WorkFormula::PerToken;
  case Rows::Sequences:
    return WorkFormula::PerSequence;
  case Rows::Scores:
    return WorkFormula::PerTokenPair;
  case Rows::Targets:
    return WorkFormula::PerTarget;
  case Rows::TargetScores:
    return WorkFormula::PerTargetPair;
  case Rows::CrossScores:
  case Rows::MemoryScores:
    return WorkFormula::PerCrossPair;
  }
  llvm_unreachable("all rows are counted");
}
/// What the pairs of tokens of one axis are counted by where none sees those behind it.
inline WorkFormula::Term causalTermOf(Rows rows) {
  return rows == Rows::Targets ? WorkFormula::PerCausalTargetPair : WorkFormula::PerCausalPair;
}

} // namespace lathe::xf

#endif
