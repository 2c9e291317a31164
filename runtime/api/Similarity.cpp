#include "runtime/api/Similarity.h"

#include "runtime/api/CallersArrays.h"
#include "runtime/api/Request.h"
#include "runtime/api/Run.h"
#include "runtime/core/NameList.h"
#include "runtime/core/Places.h"
#include "runtime/core/Status.h"

#include <string.h>

namespace lathe {
namespace {

enum Side { Text, Image, Sides };
constexpr const char *embeds[Sides] = {"text_embeds", "image_embeds"};
constexpr const char *logits[Sides] = {"logits_per_text", "logits_per_image"}; // a row for each of the side's

/// What of a caller's inputs is for one entry.
struct Given {
  static constexpr size_t capacity = 24; // more than any entry takes
  lathe_tensor tensors[capacity];
  size_t count = 0;
};

class Comparison {
public:
  Comparison(const lathe_program &program, lathe_error *error)
      : similarity(*program.similarity), entries{&program.entries[similarity.text], &program.entries[similarity.image]},
        error(error) {}

  lathe_status read(const lathe_tensor *inputs, size_t count);
  /// Sets what lathe_api.infer sets of one output.
  lathe_status shape(lathe_tensor &output);
  lathe_status infer(lathe_tensor *outputs, size_t count);
  lathe_status run(lathe_context &context, const lathe_tensor *outputs, size_t count);

private:
  lathe_status require(Side side);
  lathe_status checkNames(const lathe_tensor *outputs, size_t count);
  void compare(const void *const embedded[Sides], const lathe_tensor *const results[Sides]);

  /// The side whose entry gives that output; Sides where none does.
  Side sideOf(const char *output) const {
    return findOutput(*entries[Text], output) >= 0 ? Text : findOutput(*entries[Image], output) >= 0 ? Image : Sides;
  }
  int64_t width() const { return entries[Text]->outputs[findOutput(*entries[Text], embeds[Text])].width; }
  int64_t rows(Side side) const { return requests[side].sequences; }

  const lathe_similarity &similarity;
  const lathe_entry *entries[Sides];
  lathe_error *error;
  Given given[Sides];
  Request requests[Sides];
};

/// The side of whose rows an output is a row each, if it is logits; else Sides.
Side sideOfLogits(const char *output) {
  return !strcmp(output, logits[Text]) ? Text : !strcmp(output, logits[Image]) ? Image : Sides;
}

lathe_status Comparison::read(const lathe_tensor *inputs, size_t count) {
  for (size_t i = 0; inputs && i < count; ++i) {
    const char *name = inputs[i].name;
    const bool ofImages = name && (!strcmp(name, "pixel_values") || !strcmp(name, "images"));
    Given &side = given[ofImages ? Image : Text];
    if (side.count == Given::capacity)
      return fail(error, LATHE_INVALID_ARGUMENT, "there are %zu inputs, more than entry %s takes", count,
                  similarity.name);
    side.tensors[side.count++] = inputs[i];
  }
  if (!inputs && count)
    return readRequest(*entries[Text], inputs, count, requests[Text], error);
  for (int side = 0; side < Sides; ++side)
    if (given[side].count)
      if (lathe_status status =
              readRequest(*entries[side], given[side].tensors, given[side].count, requests[side], error))
        return status;
  return LATHE_OK;
}

lathe_status Comparison::require(Side side) {
  return given[side].count ? LATHE_OK : readRequest(*entries[side], nullptr, 0, requests[side], error);
}

lathe_status Comparison::shape(lathe_tensor &output) {
  if (const Side side = sideOf(output.name); side != Sides) {
    const lathe_status status = require(side);
    return status ? status : shapeOutputs(requests[side], &output, 1, error);
  }
  const Side side = sideOfLogits(output.name);
  for (Side needed : {Text, Image})
    if (lathe_status status = require(needed))
      return status;
  output.dtype = LATHE_F32;
  output.rank = 2;
  output.shape[0] = rows(side);
  output.shape[1] = rows(side == Text ? Image : Text);
  if (!(Checked(output.shape[0]) * output.shape[1] * int64_t(sizeof(float))).valid)
    return fail(error, LATHE_INVALID_ARGUMENT, "%s is larger than any memory", output.name);
  return LATHE_OK;
}

/// Every output has a name that there is, and none is asked for twice.
lathe_status Comparison::checkNames(const lathe_tensor *outputs, size_t count) {
  if (!outputs && count)
    return fail(error, LATHE_INVALID_ARGUMENT, "`outputs` is NULL, but there are said to be %zu", count);
  for (size_t i = 0; i < count; ++i) {
    const char *name = outputs[i].name;
    if (!name)
      return fail(error, LATHE_INVALID_ARGUMENT, "output %zu has no name", i);
    if (sideOf(name) == Sides && sideOfLogits(name) == Sides) {
      NameList known;
      known.add(logits[Image]);
      known.add(logits[Text]);
      for (const lathe_entry *entry : entries)
        for (int32_t o = 0; o < entry->n_outputs; ++o)
          known.add(entry->outputs[o].name);
      return fail(error, LATHE_UNAVAILABLE, "unknown output %.64s; entry %s gives: %s", name, similarity.name,
                  known.text);
    }
    for (size_t other = 0; other < i; ++other)
      if (!strcmp(outputs[other].name, name))
        return fail(error, LATHE_INVALID_ARGUMENT, "output %s is asked for twice", name);
  }
  return LATHE_OK;
}

lathe_status Comparison::infer(lathe_tensor *outputs, size_t count) {
  lathe_status status = checkNames(outputs, count);
  for (size_t i = 0; !status && i < count; ++i)
    status = shape(outputs[i]);
  return status;
}

lathe_status Comparison::run(lathe_context &context, const lathe_tensor *outputs, size_t count) {
  if (lathe_status status = checkNames(outputs, count))
    return status;
  const lathe_tensor *results[Sides] = {}; // the caller's logits
  for (size_t i = 0; i < count; ++i) {
    lathe_tensor wanted = outputs[i];
    if (lathe_status status = shape(wanted))
      return status;
    if (lathe_status status = checkOutput(outputs[i], wanted, error))
      return status;
    if (const Side side = sideOfLogits(wanted.name); side != Sides)
      results[side] = &outputs[i];
  }
  const bool compares = results[Text] || results[Image];

  Places places;
  int64_t lists[Sides], vectors[Sides];
  for (int side = 0; side < Sides; ++side) {
    lists[side] = places.place((Checked(int64_t(count)) + 1) * int64_t(sizeof(lathe_tensor)));
    vectors[side] = places.place(Checked(compares ? rows(Side(side)) : 0) * width() * int64_t(sizeof(float)));
  }
  uint8_t *memory = places.total.valid ? context.joined.reserve(size_t(places.total.value)) : nullptr;
  if (!memory)
    return fail(error, LATHE_OUT_OF_MEMORY, "no memory to compare texts and images (%lld bytes)",
                static_cast<long long>(places.total.value));
  const void *embedded[Sides] = {};
  for (Side side : {Text, Image}) {
    auto *list = reinterpret_cast<lathe_tensor *>(memory + lists[side]);
    size_t length = 0;
    for (size_t i = 0; i < count; ++i)
      if (sideOf(outputs[i].name) == side) {
        list[length++] = outputs[i];
        if (!strcmp(outputs[i].name, embeds[side]))
          embedded[side] = outputs[i].data;
      }
    if (compares && !embedded[side]) { // the caller has no array for them
      lathe_tensor &own = list[length++] = {};
      own.name = embeds[side];
      own.rank = 2;
      own.shape[0] = rows(side);
      own.shape[1] = width();
      embedded[side] = own.data = memory + vectors[side];
    }
    if (!length)
      continue;
    if (lathe_status status =
            runEntry(context, *entries[side], given[side].tensors, given[side].count, list, length, error))
      return status;
  }
  if (compares)
    compare(embedded, results);
  return LATHE_OK;
}

void Comparison::compare(const void *const embedded[Sides], const lathe_tensor *const results[Sides]) {
  const int64_t texts = rows(Text), images = rows(Image), columns = width();
  auto put = [](const lathe_tensor *to, int64_t index, float value) {
    if (to)
      memcpy(static_cast<char *>(to->data) + index * int64_t(sizeof value), &value, sizeof value);
  };
  for (int64_t text = 0; text < texts; ++text) {
    bool isEmpty = true; // without tokens: all of its results are 0
    for (int64_t i = 0; i < columns && isEmpty; ++i)
      isEmpty = load<float>(embedded[Text], text * columns + i) == 0;
    for (int64_t image = 0; image < images; ++image) {
      double product = 0;
      for (int64_t i = 0; i < columns; ++i)
        product += double(load<float>(embedded[Text], text * columns + i)) *
                   double(load<float>(embedded[Image], image * columns + i));
      const float value = isEmpty ? 0 : float(similarity.scale * product + similarity.bias);
      put(results[Text], text * images + image, value);
      put(results[Image], image * texts + text, value);
    }
  }
}

} // namespace

const lathe_similarity *findSimilarity(const lathe_program &program, const char *name) {
  return program.similarity && (!name || !strcmp(program.similarity->name, name)) ? program.similarity : nullptr;
}

lathe_status inferSimilarity(const lathe_program &program, const lathe_tensor *inputs, size_t inputCount,
                             lathe_tensor *outputs, size_t outputCount, lathe_error *error) {
  Comparison comparison(program, error);
  lathe_status status = comparison.read(inputs, inputCount);
  return status ? status : comparison.infer(outputs, outputCount);
}

lathe_status runSimilarity(lathe_context &context, const lathe_tensor *inputs, size_t inputCount,
                           const lathe_tensor *outputs, size_t outputCount, lathe_error *error) {
  Comparison comparison(*context.model->program, error);
  lathe_status status = comparison.read(inputs, inputCount);
  return status ? status : comparison.run(context, outputs, outputCount);
}

size_t similarityMemory(const lathe_context &context, int64_t tokens, int64_t batch, int64_t longest) {
  const lathe_program &program = *context.model->program;
  const lathe_similarity &similarity = *program.similarity;
  const lathe_entry &text = program.entries[similarity.text], &image = program.entries[similarity.image];
  const size_t ofTexts = runMemory(context, text, tokens, batch, longest),
               ofImages = runMemory(context, image, tokens, batch, longest);
  Places places;
  for (const lathe_entry *entry : {&text, &image}) {
    places.place((Checked(text.n_outputs) + image.n_outputs + Sides + 1) * int64_t(sizeof(lathe_tensor)));
    places.place(Checked(batch) * entry->outputs[findOutput(*entry, embeds[entry == &image])].width *
                 int64_t(sizeof(float)));
  }
  // Both entries run in the same working memory.
  const Checked all = places.total + int64_t(ofTexts > ofImages ? ofTexts : ofImages);
  return ofTexts && ofImages && all.valid ? size_t(all.value) : 0;
}

} // namespace lathe
