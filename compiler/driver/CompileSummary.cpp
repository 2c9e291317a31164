//===- CompileSummary.cpp - what a person is told of a compile ----------------===//
#include "backends/cpu/LoweredEntry.h"
#include "compiler/driver/Compilation.h"
#include "compiler/driver/PlanFile.h"
#include "ir/xf/XfDialect.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace lathe {

/// "1536 T + 4 B" for the parts of a formula that are there.
static std::string formulaText(DictionaryAttr formula) {
  std::string text;
  for (auto [name, symbol] : {std::pair<StringRef, StringRef>{"fixed", ""},
                              {"per_token", " T"},
                              {"per_sequence", " B"},
                              {"per_longest", " L"},
                              {"per_score", " B L^2"},
                              {"per_target", " T'"},
                              {"per_target_score", " B L'^2"},
                              {"per_cross_score", " B L L'"}}) {
    auto value = formula.getAs<IntegerAttr>(name);
    if (value && value.getInt())
      text += (text.empty() ? "" : " + ") + std::to_string(value.getInt()) + symbol.str();
  }
  return text.empty() ? "0" : text;
}

void Compilation::summarize(const OutputDirectory &output) {
  llvm::StringMap<std::pair<unsigned, unsigned>> fusions; // made, declined by pass
  for (const FusionRecord &record : facts.fusions)
    ++(record.made ? fusions[record.pass].first : fusions[record.pass].second);
  std::vector<std::string> lines;
  for (const auto &entry : fusions)
    lines.push_back(
        llvm::formatv("{0} {1}{2}", entry.getKey(), entry.getValue().first,
                      entry.getValue().second ? llvm::formatv(" ({0} declined)", entry.getValue().second).str() : ""));
  llvm::sort(lines);
  log << llvm::formatv("compiled {0} in {1:F2} s to {2}\n", name, progress.total(), options.output);
  log << "  task     " << facts.task << (facts.architecture.empty() ? "" : " (" + facts.architecture + ")") << ", "
      << plan.precision << "\n";
  if (!plan.overrides.empty())
    log << "  plan     " << planText(plan) << "\n";
  if (!lines.empty())
    log << "  fusions  " << llvm::join(lines, ", ") << "\n";
  log << "  weights  " << sizeText(facts.weights.header.file_bytes) << (facts.embedded ? ", embedded" : "") << "; code "
      << sizeText(facts.codeBytes) << " for " << levelNames(facts.levels) << "\n";
  if (const WeightSharing &sharing = facts.sharing; sharing.bytesSaved) {
    uint64_t uses = 0;
    for (const SharedTensor &tensor : sharing.tensors)
      uses += tensor.uses;
    log << "  sharing  " << sizeText(sharing.bytesSaved) << " saved: " << sharing.tensors.size()
        << " tensors, stored once, are used in " << uses << " places\n";
  }
  for (auto function : model.module->getOps<func::FuncOp>())
    if (isPublicEntry(function))
      log << "  memory   " << formulaText(function->getAttrOfType<DictionaryAttr>(xf::XfDialect::arenaAttr))
          << " bytes, and per thread "
          << formulaText(function->getAttrOfType<DictionaryAttr>(xf::XfDialect::scratchAttr))
          << " (T tokens, B sequences, L the longest, each rounded up to " << LATHE_ROW_QUANTUM << ")\n";
  if (func::FuncOp decode = xf::findDerivedEntry(*model.module, "decode"))
    log << "  cache    " << sizeText(decode->getAttrOfType<IntegerAttr>(xf::XfDialect::pageBytesAttr).getInt())
        << " for every " << LATHE_PAGE_TOKENS << " tokens of a text\n";
  if (func::FuncOp source = xf::findDerivedEntry(*model.module, "source"))
    log << "           " << sizeText(source->getAttrOfType<IntegerAttr>(xf::XfDialect::pageBytesAttr).getInt())
        << " for every " << LATHE_PAGE_TOKENS << " tokens that the encoder reads\n";
  bool readsIds = false;
  for (auto function : model.module->getOps<func::FuncOp>())
    for (unsigned index = 0; index < function.getNumArguments(); ++index) {
      auto input = function.getArgAttrOfType<StringAttr>(index, xf::XfDialect::inputAttr);
      readsIds |= input && input.getValue() == "input_ids";
    }
  if (facts.tokenizerKind.empty() && readsIds)
    log << (facts.noTokenizer.empty() ? "  no tokenizer files: inputs are token ids only\n"
                                      : "  no tokenizer that is supported: inputs are token ids only\n");
}

} // namespace lathe
