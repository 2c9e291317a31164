#include "compiler/import/tokenizer/CompileTokenizer.h"

#include "compiler/import/tokenizer/JsonView.h"
#include "compiler/import/tokenizer/TokenizerSpec.h"
#include "compiler/import/tokenizer/UnsupportedTokenizer.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace lathe;

char UnsupportedTokenizer::ID;

/// Files that hold a tokenizer of a kind that is not covered.
static constexpr llvm::StringLiteral otherTokenizers[] = {"vocab.json",      "merges.txt", "spiece.model",
                                                          "tokenizer.model", "spm.model",  "sentencepiece.bpe.model"};

llvm::Expected<std::optional<CompiledTokenizer>> lathe::compileTokenizer(llvm::StringRef directory,
                                                                         const TokenizerOptions &options) {
  auto inDirectory = [&](llvm::StringRef name) {
    llvm::SmallString<128> path(directory);
    llvm::sys::path::append(path, name);
    return path;
  };
  llvm::SmallString<128> path = inDirectory("tokenizer.json");
  bool isJson = llvm::sys::fs::exists(path);
  if (!isJson)
    path = inDirectory("vocab.txt");
  if (!isJson && !llvm::sys::fs::exists(path)) {
    for (llvm::StringRef name : otherTokenizers)
      if (llvm::sys::fs::exists(inDirectory(name)))
        return llvm::make_error<UnsupportedTokenizer>(
            inDirectory(name), "this kind of tokenizer is not supported; accepted are WordPiece tokenizers, "
                               "as tokenizer.json or vocab.txt");
    return std::nullopt;
  }

  llvm::Expected<TokenizerConfig> config = readTokenizerConfig(directory);
  if (!config)
    return config.takeError();
  llvm::Expected<TokenizerSpec> spec = isJson ? readTokenizerJson(path, *config) : readVocabularyText(path, *config);
  if (!spec)
    return spec.takeError();
  spec->lowersFirst = options.lowerFirst;
  llvm::Expected<std::vector<uint8_t>> tables = writeTables(*spec, path);
  if (!tables)
    return tables.takeError();

  CompiledTokenizer result;
  result.tables = std::move(*tables);
  result.kind = "wordpiece";
  result.file = llvm::sys::path::filename(path).str();
  result.vocabularySize = uint32_t(spec->vocabulary.size());
  result.truncationLength = spec->truncationLength;
  result.modelMaxLength = config->modelMaxLength;
  auto idOf = [&](llvm::StringRef token) { return int32_t(spec->idOf(token).value_or(-1)); };
  result.unknownId = idOf(spec->unknown);
  result.clsId = idOf(config->classification.content);
  result.sepId = idOf(config->separator.content);
  result.padId = idOf(config->padding.content);
  result.maskId = idOf(config->mask.content);
  return result;
}
