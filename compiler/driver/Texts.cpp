//===- Texts.cpp - from texts to tokens, and tokens through a model -----------===//
#include "compiler/driver/Texts.h"

#include "compiler/driver/Compile.h"
#include "compiler/driver/TensorArrays.h"
#include "compiler/import/checkpoint/ModelDirectory.h"
#include "compiler/import/families/Family.h"
#include "compiler/import/safetensors/Quote.h"
#include "compiler/import/tokenizer/CompileTokenizer.h"
#include "runtime/tokenizer/Tokenizer.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemAlloc.h"

using llvm::ArrayRef;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace lathe {

//===----------------------------------------------------------------------===//
// Tokenizers
//===----------------------------------------------------------------------===//

/// The ABI's strings end with NUL: one inside a text would silently cut it off.
static Error checkNoNul(const std::string &text, const std::optional<std::string> &pair) {
  if (StringRef(text).contains('\0') || (pair && StringRef(*pair).contains('\0')))
    return createStringError("the text " + quote(text) + " holds a NUL character");
  return Error::success();
}

static std::optional<std::string> optionalText(const char *text) {
  return text ? std::optional<std::string>(text) : std::nullopt;
}

static TokenizedText copyEncoding(const lathe_encoding &encoding, const TextTokenizer &tokenizer) {
  TokenizedText text;
  text.ids.assign(encoding.ids, encoding.ids + encoding.length);
  text.typeIds.assign(encoding.type_ids, encoding.type_ids + encoding.length);
  text.special.assign(encoding.special_tokens_mask, encoding.special_tokens_mask + encoding.length);
  for (size_t index = 0; index < encoding.length; ++index) {
    text.offsets.push_back({encoding.offsets[2 * index], encoding.offsets[2 * index + 1]});
    text.tokens.push_back(tokenizer.token(encoding.ids[index]));
  }
  return text;
}

/// Asks for the length, then for the text.
static Expected<std::string>
decodeWith(llvm::function_ref<lathe_status(char *, size_t, size_t *, lathe_error *)> decode) {
  lathe_error error = {};
  size_t length = 0;
  if (decode(nullptr, 0, &length, &error))
    return toError(error);
  std::string text(length + 1, '\0');
  if (decode(text.data(), text.size(), &length, &error))
    return toError(error);
  text.resize(length);
  return text;
}

namespace {

class ArtifactTokenizer final : public TextTokenizer {
public:
  explicit ArtifactTokenizer(const LoadedModel &model) : api(model.api()), model(model.model()) {}

  Expected<TokenizedText> tokenize(const std::string &text, const std::optional<std::string> &pair,
                                   const TokenizeOptions &options) const override {
    if (Error error = checkNoNul(text, pair))
      return std::move(error);
    lathe_tokenize_options settings = {};
    settings.size = sizeof settings;
    settings.max_length = options.maxLength.value_or(-1);
    settings.truncation = options.truncation;
    settings.language = options.language ? options.language->c_str() : nullptr;
    lathe_encoding encoding = {};
    lathe_error error = {};
    if (api.tokenize(model, text.c_str(), pair ? pair->c_str() : nullptr, &settings, &encoding, &error))
      return toError(error);
    TokenizedText result = copyEncoding(encoding, *this);
    api.free_encoding(model, &encoding);
    return result;
  }

  std::optional<std::string> token(int32_t id) const override { return optionalText(api.token_text(model, id)); }

  Expected<std::string> decode(ArrayRef<int32_t> ids, bool skipSpecialTokens) const override {
    return decodeWith([&](char *text, size_t capacity, size_t *length, lathe_error *error) {
      return api.detokenize(model, ids.data(), ids.size(), skipSpecialTokens, text, capacity, length, error);
    });
  }

  std::vector<lathe_language> languages() const override {
    std::vector<lathe_language> all(api.languages(model, nullptr, 0));
    api.languages(model, all.data(), all.size());
    return all;
  }

private:
  const lathe_api &api;
  const lathe_model *model;
};

/// Tables compiled in this process, walked by the functions that ship with artifacts.
class DirectoryTokenizer final : public TextTokenizer {
public:
  DirectoryTokenizer(ArrayRef<uint8_t> bytes, int64_t maxLength)
      : tables(static_cast<uint8_t *>(llvm::allocate_buffer(bytes.size(), tokenizerAlignment)), Free{bytes.size()}),
        maxLength(maxLength) {
    llvm::copy(bytes, tables.get());
  }
  Error open() {
    lathe_error error = {};
    return openTokenizer(tables.get(), tables.get_deleter().bytes, tokenizer, &error) ? toError(error)
                                                                                      : Error::success();
  }

  Expected<TokenizedText> tokenize(const std::string &text, const std::optional<std::string> &pair,
                                   const TokenizeOptions &options) const override {
    if (Error error = checkNoNul(text, pair))
      return std::move(error);
    lathe_encoding encoding = {};
    lathe_error error = {};
    Tokenizer chosen = tokenizer;
    if (options.language && chooseLanguage(chosen, options.language->c_str(), &error))
      return toError(error);
    if (lathe::tokenize(chosen, allocator, text.c_str(), pair ? pair->c_str() : nullptr,
                        options.maxLength.value_or(maxLength), options.truncation, &encoding, &error))
      return toError(error);
    TokenizedText result = copyEncoding(encoding, *this);
    freeEncoding(allocator, &encoding);
    return result;
  }

  std::optional<std::string> token(int32_t id) const override { return optionalText(tokenText(tokenizer, id)); }

  Expected<std::string> decode(ArrayRef<int32_t> ids, bool skipSpecialTokens) const override {
    return decodeWith([&](char *text, size_t capacity, size_t *length, lathe_error *error) {
      return detokenize(tokenizer, ids.data(), ids.size(), skipSpecialTokens, text, capacity, length, error);
    });
  }

  std::vector<lathe_language> languages() const override {
    std::vector<lathe_language> all(listLanguages(tokenizer, nullptr, 0));
    listLanguages(tokenizer, all.data(), all.size());
    return all;
  }

private:
  struct Free {
    size_t bytes;
    void operator()(uint8_t *memory) const { llvm::deallocate_buffer(memory, bytes, tokenizerAlignment); }
  };

  std::unique_ptr<uint8_t, Free> tables;
  Tokenizer tokenizer = {};
  int64_t maxLength;
  const lathe_allocator allocator = {
      [](void *, size_t bytes) { return std::aligned_alloc(64, (bytes + 63) / 64 * 64); },
      [](void *, void *memory, size_t) { std::free(memory); }, nullptr};
};

} // namespace

void fillUp(TokenizedText &text, const Artifact &artifact, const TextTokenizer &tokenizer) {
  const size_t length = artifact.filling ? size_t(artifact.filling->length) : 0;
  if (text.ids.size() >= length)
    return;
  text.ids.resize(length, artifact.filling->id);
  text.typeIds.resize(length);
  text.offsets.resize(length);
  text.special.resize(length, 1);
  text.tokens.resize(length, tokenizer.token(artifact.filling->id));
}

std::unique_ptr<TextTokenizer> tokenizerOf(const LoadedModel &model) {
  return std::make_unique<ArtifactTokenizer>(model);
}

/// A template that names no language of texts names the one that is to be written.
static bool namesTarget(ArrayRef<lathe_language> languages) {
  return !languages.empty() && llvm::none_of(languages, [](const lathe_language &each) { return each.is_source; });
}

static std::string codesOf(ArrayRef<lathe_language> languages) {
  std::vector<StringRef> codes;
  for (const lathe_language &language : languages)
    codes.push_back(language.code);
  return listOf(codes);
}

Expected<std::optional<std::string>> LanguageChoice::ofTemplate(const TextTokenizer &tokenizer) const {
  const std::vector<lathe_language> languages = tokenizer.languages();
  for (auto [option, code] : {std::pair("--source-lang", &source), {"--target-lang", &target}}) {
    if (!*code)
      continue;
    if (languages.empty())
      return createStringError(llvm::Twine(option) + " is " + quote(**code) +
                               "; this model's tokenizer has no codes of languages");
    if (llvm::none_of(languages, [&](const lathe_language &language) { return **code == language.code; }))
      return createStringError(llvm::Twine(option) + " is " + quote(**code) + "; accepted are " + codesOf(languages));
  }
  if (!namesTarget(languages))
    return source;
  if (source)
    return createStringError("--source-lang is " + quote(*source) +
                             "; this model's tokenizer is told what is to be written alone: --target-lang");
  return target;
}

std::optional<int32_t> LanguageChoice::firstToken(const TextTokenizer &tokenizer) const {
  const std::vector<lathe_language> languages = tokenizer.languages();
  if (namesTarget(languages)) // then the text says it
    return std::nullopt;
  for (const lathe_language &language : languages)
    if (target ? *target == language.code : language.is_target != 0)
      return language.id;
  return std::nullopt;
}

/// As lathe_api.embed_text_with does it.
Expected<PromptedTokenizer> PromptedTokenizer::create(const LoadedModel &model, const TextTokenizer &tokenizer,
                                                      const PromptChoice &choice) {
  PromptedTokenizer prompted(tokenizer);
  std::string names;
  bool found = choice.text.has_value();
  if (found)
    prompted.prompt = *choice.text;
  for (const lathe_prompt &candidate : model.prompts()) {
    if (!found && (choice.name ? *choice.name == candidate.name : candidate.is_default != 0)) {
      prompted.prompt = candidate.text;
      found = true;
    }
    names += (names.empty() ? "" : ", ") + std::string(candidate.name);
  }
  if (choice.name && !found)
    return createStringError("the model has no prompt " + quote(*choice.name) + "; it has " +
                             (names.empty() ? "none" : names));
  if (prompted.prompt.empty())
    return prompted;
  Expected<TokenizedText> alone = tokenizer.tokenize(prompted.prompt, std::nullopt, {});
  if (!alone)
    return createStringError("the prompt: " + llvm::toString(alone.takeError()));
  prompted.promptTokens = alone->ids.size() - (!alone->ids.empty() && alone->special.back());
  return prompted;
}

Expected<TokenizedText> PromptedTokenizer::tokenize(const std::string &text,
                                                    const std::optional<std::string> &pair) const {
  Expected<TokenizedText> tokens = tokenizer.tokenize(prompt + text, pair, {});
  if (tokens)
    tokens->promptTokens = promptTokens;
  return tokens;
}

Expected<std::unique_ptr<TextTokenizer>> compileTextTokenizer(StringRef directory) {
  llvm::sys::fs::file_status status;
  if (std::error_code error = llvm::sys::fs::status(directory, status))
    return createStringError(quote(directory) + ": " + error.message());
  if (!llvm::sys::fs::is_directory(status))
    return createStringError(quote(directory) + " is no directory; accepted are artifacts and directories of models");
  // The same files, in the same order, as when the whole model is compiled; but a config.json need not be there.
  Expected<std::optional<SentenceTransformer>> sentence = readSentenceTransformer(directory);
  if (!sentence)
    return sentence.takeError();
  std::string path = *sentence ? (*sentence)->transformerPath : directory.str();
  Expected<std::optional<CompiledTokenizer>> compiled =
      compileTokenizer(path, {.lowerFirst = *sentence && (*sentence)->doLowerCase});
  if (!compiled)
    return compiled.takeError();
  if (!*compiled)
    return createStringError(quote(path) + " has no tokenizer that is supported; accepted are " + acceptedTokenizers);
  ImportedModel limits; // only what maximumLength reads
  if (*sentence)
    limits.sentenceMaxLength = (*sentence)->maxSeqLength;
  if (hasEntry(path, "config.json")) {
    Expected<JsonDocument> config = JsonDocument::open(joinPath(path, "config.json"));
    if (!config)
      return config.takeError();
    JsonFields fields(*config);
    // A family that is not built yet has no limit but what its config states.
    if (llvm::Expected<const Family *> family = findFamily(fields.getOptionalString("model_type").value_or("")))
      limits.positionLimit = (*family)->longestSequence(fields);
    else {
      llvm::consumeError(family.takeError());
      limits.positionLimit = fields.getOptionalInt("max_position_embeddings", 0, INT32_MAX).value_or(0);
    }
    if (Error error = fields.takeError())
      return std::move(error);
  }
  auto tokenizer = std::make_unique<DirectoryTokenizer>(
      (*compiled)->tables, maximumLength(limits, (*compiled)->modelMaxLength, (*compiled)->truncationLength));
  if (Error error = tokenizer->open())
    return std::move(error);
  return tokenizer;
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

/// What one of a batch's texts, which has `tokens` [begin, end) of all, has in an output. `memory` is for numbers that
/// lie apart there.
static TextOutput outputOfText(const FloatTensor &output, const lathe_io &io, int64_t text, int64_t begin, int64_t end,
                               std::vector<float> &memory) {
  using Rows = TextOutput::Rows;
  const int64_t tokens = end - begin;
  if (io.rank == 4) { // [batch, heads, longest, longest]
    const int64_t heads = output.shape[1], longest = output.shape[2];
    for (int64_t row = 0; row < heads * tokens; ++row)
      llvm::append_range(
          memory, output.values().slice(((text * heads + row / tokens) * longest + row % tokens) * longest, tokens));
    return {output.name, Rows::Scores, heads, memory};
  }
  if (io.shape[1] >= 0) { // [batch, width]
    const int64_t width = output.shape.back();
    return {output.name, Rows::One, width, output.values().slice(text * width, width)};
  }
  const int64_t width = io.rank == 2 ? 1 : output.shape.back();
  return {output.name, Rows::Tokens, width, output.values().slice(begin * width, tokens * width)};
}

/// Runs texts [begin, end) as one ragged batch.
static Error runBatch(const RunContext &context, const lathe_entry_info &entry, ArrayRef<TokenizedText> texts,
                      size_t begin, size_t end, ArrayRef<std::string> names,
                      llvm::function_ref<Error(size_t, ArrayRef<TextOutput>)> receive) {
  std::vector<int32_t> ids, typeIds, prompts, offsets = {0};
  for (const TokenizedText &text : texts.slice(begin, end - begin)) {
    llvm::append_range(ids, text.ids);
    llvm::append_range(typeIds, text.typeIds);
    for (size_t token = 0; token < text.ids.size(); ++token)
      prompts.push_back(token < text.promptTokens);
    offsets.push_back(static_cast<int32_t>(ids.size()));
  }
  InputTensors inputs;
  inputs.add("input_ids", {int64_t(ids.size())}, ids);
  inputs.add("cu_seqlens", {int64_t(offsets.size())}, offsets);
  if (hasInput(entry, "token_type_ids"))
    inputs.add("token_type_ids", {int64_t(ids.size())}, typeIds);
  if (hasInput(entry, "prompt_mask"))
    inputs.add("prompt_mask", {int64_t(ids.size())}, prompts);
  std::vector<lathe_tensor> views = inputs.views();
  std::vector<std::string> wanted(names.begin(), names.end());
  for (const lathe_io &io : ArrayRef(entry.outputs, names.empty() ? entry.n_outputs : 0))
    if (!StringRef(io.name).starts_with("mems.")) // which is for a run behind this one
      wanted.push_back(io.name);
  Expected<std::vector<FloatTensor>> outputs = context.prepare(entry, views, wanted);
  if (!outputs)
    return outputs.takeError();
  if (Error error = context.run(entry, views, *outputs))
    return error;

  for (size_t index = begin; index < end; ++index) {
    const int64_t text = int64_t(index - begin);
    std::vector<TextOutput> parts;
    std::vector<std::vector<float>> memory(outputs->size());
    for (auto [number, output] : llvm::enumerate(*outputs)) {
      auto io = llvm::find_if(ArrayRef(entry.outputs, entry.n_outputs),
                              [&](const lathe_io &io) { return output.name == io.name; });
      parts.push_back(outputOfText(output, *io, text, offsets[text], offsets[text + 1], memory[number]));
    }
    if (Error error = receive(index, parts))
      return error;
  }
  return Error::success();
}

Error runTexts(const RunContext &context, const lathe_entry_info &entry, ArrayRef<TokenizedText> texts,
               ArrayRef<std::string> outputs, llvm::function_ref<Error(size_t, ArrayRef<TextOutput>)> receive) {
  // Enough to keep every core busy; few enough that a vocabulary's logits for all of them fit.
  constexpr size_t batchTokens = 2048;
  for (size_t begin = 0, end = 0; begin < texts.size(); begin = end) {
    size_t tokens = 0;
    do
      tokens += texts[end++].ids.size();
    while (end < texts.size() && tokens + texts[end].ids.size() <= batchTokens && end - begin < batchTokens);
    if (Error error = runBatch(context, entry, texts, begin, end, outputs, receive))
      return error;
  }
  return Error::success();
}

} // namespace lathe
