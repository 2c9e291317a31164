//===- Writing.cpp - texts that a model goes on with --------------------------===//
#include "compiler/driver/Writing.h"

#include "llvm/ADT/STLExtras.h"

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

struct FreeSequence {
  const lathe_api *api;
  void operator()(lathe_sequence *sequence) const { api->sequence_destroy(sequence); }
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

/// input_ids with cu_seqlens, or with an optional attention_mask.
static Expected<PromptTokens> readTokens(const InputTensors &inputs) {
  const InputTensors::Array *ids = inputs.find("input_ids"), *mask = inputs.find("attention_mask"),
                            *offsets = inputs.find("cu_seqlens");
  for (const InputTensors::Array &array : inputs.arrays())
    if (!is_contained({"input_ids", "attention_mask", "prefix_lens", "cu_seqlens"}, array.name))
      return createStringError("unknown input " + array.name +
                               "; generate takes: input_ids, attention_mask, prefix_lens, cu_seqlens");
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

Expected<PromptTokens> PromptTokens::of(const InputTensors &inputs) {
  Expected<PromptTokens> prompts = readTokens(inputs);
  if (prompts)
    if (Error error = readPrefixes(inputs, *prompts))
      return error;
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
  std::vector<lathe_generated> written(prompts.ids.size() * std::max(options->num_return_sequences, 1));
  lathe_generate_options withPrefixes = *options.operator->();
  withPrefixes.prefix_lens = prompts.prefixes.empty() ? nullptr : prompts.prefixes.data();
  lathe_error error = {};
  if (model.api().generate(context.get(), joined.ids.data(), joined.offsets.data(),
                           prompts.masks.empty() ? nullptr : mask.data(), prompts.ids.size(), &withPrefixes,
                           written.data(), &error))
    return toError(error);
  std::vector<WrittenText> texts;
  for (lathe_generated &text : written) {
    texts.push_back({{text.ids, text.ids + text.length}, text.score});
    model.api().free_generated(model.model(), &text);
  }
  return texts;
}

InputTensors sequencesOf(const PromptTokens &prompts, ArrayRef<WrittenText> texts, const WritingOptions &options) {
  const size_t perPrompt = options->num_return_sequences;
  std::vector<std::vector<int32_t>> rows;
  size_t longest = 0;
  for (auto [index, text] : enumerate(texts)) {
    std::vector<int32_t> row = prompts.ids[index / perPrompt];
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

Expected<FloatTensor> forcedLogits(const LoadedModel &model, const RunContext &context, const PromptTokens &prompts,
                                   const InputTensors::Array &forced) {
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
  std::vector<std::unique_ptr<lathe_sequence, FreeSequence>> owned;
  std::vector<lathe_sequence *> sequences(batch);
  for (auto [index, sequence] : enumerate(sequences)) {
    if (model.api().sequence_create(context.get(), nullptr, 0, &sequence, &error))
      return toError(error);
    owned.emplace_back(sequence, FreeSequence{&model.api()});
    if (model.api().sequence_set_prefix(sequence, prompts.prefixTokens(index), &error))
      return toError(error);
  }
  std::vector<std::vector<int32_t>> added = prompts.tokens();
  std::vector<float> rows(batch * vocabulary);
  for (int64_t step = 0; step < steps; ++step) {
    const Joined joined(added);
    std::vector<int32_t> last;
    for (int64_t i = 0; i < batch; ++i) {
      if (added[i].empty())
        return createStringError("prompt " + Twine(i) + " has no tokens; it must have one at least");
      last.push_back(joined.offsets[i + 1] - 1);
    }
    if (model.api().decode(context.get(), sequences.data(), batch, joined.ids.data(), joined.offsets.data(),
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
