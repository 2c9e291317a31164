//===- EdgeMemory.cpp - what layers were given of the tokens before -----------===//
#include "ir/interpreter/EdgeMemory.h"

#include "ir/xf/TokenAxes.h"

#include "llvm/Support/FormatVariadic.h"

#include <algorithm>

using namespace mlir;

namespace lathe {

bool isMemory(StringRef input) {
  int64_t number;
  return input.consume_front(xf::memoriesPrefix) && !input.getAsInteger(10, number);
}

llvm::Expected<RememberedRows> rememberedRows(func::FuncOp entry, const NamedTensors &given, int64_t batch, int64_t seq,
                                              const std::vector<bool> &present, const Tensor &types) {
  RememberedRows remembered;
  std::optional<int64_t> before;
  std::vector<std::pair<std::string, int64_t>> wanted; // with their width
  for (unsigned index = 0; index < entry.getNumArguments(); ++index)
    if (auto omitted = entry.getArgAttrOfType<IntegerAttr>(index, xf::XfDialect::memoryRowsAttr)) {
      std::string name = entry.getArgAttrOfType<StringAttr>(index, xf::XfDialect::inputAttr).str();
      const int64_t width = cast<RankedTensorType>(entry.getArgument(index).getType()).getShape().back();
      remembered.before = omitted.getInt();
      if (auto found = given.find(name); found != given.end()) {
        const std::vector<int64_t> shape(found->second.shape.begin(), found->second.shape.end());
        if (shape.size() != 3 || shape[1] != batch || shape[2] != width || (before && *before != shape[0]))
          return llvm::createStringError(
              llvm::formatv(
                  "{0} has shape {1}; for these texts it must be [rows, {2}, {3}], with as many rows as others", name,
                  shapeText(found->second.shape), batch, width)
                  .str());
        before = shape[0];
      }
      wanted.emplace_back(std::move(name), width);
    }
  const int64_t givenCount =
      std::count_if(given.begin(), given.end(), [](const auto &in) { return isMemory(in.first); });
  if (givenCount && givenCount != int64_t(wanted.size()))
    return llvm::createStringError("of mems.N " + llvm::Twine(givenCount) + " are given; accepted are none, or all " +
                                   llvm::Twine(wanted.size()));
  remembered.before = before.value_or(remembered.before);

  const int64_t rows = remembered.before + seq;
  Tensor columns({batch, rows}), allTypes({batch, rows});
  remembered.present.assign(batch * rows, false);
  for (int64_t b = 0; b < batch; ++b) {
    const auto row = present.begin() + b * seq;
    const bool empty = std::none_of(row, row + seq, [](bool isToken) { return isToken; });
    for (int64_t column = 0; column < rows; ++column) {
      const int64_t ofRun = column - remembered.before;
      remembered.present[b * rows + column] = !empty && (ofRun < 0 || row[ofRun]);
      columns.row(b)[column] = double(ofRun);
      allTypes.row(b)[column] = ofRun < 0 ? 0 : types.row(b)[ofRun];
    }
  }
  remembered.columns = {{"columns", std::move(columns)}, {"token_type_ids", std::move(allTypes)}};
  for (const auto &[name, width] : wanted) {
    Tensor all({batch, rows, width});
    if (auto found = given.find(name); found != given.end())
      for (int64_t b = 0; b < batch; ++b)
        for (int64_t row = 0; row < remembered.before; ++row)
          std::copy_n(found->second.row(row * batch + b), width, all.row(b * rows + row));
    remembered.rows[name] = std::move(all);
  }
  return remembered;
}

Tensor keptRows(const Tensor &rows, int64_t kept) {
  const int64_t batch = rows.shape[0], all = rows.shape[1], width = rows.width();
  const int64_t count = kept ? std::min(kept, all) : all;
  Tensor result({count, batch, width});
  for (int64_t row = 0; row < count; ++row)
    for (int64_t b = 0; b < batch; ++b)
      std::copy_n(rows.row(b * all + all - count + row), width, result.row(row * batch + b));
  return result;
}

} // namespace lathe
