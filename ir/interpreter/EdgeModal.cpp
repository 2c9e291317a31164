//===- EdgeModal.cpp - vectors of an image in front of each text --------------===//
#include "ir/interpreter/EdgeModal.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>

using namespace mlir;

namespace lathe {

llvm::ArrayRef<StringRef> modalInputs() {
  static constexpr StringRef names[] = {"input_modal", "modal_start_tokens", "modal_end_tokens", "modal_token_type_ids",
                                        "modal_position_ids"};
  return names;
}

static const Tensor *find(const NamedTensors &inputs, StringRef name) {
  auto found = inputs.find(name.str());
  return found == inputs.end() ? nullptr : &found->second;
}

static llvm::Error checkShape(const NamedTensors &inputs, StringRef name, ArrayRef<int64_t> wanted) {
  const Tensor *tensor = find(inputs, name);
  if (!tensor || ArrayRef<int64_t>(tensor->shape) == wanted)
    return llvm::Error::success();
  return llvm::createStringError("input '" + name + "' has shape " + shapeText(tensor->shape) +
                                 "; for these texts it is " + shapeText(wanted));
}

llvm::Expected<JoinedModal> joinModal(const NamedTensors &inputs, int64_t width) {
  const Tensor *ids = find(inputs, "input_ids"), *modal = find(inputs, "input_modal"),
               *offsets = find(inputs, "cu_seqlens"), *mask = find(inputs, "attention_mask"),
               *starts = find(inputs, "modal_start_tokens"), *ends = find(inputs, "modal_end_tokens");
  const bool ragged = offsets != nullptr;
  if (!modal || modal->shape.size() != 3)
    return llvm::createStringError("input_modal is missing or no [batch, vectors, width]");
  if (ids->shape.size() != (ragged ? 1 : 2) ||
      (ragged && (offsets->values.empty() || offsets->values.back() > double(ids->values.size()) ||
                  offsets->values.front() != 0 || !llvm::is_sorted(offsets->values))))
    return llvm::createStringError("input_ids is neither [batch, seq] nor [tokens] with a cu_seqlens of these");
  const int64_t batch = ragged ? int64_t(offsets->values.size()) - 1 : ids->shape[0];
  JoinedModal joined;
  joined.lead = modal->shape[1] + (starts != nullptr) + (ends != nullptr);
  for (const auto &[name, shape] : std::initializer_list<std::pair<StringRef, SmallVector<int64_t>>>{
           {"input_modal", {batch, modal->shape[1], width}},
           {"modal_start_tokens", {batch}},
           {"modal_end_tokens", {batch}},
           {"modal_token_type_ids", {batch, joined.lead}},
           {"modal_position_ids", {batch, joined.lead}},
           {"attention_mask", SmallVector<int64_t>(ids->shape)},
           {"token_type_ids", SmallVector<int64_t>(ids->shape)},
           {"position_ids", SmallVector<int64_t>(ids->shape)}})
    if (llvm::Error error = checkShape(inputs, name, shape))
      return error;

  std::map<std::string, std::vector<double>> values;
  auto given = [&](StringRef name, int64_t at, double otherwise) {
    const Tensor *tensor = find(inputs, name);
    return tensor ? tensor->values[at] : otherwise;
  };
  auto put = [&](double id, double present, double type, double position, double vector) {
    values["input_ids"].push_back(id);
    values["attention_mask"].push_back(present);
    values["token_type_ids"].push_back(type);
    values["position_ids"].push_back(position);
    values["modal_ids"].push_back(vector);
  };
  std::vector<double> rowEnds = {0};
  for (int64_t row = 0; row < batch; ++row) {
    const int64_t vectors = modal->shape[1], first = row * joined.lead;
    for (int64_t column = 0; column < joined.lead; ++column) {
      const bool isStart = starts && column == 0, isEnd = ends && column == joined.lead - 1;
      put(isStart ? starts->values[row]
          : isEnd ? ends->values[row]
                  : 0,
          1, given("modal_token_type_ids", first + column, 0), given("modal_position_ids", first + column, column),
          isStart || isEnd ? -1 : row * vectors + column - (starts != nullptr));
    }
    const int64_t begin = ragged ? offsets->values[row] : row * ids->shape[1],
                  end = ragged ? offsets->values[row + 1] : begin + ids->shape[1];
    for (int64_t at = begin; at < end; ++at)
      put(ids->values[at], mask ? mask->values[at] : 1, given("token_type_ids", at, 1),
          given("position_ids", at, double(at - begin)), -1);
    rowEnds.push_back(double(values["input_ids"].size()));
  }
  const SmallVector<int64_t> shape = ragged ? SmallVector<int64_t>{int64_t(values["input_ids"].size())}
                                            : SmallVector<int64_t>{batch, joined.lead + ids->shape[1]};
  for (auto &[name, numbers] : values)
    if (!ragged || name != "attention_mask")
      joined.inputs[name] = Tensor(shape, std::move(numbers));
  if (ragged)
    joined.inputs["cu_seqlens"] = Tensor({batch + 1}, std::move(rowEnds));
  return joined;
}

Tensor vectorsOf(const Tensor &modalIds, const Tensor &inputModal) {
  SmallVector<int64_t> shape(modalIds.shape);
  const int64_t width = inputModal.shape.back();
  shape.push_back(width);
  Tensor rows(shape);
  for (auto [row, vector] : llvm::enumerate(modalIds.values))
    if (vector >= 0)
      std::copy_n(&inputModal.values[int64_t(vector) * width], width, &rows.values[row * width]);
  return rows;
}

} // namespace lathe
