#include "tests/unit/FakeProgram.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <xmmintrin.h>

namespace lathe::test {

std::atomic<const char *> brokenPromise{nullptr};

namespace {

void expect(bool kept, const char *promise) {
  if (!kept)
    brokenPromise = promise;
}

void checkWorker(uint8_t *scratch) {
  expect(reinterpret_cast<uintptr_t>(scratch) % 64 == 0, "scratch is 64-byte aligned");
  expect((_mm_getcsr() & ~0x3fu) == 0x9fc0, "MXCSR is the runtime's in kernels");
  // Two workers with the same scratch would see each other here.
  uint64_t mine = reinterpret_cast<uint64_t>(&mine);
  auto *slot = reinterpret_cast<std::atomic<uint64_t> *>(scratch);
  slot->store(mine, std::memory_order_relaxed);
  for (int i = 0; i < 50; ++i)
    expect(slot->load(std::memory_order_relaxed) == mine, "scratch belongs to one worker");
}

void checkFrame(const lathe_frame *frame) {
  expect(frame->tokens >= 1 && frame->batch >= 1 && frame->longest >= 1, "no entry is called for nothing");
  expect(reinterpret_cast<uintptr_t>(frame->arena) % 64 == 0, "the arena is 64-byte aligned");
  expect((_mm_getcsr() & ~0x3fu) == 0x9fc0, "MXCSR is the runtime's in entries");
}

template <typename T> T *pointer(uint64_t slot) { return reinterpret_cast<T *>(slot); }
uint64_t slot(const void *address) { return reinterpret_cast<uint64_t>(address); }

// args: ids, types, positions, columns, table, out; a panel is a token. Null inputs count as zeros.
void valuesKernel(const uint64_t *args, int64_t begin, int64_t end, uint8_t *scratch) {
  checkWorker(scratch);
  auto at = [&](int i, int64_t t) { return args[i] ? pointer<const int32_t>(args[i])[t] : 0; };
  for (int64_t t = begin; t < end; ++t)
    for (int64_t w = 0; w < width; ++w)
      pointer<float>(args[5])[t * width + w] =
          tokenValue(0, at(1, t), at(2, t), at(3, t), w) + pointer<const float>(args[4])[at(0, t)];
}

// args: rows, cu_seqlens, mask or null, sum, first; a panel is a sequence.
void sumKernel(const uint64_t *args, int64_t begin, int64_t end, uint8_t *scratch) {
  checkWorker(scratch);
  const float *rows = pointer<const float>(args[0]);
  const int32_t *offsets = pointer<const int32_t>(args[1]);
  const uint8_t *mask = pointer<const uint8_t>(args[2]);
  for (int64_t b = begin; b < end; ++b) {
    expect(offsets[b] < offsets[b + 1], "every sequence has a token");
    for (int64_t w = 0; w < width; ++w) {
      float sum = 0;
      for (int32_t t = offsets[b]; t < offsets[b + 1]; ++t)
        sum += !mask || mask[t] ? rows[t * width + w] : 0;
      pointer<float>(args[3])[b * width + w] = sum;
      if (args[4])
        pointer<float>(args[4])[b * width + w] = rows[offsets[b] * width + w];
    }
  }
}

void copyKernel(const uint64_t *args, int64_t begin, int64_t end, uint8_t *) {
  std::memcpy(pointer<float>(args[1]) + begin * width, pointer<const float>(args[0]) + begin * width,
              size_t((end - begin) * width) * sizeof(float));
}

void slowKernel(const uint64_t *, int64_t begin, int64_t end, uint8_t *) {
  auto until = std::chrono::steady_clock::now() + (end - begin) * std::chrono::microseconds(slowMicroseconds);
  while (std::chrono::steady_clock::now() < until) {
  }
  slowPanelsRun += end - begin;
}

// The same model twice: packed, and keeping padding. Values go through the arena, as generated code's do.
int32_t packed(const lathe_frame *frame) {
  checkFrame(frame);
  void *const *in = frame->inputs;
  void *const *out = frame->outputs;
  const uint64_t values[] = {slot(in[0]), slot(in[1]),          slot(in[2]),
                             slot(in[3]), slot(frame->weights), slot(frame->arena)};
  if (int32_t status = frame->launch(frame, 0, valuesKernel, values, frame->tokens))
    return status;
  const uint64_t sums[] = {slot(frame->arena), slot(in[4]), 0, slot(out[2]), slot(out[1])};
  if (int32_t status = frame->launch(frame, 1, sumKernel, sums, frame->batch))
    return status;
  std::memcpy(out[3], out[1], size_t(frame->batch * width) * sizeof(float));
  const uint64_t copies[] = {slot(frame->arena), slot(out[0])};
  return frame->launch(frame, 2, copyKernel, copies, frame->tokens);
}

int32_t dense(const lathe_frame *frame) {
  checkFrame(frame);
  void *const *in = frame->inputs;
  expect(frame->tokens == frame->batch * frame->longest, "a dense entry has B*L rows");
  const uint64_t values[] = {slot(in[0]), 0, slot(in[1]), 0, slot(frame->weights), slot(frame->outputs[0])};
  if (int32_t status = frame->launch(frame, 0, valuesKernel, values, frame->tokens))
    return status;
  const float *rows = static_cast<const float *>(frame->outputs[0]);
  const uint8_t *mask = static_cast<const uint8_t *>(in[3]);
  float *pairs = static_cast<float *>(frame->outputs[2]);
  for (int64_t i = 0; i < frame->batch * heads * frame->longest * frame->longest; ++i) {
    const int64_t seq = frame->longest, head = i / (seq * seq) % heads, first = i / (heads * seq * seq) * seq;
    const int64_t query = first + i / seq % seq, key = first + i % seq;
    pairs[i] = mask[key] ? pairValue(mask[query] ? rows[query * width] : -5, rows[key * width], head) : 0;
  }
  const uint64_t sums[] = {slot(frame->outputs[0]), slot(in[2]), slot(in[3]), slot(frame->outputs[1]), 0};
  return frame->launch(frame, 1, sumKernel, sums, frame->batch);
}

int32_t modal(const lathe_frame *frame) {
  checkFrame(frame);
  void *const *in = frame->inputs;
  float *row = static_cast<float *>(frame->outputs[0]);
  for (int64_t t = 0; t < frame->tokens; ++t, row += width) {
    std::memcpy(row, static_cast<const float *>(in[4]) + t * vectorWidth, vectorWidth * sizeof(float));
    for (int64_t i : {0, 1, 2, 3})
      row[vectorWidth + i] = float(static_cast<const int32_t *>(in[i])[t]);
  }
  return LATHE_OK;
}

int32_t remembering(const lathe_frame *frame) {
  checkFrame(frame);
  void *const *in = frame->inputs;
  auto integers = [&](int i) { return static_cast<const int32_t *>(in[i]); };
  const int32_t *starts = integers(2), *keyStarts = integers(3);
  expect(frame->targets == keyStarts[frame->batch], "targets are the rows that tokens attend to");
  for (int64_t k = 0; k < frame->batch; ++k) {
    const int32_t firstOwn = keyStarts[k + 1] - (starts[k + 1] - starts[k]);
    for (int32_t t = starts[k]; t < starts[k + 1]; ++t) {
      float *row = static_cast<float *>(frame->outputs[0]) + t * width;
      std::memset(row, 0, width * sizeof(float));
      row[0] = float(integers(0)[t]), row[1] = float(integers(1)[t]);
      row[2] = float(keyStarts[k + 1] - keyStarts[k]), row[3] = float(integers(4)[keyStarts[k]]);
    }
    for (int32_t key = keyStarts[k]; key < keyStarts[k + 1]; ++key)
      for (int layer : {0, 1}) {
        float *row = static_cast<float *>(frame->outputs[1 + layer]) + key * vectorWidth;
        std::memcpy(row, static_cast<const float *>(in[6 + layer]) + key * vectorWidth, vectorWidth * sizeof(float));
        if (key >= firstOwn)
          row[0] = float(integers(0)[starts[k] + key - firstOwn]), row[1] = float(integers(4)[key]),
          row[2] = float(integers(5)[key]), row[3] = float(layer);
      }
  }
  return LATHE_OK;
}

int32_t slow(const lathe_frame *frame) { return frame->launch(frame, 0, slowKernel, nullptr, slowPanels); }

int32_t failing(const lathe_frame *) { return LATHE_OUT_OF_MEMORY; }

constexpr lathe_entry_input packedInputs[] = {
    {LATHE_INPUT_IDS, vocabulary, 0, 0, 0, LATHE_AXIS_TOKENS, LATHE_GLOBALS_NONE, 0, 0, 0},
    {LATHE_TOKEN_TYPE_IDS, tokenTypes, 0, 0, 0, LATHE_AXIS_TOKENS, LATHE_GLOBALS_NONE, 0, 0, 0},
    {LATHE_POSITION_IDS, positionLimit, 0, 0, 0, LATHE_AXIS_TOKENS, LATHE_GLOBALS_NONE, 0, 0, 0},
    {LATHE_COLUMNS, 0, 0, 0, 0, LATHE_AXIS_TOKENS, LATHE_GLOBALS_NONE, 0, 0, 0},
    {LATHE_CU_SEQLENS, 0, 0, 0, 0, LATHE_AXIS_TOKENS, LATHE_GLOBALS_NONE, 0, 0, 0}};
constexpr lathe_entry_output packedOutputs[] = {
    {"last_hidden_state", LATHE_ROWS_TOKENS, LATHE_FIRST_COLUMN_UNUSED, width, 0, 0},
    {"pooler_output", LATHE_ROWS_SEQUENCES, LATHE_FIRST_COLUMN_ZERO, width, 0, 0},
    {"sentence_embedding", LATHE_ROWS_SEQUENCES, LATHE_FIRST_COLUMN_UNUSED, width, 0, 0},
    {"logits", LATHE_ROWS_SEQUENCES, LATHE_FIRST_COLUMN_ERROR, width, 0, 0}};
constexpr lathe_step packedSteps[] = {{"values", "lookup", {5, LATHE_F32, LATHE_ROWS_TOKENS, width, width}},
                                      {"sums", "sum", {3, LATHE_F32, LATHE_ROWS_SEQUENCES, width, width}},
                                      {"output", "copy", {}}};

constexpr lathe_entry_input denseInputs[] = {
    {LATHE_INPUT_IDS, vocabulary, 0, 0, 0, LATHE_AXIS_TOKENS, LATHE_GLOBALS_NONE, 0, 0, 0},
    {LATHE_POSITION_IDS, positionLimit, 0, 0, 0, LATHE_AXIS_TOKENS, LATHE_GLOBALS_NONE, 0, 0, 0},
    {LATHE_CU_SEQLENS, 0, 0, 0, 0, LATHE_AXIS_TOKENS, LATHE_GLOBALS_NONE, 0, 0, 0},
    {LATHE_ATTENTION_MASK, 0, 0, 0, 0, LATHE_AXIS_TOKENS, LATHE_GLOBALS_NONE, 0, 0, 0}};
constexpr lathe_entry_output denseOutputs[] = {
    {"last_hidden_state", LATHE_ROWS_TOKENS, LATHE_FIRST_COLUMN_UNUSED, width, 0, 0},
    {"sums", LATHE_ROWS_SEQUENCES, LATHE_FIRST_COLUMN_UNUSED, width, 0, 0},
    {"pairs", LATHE_ROWS_SCORES, LATHE_FIRST_COLUMN_UNUSED, heads, 0, 0}};
constexpr lathe_step denseSteps[] = {{"values", "lookup", {}}, {"sums", "sum", {}}};

constexpr lathe_entry_input modalInputs[] = {
    {LATHE_INPUT_IDS, vocabulary, 0, 0, 0, LATHE_AXIS_TOKENS, LATHE_GLOBALS_NONE, 0, 0, 0},
    {LATHE_TOKEN_TYPE_IDS, tokenTypes, 0, 0, 0, LATHE_AXIS_TOKENS, LATHE_GLOBALS_NONE, 0, 0, 0},
    {LATHE_POSITION_IDS, positionLimit, 0, 0, 0, LATHE_AXIS_TOKENS, LATHE_GLOBALS_NONE, 0, 0, 0},
    {LATHE_MODAL_IDS, 0, 0, 0, 0, LATHE_AXIS_TOKENS, LATHE_GLOBALS_NONE, 0, 0, 0},
    {LATHE_INPUT_MODAL, vectorWidth, 0, 0, 0, LATHE_AXIS_TOKENS, LATHE_GLOBALS_NONE, 0, 0, 0},
    {LATHE_CU_SEQLENS, 0, 0, 0, 0, LATHE_AXIS_TOKENS, LATHE_GLOBALS_NONE, 0, 0, 0}};
constexpr lathe_entry_output modalOutputs[] = {
    {"last_hidden_state", LATHE_ROWS_TOKENS, LATHE_FIRST_COLUMN_UNUSED, width, 0, 0}};

constexpr lathe_entry_input rememberingInputs[] = {
    {LATHE_INPUT_IDS, vocabulary, 0, 0, 0, LATHE_AXIS_TOKENS, LATHE_GLOBALS_NONE, 0, 0, 0},
    {LATHE_TOKEN_TYPE_IDS, tokenTypes, 0, 0, 0, LATHE_AXIS_TOKENS, LATHE_GLOBALS_NONE, 0, 0, 0},
    {LATHE_CU_SEQLENS, 0, 0, 0, 0, LATHE_AXIS_TOKENS, LATHE_GLOBALS_NONE, 0, 0, 0},
    {LATHE_CU_SEQLENS, 0, 0, 0, 0, LATHE_AXIS_TARGETS, LATHE_GLOBALS_NONE, 0, 0, 0},
    {LATHE_COLUMNS, 0, 0, 0, 0, LATHE_AXIS_TARGETS, LATHE_GLOBALS_NONE, 0, 0, 0},
    {LATHE_TOKEN_TYPE_IDS, tokenTypes, 0, 0, 0, LATHE_AXIS_TARGETS, LATHE_GLOBALS_NONE, 0, 0, 0},
    {LATHE_MEMORIES, vectorWidth, 0, 0, 0, LATHE_AXIS_TARGETS, LATHE_GLOBALS_NONE, 0, 0, 0},
    {LATHE_MEMORIES, vectorWidth, 0, 0, 0, LATHE_AXIS_TARGETS, LATHE_GLOBALS_NONE, 0, 0, 1}};
constexpr lathe_entry_output rememberingOutputs[] = {
    {"last_hidden_state", LATHE_ROWS_TOKENS, LATHE_FIRST_COLUMN_UNUSED, width, 0, 0},
    {"mems.0", LATHE_ROWS_TARGETS, LATHE_FIRST_COLUMN_UNUSED, vectorWidth, 0, 0},
    {"mems.1", LATHE_ROWS_TARGETS, LATHE_FIRST_COLUMN_UNUSED, vectorWidth, 0, 0}};

constexpr lathe_entry_input idsOnly[] = {{LATHE_INPUT_IDS, 0, 0, 0, 0, LATHE_AXIS_TOKENS, LATHE_GLOBALS_NONE, 0, 0, 0}};
constexpr lathe_step slowSteps[] = {{"wait", "spin", {}}};

constexpr lathe_size_formula rowsOfFloats = {.per_token = width * int64_t(sizeof(float))};
constexpr lathe_size_formula oneLine = {.fixed = 64};
// Values that overflow when multiplied by anything but a few tokens.
constexpr lathe_size_formula gigantic = {.per_token = INT64_MAX / 64, .per_score = 1};

constexpr lathe_entry entries[] = {
    {"packed",
     LATHE_PACKED,
     5,
     packedInputs,
     4,
     packedOutputs,
     positionLimit,
     rowsOfFloats,
     oneLine,
     3,
     packedSteps,
     {packed},
     0,
     0,
     LATHE_SHIFT_NONE,
     0,
     nullptr,
     0,
     0,
     0},
    {"dense",
     LATHE_DENSE,
     4,
     denseInputs,
     3,
     denseOutputs,
     positionLimit,
     oneLine,
     oneLine,
     2,
     denseSteps,
     {dense},
     0,
     0,
     LATHE_SHIFT_NONE,
     0,
     nullptr,
     0,
     0,
     0},
    {"slow", LATHE_PACKED,     1, idsOnly, 0, nullptr, 0, oneLine, oneLine, 1, slowSteps, {slow}, 0,
     0,      LATHE_SHIFT_NONE, 0, nullptr, 0, 0,       0},
    {"failing", LATHE_PACKED,     1, idsOnly, 0, nullptr, 0, oneLine, oneLine, 0, nullptr, {failing}, 0,
     0,         LATHE_SHIFT_NONE, 0, nullptr, 0, 0,       0},
    {"gigantic", LATHE_PACKED,     1, idsOnly, 0, nullptr, 0, gigantic, oneLine, 0, nullptr, {failing}, 0,
     0,          LATHE_SHIFT_NONE, 0, nullptr, 0, 0,       0},
    {"modal",
     LATHE_PACKED,
     6,
     modalInputs,
     1,
     modalOutputs,
     positionLimit,
     oneLine,
     oneLine,
     0,
     nullptr,
     {modal},
     0,
     0,
     LATHE_SHIFT_NONE,
     0,
     nullptr,
     0,
     0,
     0},
    {"remembering",
     LATHE_PACKED,
     8,
     rememberingInputs,
     3,
     rememberingOutputs,
     0,
     oneLine,
     oneLine,
     0,
     nullptr,
     {remembering},
     0,
     1,
     LATHE_SHIFT_NONE,
     0,
     nullptr,
     2,
     omittedMemory,
     keptMemory},
};
constexpr int32_t entryCount = sizeof entries / sizeof entries[0];

constexpr lathe_io idsInfo = {"input_ids", LATHE_I64, 2, {-1, -1}, 0};
constexpr lathe_entry_info entryInfos[entryCount] = {
    {"packed", 1, &idsInfo, 0, nullptr},     {"dense", 1, &idsInfo, 0, nullptr},    {"slow", 1, &idsInfo, 0, nullptr},
    {"failing", 1, &idsInfo, 0, nullptr},    {"gigantic", 1, &idsInfo, 0, nullptr}, {"modal", 1, &idsInfo, 0, nullptr},
    {"remembering", 1, &idsInfo, 0, nullptr}};

constexpr uint64_t tensorsBytes = vocabulary * sizeof(float);
constexpr uint64_t tokenizerBytes = 64;
constexpr uint64_t weightsBytes = LATHE_TENSORS_OFFSET + tensorsBytes + tokenizerBytes;

} // namespace

WeightsImage makeWeights() {
  WeightsImage image{decltype(WeightsImage::data)(static_cast<uint8_t *>(std::aligned_alloc(64, weightsBytes))),
                     weightsBytes};
  std::memset(image.data.get(), 0, weightsBytes);
  lathe_weights_header &header = image.header();
  std::memcpy(header.magic, LATHE_WEIGHTS_MAGIC, sizeof header.magic);
  std::memcpy(header.build_id, fakeBuildId, sizeof header.build_id);
  header.file_bytes = weightsBytes;
  header.tensors_offset = LATHE_TENSORS_OFFSET;
  header.tensors_bytes = tensorsBytes;
  header.tokenizer_offset = LATHE_TENSORS_OFFSET + tensorsBytes;
  header.tokenizer_bytes = tokenizerBytes;
  float *table = reinterpret_cast<float *>(image.data.get() + header.tensors_offset);
  for (int64_t id = 0; id < vocabulary; ++id)
    table[id] = float(id);
  std::memcpy(image.data.get() + header.tokenizer_offset, "FAKETOK", 8);
  return image;
}

Host capableHost() {
  return {{~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0ull}, nullptr, [] { return true; }};
}

lathe_context_options FakeModel::contextOptions(int threads) {
  lathe_context_options options = {};
  options.size = sizeof options;
  options.threads = threads;
  return options;
}

FakeModel::FakeModel(lathe_context_options options) : weights(makeWeights()) {
  lathe_error error = {};
  if (openMemory(lathe_program_v1, capableHost(), weights.data.get(), weights.bytes, nullptr, model, &error) ||
      lathe_runtime_api()->context_create(model, &options, &context, &error)) {
    std::fprintf(stderr, "the model that stands in for others cannot be opened: %s\n", error.message);
    std::abort(); // some programs that use it are built without exceptions
  }
}

FakeModel::~FakeModel() {
  lathe_runtime_api()->context_destroy(context);
  lathe_runtime_api()->close(model);
}

} // namespace lathe::test

extern const lathe_program lathe_program_v1 = {LATHE_PROGRAM_VERSION,
                                               "fake",
                                               lathe::test::fakeBuildId,
                                               lathe::test::weightsBytes,
                                               lathe::test::entryCount,
                                               lathe::test::entries,
                                               lathe::test::entryInfos,
                                               /*max_length=*/16,
                                               /*embedded_weights=*/nullptr,
                                               /*n_prompts=*/0,
                                               /*prompts=*/nullptr,
                                               /*decoder=*/nullptr,
                                               /*similarity=*/nullptr};
