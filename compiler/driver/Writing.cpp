//===- Writing.cpp - texts that a model goes on with --------------------------===//
#include "compiler/driver/Writing.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <numeric>

using namespace llvm;

namespace lathe {

Expected<WritingOptions> WritingOptions::of(const LoadedModel &model) {
  WritingOptions made;
  made.options = std::make_unique<lathe_generate_options>();
  lathe_error error = {};
  if (model.api().generate_defaults(model.model(), made.options.get(), &error))
    return toError(error);
  return made;
}

void WritingOptions::setBadWords(std::vector<std::vector<int32_t>> words) {
  badWords = std::move(words);
  badWordViews.clear();
  for (const std::vector<int32_t> &word : badWords)
    badWordViews.push_back({word.data(), word.size()});
  options->bad_words = badWordViews.data();
  options->n_bad_words = badWordViews.size();
}

void WritingOptions::setBiases(std::vector<std::pair<std::vector<int32_t>, double>> given) {
  biases = std::move(given);
  biasViews.clear();
  for (const auto &[ids, bias] : biases)
    biasViews.push_back({ids.data(), ids.size(), bias});
  options->sequence_bias = biasViews.data();
  options->n_sequence_bias = biasViews.size();
}

void WritingOptions::setSuppressed(std::vector<int32_t> ids, bool atBeginning) {
  std::vector<int32_t> &own = atBeginning ? suppressedFirst : suppressed;
  own = std::move(ids);
  (atBeginning ? options->begin_suppress_tokens : options->suppress_tokens) = {own.data(), own.size()};
}

void WritingOptions::setStopStrings(std::vector<std::string> strings) {
  stopStrings = std::move(strings);
  stopViews.clear();
  for (const std::string &string : stopStrings)
    stopViews.push_back(string.c_str());
  options->stop = stopViews.data();
  options->n_stop = stopViews.size();
}

namespace {

std::string shapeOf(const InputTensors::Array &array) {
  std::string text = "[";
  for (auto [index, extent] : enumerate(array.shape))
    text += (index ? ", " : "") + std::to_string(extent);
  return text + "]";
}

/// Integers that must be ids, or offsets.
Expected<std::vector<int32_t>> smallIntegers(const InputTensors::Array &array) {
  std::vector<int32_t> values;
  for (int64_t i = 0; i < array.count(); ++i) {
    const int64_t value = array.at(i);
    if (value < 0 || value > INT32_MAX)
      return createStringError(array.name + ": " + Twine(value) + " at index " + Twine(i) +
                               "; accepted: 0 to 2147483647");
    values.push_back(int32_t(value));
  }
  return values;
}

/// Prompts one behind the other, with their ends.
struct Joined {
  Joined(ArrayRef<std::vector<int32_t>> prompts) {
    for (const std::vector<int32_t> &prompt : prompts) {
      append_range(ids, prompt);
      offsets.push_back(int32_t(ids.size()));
    }
  }
  std::vector<int32_t> ids, offsets = {0};
};

/// Sequences that end with this.
struct OwnedSequences {
  OwnedSequences(const lathe_api &api, size_t count) : api(&api), all(count) {}
  OwnedSequences(OwnedSequences &&) = default;
  ~OwnedSequences() {
    for (lathe_sequence *sequence : all)
      api->sequence_destroy(sequence);
  }

  const lathe_api *api;
  std::vector<lathe_sequence *> all;
};

} // namespace

/// Adds prefix_lens to prompts.
static Error readPrefixes(const InputTensors &inputs, PromptTokens &prompts) {
  const InputTensors::Array *prefixes = inputs.find("prefix_lens");
  if (!prefixes)
    return Error::success();
  if (prefixes->shape.size() != 1 || prefixes->shape[0] != int64_t(prompts.ids.size()))
    return createStringError("prefix_lens is " + shapeOf(*prefixes) + "; for these prompts it must be [" +
                             Twine(prompts.ids.size()) + "]");
  Expected<std::vector<int32_t>> lengths = smallIntegers(*prefixes);
  if (!lengths)
    return lengths.takeError();
  prompts.prefixes = std::move(*lengths);
  return Error::success();
}

bool hasEncoder(const LoadedModel &model) {
  const lathe_entry_info *infos = nullptr;
  if (!model.api().entries(&infos))
    return false;
  return any_of(ArrayRef(infos[0].inputs, infos[0].n_inputs),
                [](const lathe_io &input) { return StringRef(input.name) == "decoder_input_ids"; });
}

std::vector<int32_t> PromptTokens::beginning(size_t prompt, const LoadedModel &model,
                                             const WritingOptions &options) const {
  if (!hasEncoder(model))
    return ids[prompt];
  const int32_t start = options->decoder_start_id;
  std::vector<int32_t> text = decoderIds.empty() ? std::vector<int32_t>() : decoderIds[prompt];
  if (start >= 0 && none_of(decoderIds, [&](ArrayRef<int32_t> given) { return !given.empty() && given[0] == start; }))
    text.insert(text.begin(), start);
  return text;
}

/// decoder_input_ids [batch, columns].
static Error readDecoderIds(const InputTensors::Array &array, PromptTokens &prompts) {
  if (array.shape.size() != 2 || array.shape[0] != int64_t(prompts.ids.size()))
    return createStringError("decoder_input_ids is " + shapeOf(array) + "; for these prompts it must be [" +
                             Twine(prompts.ids.size()) + ", columns]");
  Expected<std::vector<int32_t>> values = smallIntegers(array);
  if (!values)
    return values.takeError();
  for (int64_t row = 0; row < array.shape[0]; ++row)
    prompts.decoderIds.emplace_back(values->begin() + row * array.shape[1],
                                    values->begin() + (row + 1) * array.shape[1]);
  return Error::success();
}

/// input_ids with cu_seqlens, or with an optional attention_mask.
static Expected<PromptTokens> readTokens(const InputTensors &inputs, ArrayRef<StringRef> accepted) {
  const InputTensors::Array *ids = inputs.find("input_ids"), *mask = inputs.find("attention_mask"),
                            *offsets = inputs.find("cu_seqlens");
  for (const InputTensors::Array &array : inputs.arrays())
    if (!is_contained(accepted, array.name))
      return createStringError("unknown input " + array.name + "; generate takes: " + join(accepted, ", "));
  if (!ids)
    return createStringError("input_ids is missing");
  Expected<std::vector<int32_t>> values = smallIntegers(*ids);
  if (!values)
    return values.takeError();
  PromptTokens prompts;
  if (offsets) {
    if (ids->shape.size() != 1 || offsets->shape.size() != 1 || offsets->shape[0] < 1 || mask)
      return createStringError("input_ids is " + shapeOf(*ids) + " and cu_seqlens " + shapeOf(*offsets) +
                               "; they must be [tokens] and [sequences + 1], without attention_mask");
    Expected<std::vector<int32_t>> ends = smallIntegers(*offsets);
    if (!ends)
      return ends.takeError();
    if (ends->front() != 0 || ends->back() != int64_t(values->size()) || !is_sorted(*ends))
      return createStringError("cu_seqlens must begin with 0, not fall, and end with " + Twine(values->size()) +
                               ", the number of tokens");
    for (size_t i = 0; i + 1 < ends->size(); ++i)
      prompts.ids.emplace_back(values->begin() + (*ends)[i], values->begin() + (*ends)[i + 1]);
    return prompts;
  }
  if (ids->shape.size() != 2)
    return createStringError("input_ids is " + shapeOf(*ids) +
                             "; it must be [batch, columns], or [tokens] together with cu_seqlens");
  if (mask && mask->shape != ids->shape)
    return createStringError("attention_mask is " + shapeOf(*mask) + ", but input_ids is " + shapeOf(*ids) +
                             "; they must be the same");
  for (int64_t row = 0; row < ids->shape[0]; ++row) {
    const int64_t first = row * ids->shape[1], end = first + ids->shape[1];
    prompts.ids.emplace_back(values->begin() + first, values->begin() + end);
    if (!mask)
      continue;
    prompts.masks.emplace_back();
    for (int64_t at = first; at < end; ++at) {
      if (mask->at(at) != 0 && mask->at(at) != 1)
        return createStringError("attention_mask: " + Twine(mask->at(at)) + " at index " + Twine(at) +
                                 "; accepted: 0 and 1");
      prompts.masks.back().push_back(uint8_t(mask->at(at)));
    }
  }
  return prompts;
}

Expected<PromptTokens> PromptTokens::of(const InputTensors &inputs, const LoadedModel &model) {
  SmallVector<StringRef> accepted = {"input_ids", "attention_mask", "cu_seqlens"};
  accepted.push_back(hasEncoder(model) ? "decoder_input_ids" : "prefix_lens");
  Expected<PromptTokens> prompts = readTokens(inputs, accepted);
  if (!prompts)
    return prompts.takeError();
  if (const InputTensors::Array *decoderIds = inputs.find("decoder_input_ids"))
    if (Error error = readDecoderIds(*decoderIds, *prompts))
      return std::move(error);
  if (Error error = readPrefixes(inputs, *prompts))
    return std::move(error);
  return prompts;
}

int64_t PromptTokens::prefixTokens(size_t prompt) const {
  if (prefixes.empty())
    return 0;
  if (masks.empty())
    return std::min<int64_t>(prefixes[prompt], ids[prompt].size());
  const auto first = llvm::find(masks[prompt], 1);
  return std::count(first, first + std::min<int64_t>(prefixes[prompt], masks[prompt].end() - first), 1);
}

std::vector<std::vector<int32_t>> PromptTokens::tokens() const {
  if (masks.empty())
    return ids;
  std::vector<std::vector<int32_t>> tokens;
  for (auto [row, mask] : zip_equal(ids, masks)) {
    tokens.emplace_back();
    for (auto [id, isToken] : zip_equal(row, mask))
      if (isToken)
        tokens.back().push_back(id);
  }
  return tokens;
}

Expected<std::vector<WrittenText>> writeTexts(const LoadedModel &model, const RunContext &context,
                                              const PromptTokens &prompts, const WritingOptions &options) {
  const Joined joined(prompts.ids);
  std::vector<uint8_t> mask;
  for (const std::vector<uint8_t> &part : prompts.masks)
    append_range(mask, part);
  const Joined ofDecoder(prompts.decoderIds);
  lathe_generate_options given = *options.operator->();
  given.prefix_lens = prompts.prefixes.empty() ? nullptr : prompts.prefixes.data();
  if (!prompts.decoderIds.empty()) {
    given.decoder_ids = ofDecoder.ids.data();
    given.decoder_cu_seqlens = ofDecoder.offsets.data();
  }
  std::vector<lathe_generated> written(prompts.ids.size() * std::max(options->num_return_sequences, 1));
  lathe_error error = {};
  if (model.api().generate(context.get(), joined.ids.data(), joined.offsets.data(),
                           prompts.masks.empty() ? nullptr : mask.data(), prompts.ids.size(), &given, written.data(),
                           &error))
    return toError(error);
  std::vector<WrittenText> texts;
  for (lathe_generated &text : written) {
    texts.push_back({{text.ids, text.ids + text.length}, text.score});
    model.api().free_generated(model.model(), &text);
  }
  return texts;
}

InputTensors sequencesOf(const LoadedModel &model, const PromptTokens &prompts, ArrayRef<WrittenText> texts,
                         const WritingOptions &options) {
  const size_t perPrompt = options->num_return_sequences;
  std::vector<std::vector<int32_t>> rows;
  size_t longest = 0;
  for (auto [index, text] : enumerate(texts)) {
    std::vector<int32_t> row = prompts.beginning(index / perPrompt, model, options);
    append_range(row, text.ids);
    longest = std::max(longest, row.size());
    rows.push_back(std::move(row));
  }
  const int32_t pad = options->pad_id >= 0 ? options->pad_id : options->n_eos_ids ? options->eos_ids[0] : 0;
  std::vector<int32_t> ids;
  std::vector<float> scores;
  for (auto [row, text] : zip_equal(rows, texts)) {
    row.resize(longest, pad);
    append_range(ids, row);
    scores.push_back(float(text.score));
  }
  InputTensors outputs;
  outputs.add("sequences", {int64_t(rows.size()), int64_t(longest)}, ids);
  if (options->num_beams > 1)
    outputs.add("sequences_scores", {int64_t(rows.size())}, scores);
  return outputs;
}

/// A sequence for each prompt, without tokens but with what an encoder has read.
static Expected<OwnedSequences> beginSequences(const LoadedModel &model, const RunContext &context,
                                               const PromptTokens &prompts) {
  OwnedSequences begun(model.api(), prompts.ids.size());
  lathe_error error = {};
  if (hasEncoder(model)) {
    const Joined sources(prompts.ids);
    std::vector<uint8_t> mask;
    for (const std::vector<uint8_t> &part : prompts.masks)
      append_range(mask, part);
    if (model.api().encode(context.get(), sources.ids.data(), sources.offsets.data(),
                           prompts.masks.empty() ? nullptr : mask.data(), begun.all.size(), begun.all.data(), &error))
      return toError(error);
    return begun;
  }
  for (auto [index, sequence] : enumerate(begun.all))
    if (model.api().sequence_create(context.get(), nullptr, 0, &sequence, &error) ||
        model.api().sequence_set_prefix(sequence, prompts.prefixTokens(index), &error))
      return toError(error);
  return begun;
}

Expected<FloatTensor> cachedLogits(const LoadedModel &model, const InputTensors &batch) {
  InputTensors ids;
  for (InputTensors::Array array : batch.arrays()) {
    if (!is_contained({"input_ids", "attention_mask", "decoder_input_ids"}, StringRef(array.name)))
      continue;
    if (array.shape.size() == 3) // each choice is a text
      array.shape = {array.shape[0] * array.shape[1], array.shape[2]};
    ids.add(std::move(array));
  }
  Expected<PromptTokens> prompts = PromptTokens::of(ids, model);
  if (!prompts)
    return prompts.takeError();
  Expected<WritingOptions> options = WritingOptions::of(model);
  if (!options)
    return options.takeError();
  Expected<RunContext> context = model.createContext({});
  if (!context)
    return context.takeError();
  Expected<OwnedSequences> sequences = beginSequences(model, *context, *prompts);
  if (!sequences)
    return sequences.takeError();
  std::vector<std::vector<int32_t>> tokens = prompts->tokens();
  if (hasEncoder(model) && !prompts->decoderIds.empty())
    tokens = prompts->decoderIds;
  const Joined joined(tokens);
  std::vector<int32_t> rows(joined.ids.size());
  std::iota(rows.begin(), rows.end(), 0);
  Expected<FloatTensor> logits =
      makeFloatTensor("logits", {int64_t(rows.size()), int64_t(model.api().vocabulary(model.model()))});
  if (!logits)
    return logits.takeError();
  lathe_error error = {};
  if (model.api().decode(context->get(), sequences->all.data(), sequences->all.size(), joined.ids.data(),
                         joined.offsets.data(), rows.data(), rows.size(), logits->data.get(), &error))
    return toError(error);
  return logits;
}

Expected<FloatTensor> forcedLogits(const LoadedModel &model, const RunContext &context, const PromptTokens &prompts,
                                   const WritingOptions &options, const InputTensors::Array &forced) {
  const int64_t batch = prompts.ids.size(), vocabulary = model.api().vocabulary(model.model());
  if (forced.shape.size() != 2 || forced.shape[0] != batch)
    return createStringError(forced.name + " is " + shapeOf(forced) + "; for these prompts it must be [" +
                             Twine(batch) + ", steps]");
  const int64_t steps = forced.shape[1];
  Expected<std::vector<int32_t>> ids = smallIntegers(forced);
  if (!ids)
    return ids.takeError();
  Expected<FloatTensor> logits = makeFloatTensor("logits", {batch, steps, vocabulary});
  if (!logits)
    return logits.takeError();
  lathe_error error = {};
  Expected<OwnedSequences> sequences = beginSequences(model, context, prompts);
  if (!sequences)
    return sequences.takeError();
  std::vector<std::vector<int32_t>> added = prompts.tokens();
  for (int64_t i = 0; hasEncoder(model) && i < batch; ++i)
    added[i] = prompts.beginning(i, model, options);
  std::vector<float> rows(batch * vocabulary);
  for (int64_t step = 0; step < steps; ++step) {
    const Joined joined(added);
    std::vector<int32_t> last;
    for (int64_t i = 0; i < batch; ++i) {
      if (added[i].empty())
        return createStringError("prompt " + Twine(i) + " has no tokens; it must have one at least");
      last.push_back(joined.offsets[i + 1] - 1);
    }
    if (model.api().decode(context.get(), sequences->all.data(), batch, joined.ids.data(), joined.offsets.data(),
                           last.data(), last.size(), rows.data(), &error))
      return toError(error);
    for (int64_t i = 0; i < batch; ++i) {
      copy(ArrayRef(rows).slice(i * vocabulary, vocabulary), logits->data.get() + (i * steps + step) * vocabulary);
      added[i] = {(*ids)[i * steps + step]};
    }
  }
  return logits;
}

} // namespace lathe
