// Compiles patterns, regular expressions or plain strings, to the graphs of runtime/tokenizer/Tables.h.
#ifndef LATHE_COMPILER_IMPORT_TOKENIZER_PATTERNCOMPILER_H
#define LATHE_COMPILER_IMPORT_TOKENIZER_PATTERNCOMPILER_H

#include "compiler/import/tokenizer/ClassMapBuilder.h"
#include "compiler/import/tokenizer/TokenizerSpec.h"

namespace lathe {

struct PatternTables {
  ClassMapTable classes;
  std::vector<PatternNode> nodes;
};

/// What is wrong with a pattern, or nothing. Accepted are alternatives, groups, (?i:…), sets, \p{…}, \s \d \w and their
/// complements, quantifiers (? * + {n,m}, greedy or possessive) on single characters, groups that are optional, and
/// looking ahead at one character: what the pre-tokenizers of published models use. None may match the empty text.
std::optional<std::string> findPatternProblem(const Pattern &pattern);

/// `patterns` must have no problem. `starts` gets the first node of each. Fails when together they tell more kinds of
/// characters apart than tables can.
llvm::Expected<PatternTables> compilePatterns(llvm::ArrayRef<Pattern> patterns, std::vector<uint32_t> &starts);

} // namespace lathe

#endif
