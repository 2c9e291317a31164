//===- LoweredEntry.h - how an entry at stage `kernels` describes itself ------===//
//
// LowerEntries writes it; the descriptor and the manifest read it.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_BACKENDS_CPU_LOWEREDENTRY_H
#define LATHE_BACKENDS_CPU_LOWEREDENTRY_H

#include "ir/xf/DerivedEntries.h"
#include "ir/xf/Similarity.h"
#include "ir/xf/WorkFormula.h"

#include "llvm/ADT/STLExtras.h"

#include <array>
#include <string>
#include <vector>

namespace lathe {

/// The function of an entry: a symbol that no kernel and no other part of the library has.
inline std::string loweredEntrySymbol(llvm::StringRef entryName) { return ("lathe_entry_" + entryName).str(); }

/// The entry's name in the ABI.
inline llvm::StringRef entryName(mlir::func::FuncOp lowered) {
  llvm::StringRef name = lowered.getSymName();
  name.consume_front("lathe_entry_");
  return name;
}

/// Whether callers may run the entry by its name.
inline bool isPublicEntry(mlir::func::FuncOp function) {
  return function->hasAttr(xf::XfDialect::entryAttr) && !function->hasAttr(xf::XfDialect::derivedAttr);
}

inline llvm::SmallVector<mlir::func::FuncOp> publicEntries(mlir::ModuleOp program) {
  return llvm::to_vector(llvm::make_filter_range(program.getOps<mlir::func::FuncOp>(), isPublicEntry));
}

/// The entries that it compares: of texts, and of images.
inline std::array<mlir::func::FuncOp, 2> comparedEntries(mlir::ModuleOp program) {
  const xf::SimilarityAttr similarity = xf::similarityOf(program);
  std::array<mlir::func::FuncOp, 2> entries;
  for (mlir::func::FuncOp entry : publicEntries(program))
    for (auto [name, found] : llvm::zip_equal(llvm::ArrayRef({similarity.getText(), similarity.getImage()}), entries))
      if (entryName(entry) == name)
        found = entry;
  return entries;
}

/// Its inputs, outputs or steps: the dictionaries of XfDialect::inputsAttr, outputsAttr or stepsAttr. See also stepsOf.
inline llvm::SmallVector<mlir::DictionaryAttr> listOf(mlir::func::FuncOp lowered, llvm::StringRef attribute) {
  return llvm::to_vector(lowered->getAttrOfType<mlir::ArrayAttr>(attribute).getAsRange<mlir::DictionaryAttr>());
}

/// One text of such a dictionary; empty if it has none.
inline llvm::StringRef textOf(mlir::DictionaryAttr attributes, llvm::StringRef name) {
  auto value = attributes.getAs<mlir::StringAttr>(name);
  return value ? value.getValue() : llvm::StringRef();
}

/// How the entry's images become tokens; null where its tokens are of texts.
inline xf::ImageAttr imageOf(mlir::func::FuncOp lowered) {
  for (mlir::DictionaryAttr input : listOf(lowered, xf::XfDialect::inputsAttr))
    if (auto image = input.getAs<xf::ImageAttr>(xf::XfDialect::imageAttr))
      return image;
  return nullptr;
}

/// What makes images of bytes into what the entry reads; null where there is nothing.
inline xf::FrontEndAttr frontEndOf(mlir::func::FuncOp lowered) {
  for (mlir::DictionaryAttr input : listOf(lowered, xf::XfDialect::inputsAttr))
    if (auto front = input.getAs<xf::FrontEndAttr>(xf::XfDialect::frontEndAttr))
      return front;
  return nullptr;
}

/// Whether a caller may give that input besides ids and what tells which of them count; the edge derives all others.
inline bool isOffered(llvm::StringRef inputName) {
  return llvm::is_contained({"token_type_ids", "position_ids", "langs", "prompt_mask", "global_attention_mask"},
                            inputName);
}

/// What a caller may give for that input, a number for each sequence; empty where nothing.
inline llvm::StringRef offeredOfSequences(llvm::StringRef inputName) {
  return inputName == "prefix_lens" ? "prefix_lens" : inputName == "except_chosen" ? "mc_token_ids" : "";
}

/// What callers may give beside input_modal, and of how many axes.
struct ModalInput {
  llvm::StringLiteral name;
  unsigned rank;
};
inline constexpr ModalInput besideModal[] = {
    {"modal_start_tokens", 1}, {"modal_end_tokens", 1}, {"modal_token_type_ids", 2}, {"modal_position_ids", 2}};

/// A step: what one call does, and how often a run calls it.
struct LoweredStep {
  llvm::StringRef name, kernel;
  int64_t calls;
  xf::WorkFormula flops, weightBytes, activationBytes;
  mlir::DictionaryAttr result; ///< the fields of its lathe_step_result; null where it has none
};

/// The name of what lathe_step_result says in a step's dictionary, a dictionary of its fields.
inline constexpr llvm::StringLiteral loweredStepResult = "result";
/// The names of a step's formulas in its dictionary.
inline constexpr llvm::StringLiteral loweredStepFlops = "flops", loweredStepWeightBytes = "weight_bytes",
                                     loweredStepActivationBytes = "activation_bytes";

inline std::vector<LoweredStep> stepsOf(mlir::func::FuncOp lowered) {
  std::vector<LoweredStep> steps;
  for (mlir::DictionaryAttr step : listOf(lowered, xf::XfDialect::stepsAttr)) {
    auto formula = [&](llvm::StringRef name) { return xf::WorkFormula(step.getAs<mlir::DenseI64ArrayAttr>(name)); };
    steps.push_back({textOf(step, "name"), textOf(step, "kernel"), step.getAs<mlir::IntegerAttr>("calls").getInt(),
                     formula(loweredStepFlops), formula(loweredStepWeightBytes), formula(loweredStepActivationBytes),
                     step.getAs<mlir::DictionaryAttr>(loweredStepResult)});
  }
  return steps;
}

} // namespace lathe

#endif
