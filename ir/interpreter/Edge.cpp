//===- Edge.cpp - from a caller's tensors to an entry's arguments and back ----===//
#include "ir/interpreter/Edge.h"

#include "ir/interpreter/EdgeImage.h"
#include "ir/interpreter/EdgeMemory.h"
#include "ir/interpreter/EdgeModal.h"
#include "ir/xf/TokenAxes.h"

#include "llvm/ADT/StringExtras.h"

#include <algorithm>

using namespace mlir;

namespace lathe {

static llvm::Error error(const llvm::Twine &message) { return llvm::createStringError(message); }

llvm::Expected<func::FuncOp> findEntry(ModuleOp module, llvm::StringRef name) {
  std::string names;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (!function->hasAttr(xf::XfDialect::entryAttr))
      continue;
    if (name.empty() || function.getSymName() == name)
      return function;
    names += (names.empty() ? "" : ", ") + function.getSymName().str();
  }
  if (name.empty())
    return error("the module has no entry function");
  return error("the model has no entry '" + name + "'; it has " + names);
}

namespace {

/// A caller's batch on one token axis as padded rows, and which of its tokens exist.
struct Batch {
  std::string prefix;         ///< of the inputs' names on the axis
  int64_t batch = 0, seq = 0; ///< batch counts a sequence for each choice
  int64_t choices = 0;        ///< 0: the model takes none
  bool ragged = false;
  std::vector<bool> present;            ///< [batch * seq]
  NamedTensors padded;                  ///< each [batch, seq]
  NamedTensors rows;                    ///< each [batch, seq, width]
  std::vector<double> prefixes, chosen; ///< prefix_lens and mc_token_ids of each sequence; none where left out

  bool empty(int64_t b) const {
    return std::none_of(present.begin() + b * seq, present.begin() + (b + 1) * seq, [](bool p) { return p; });
  }
};

llvm::Error readPadded(const NamedTensors &inputs, Batch &batch) {
  const Tensor &ids = inputs.at("input_ids");
  batch.batch = ids.shape[0], batch.seq = ids.shape.back();
  if (batch.choices)
    batch.batch *= batch.choices = ids.shape[1];
  batch.present.assign(ids.values.size(), true);
  for (const auto &[name, tensor] : inputs) {
    if (tensor.shape != ids.shape)
      return error("input '" + batch.prefix + name + "' has shape " + shapeText(tensor.shape) + ", but " +
                   batch.prefix + "input_ids has " + shapeText(ids.shape));
    batch.padded[name] = Tensor({batch.batch, batch.seq}, tensor.values);
  }
  if (auto mask = inputs.find("attention_mask"); mask != inputs.end())
    for (auto [index, value] : llvm::enumerate(mask->second.values)) {
      if (value != 0 && value != 1)
        return error(batch.prefix + "attention_mask holds " + std::to_string(value) + " at " + llvm::Twine(index) +
                     "; accepted are 0 and 1");
      batch.present[index] = value == 1;
    }
  return llvm::Error::success();
}

llvm::Error readRagged(const NamedTensors &inputs, Batch &batch) {
  auto found = inputs.find("cu_seqlens");
  if (found == inputs.end())
    return error("input_ids has shape " + shapeText(inputs.at("input_ids").shape) +
                 "; accepted are [batch, seq], or [tokens] together with cu_seqlens");
  const Tensor &ids = inputs.at("input_ids"), &offsets = found->second;
  if (ids.shape.size() != 1)
    return error("input_ids has shape " + shapeText(ids.shape) + "; with cu_seqlens it must be [tokens]");
  if (inputs.count("attention_mask"))
    return error("attention_mask cannot be combined with cu_seqlens: ragged inputs have no padding");
  if (offsets.shape.size() != 1 || offsets.values.empty() || offsets.values.front() != 0 ||
      offsets.values.back() != double(ids.values.size()) || !llvm::is_sorted(offsets.values))
    return error("cu_seqlens must be [batch + 1], start at 0, never fall, and end at the " +
                 llvm::Twine(ids.values.size()) + " tokens of input_ids");
  batch.ragged = true;
  batch.batch = offsets.values.size() - 1;
  for (int64_t b = 0; b < batch.batch; ++b)
    batch.seq = std::max(batch.seq, int64_t(offsets.values[b + 1] - offsets.values[b]));
  batch.present.assign(batch.batch * batch.seq, false);
  for (const auto &[name, tensor] : inputs) {
    if (name == "cu_seqlens")
      continue;
    if (tensor.shape != ids.shape)
      return error("input '" + name + "' has shape " + shapeText(tensor.shape) + ", but input_ids has " +
                   shapeText(ids.shape));
    Tensor padded({batch.batch, batch.seq});
    for (int64_t b = 0; b < batch.batch; ++b)
      for (int64_t t = offsets.values[b]; t < offsets.values[b + 1]; ++t) {
        int64_t column = t - int64_t(offsets.values[b]);
        padded.row(b)[column] = tensor.values[t];
        batch.present[b * batch.seq + column] = true;
      }
    batch.padded[name] = std::move(padded);
  }
  return llvm::Error::success();
}

/// Reads a number of at least 0 for each of the sequences of `ids`; none where nothing is given.
llvm::Error readNumbers(llvm::StringRef name, const NamedTensors &given, const Tensor &ids, const Batch &batch,
                        std::vector<double> &numbers) {
  auto found = given.find(name.str());
  if (found == given.end())
    return llvm::Error::success();
  auto wanted = batch.ragged ? llvm::SmallVector<int64_t>{batch.batch}
                             : llvm::SmallVector<int64_t>(llvm::ArrayRef(ids.shape).drop_back());
  if (found->second.shape != wanted)
    return error(name + " has shape " + shapeText(found->second.shape) + "; for these texts it must be " +
                 shapeText(wanted));
  numbers = found->second.values;
  for (double number : numbers)
    if (number < 0)
      return error(name + " holds " + llvm::Twine(int64_t(number)) + "; accepted are 0 and more");
  return llvm::Error::success();
}

/// Where prefixes end, which begin at each sequence's first token: in columns, or in tokens.
Tensor prefixEnds(const Batch &batch, bool countsTokens) {
  Tensor ends({batch.batch});
  for (int64_t b = 0; b < batch.batch && !batch.prefixes.empty(); ++b) {
    const auto row = batch.present.begin() + b * batch.seq, first = std::find(row, row + batch.seq, true);
    const int64_t length = std::min<int64_t>(batch.prefixes[b], row + batch.seq - first);
    ends.values[b] = countsTokens ? std::count(first, first + length, true) : first - row + length;
  }
  return ends;
}

/// Positions that count the ids other than `paddingId`, which stands for itself (xf.padding_id).
Tensor countedPositions(const Tensor &ids, double paddingId) {
  Tensor positions(ids.shape);
  for (int64_t b = 0; b < ids.shape[0]; ++b) {
    double position = paddingId;
    for (int64_t column = 0; column < ids.shape[1]; ++column) {
      const bool counts = ids.row(b)[column] != paddingId;
      position += counts;
      positions.row(b)[column] = counts ? position : paddingId;
    }
  }
  return positions;
}

/// The number of tokens before each in its row.
Tensor tokenPositions(const Batch &batch) {
  Tensor positions({batch.batch, batch.seq});
  for (int64_t b = 0; b < batch.batch; ++b)
    for (int64_t column = 1; column < batch.seq; ++column)
      positions.row(b)[column] = positions.row(b)[column - 1] + batch.present[b * batch.seq + column - 1];
  return positions;
}

/// The id in the column that is `by` further on, whatever the mask says of it; -1 beyond either end of the row.
Tensor neighbours(const Batch &batch, int64_t by) {
  const Tensor &ids = batch.padded.at("input_ids");
  Tensor result(ids.shape);
  for (int64_t b = 0; b < batch.batch; ++b)
    for (int64_t column = 0; column < batch.seq; ++column) {
      const int64_t beside = column + by;
      const bool exists = beside >= 0 && beside < batch.seq && (!batch.ragged || batch.present[b * batch.seq + beside]);
      result.row(b)[column] = exists ? ids.row(b)[beside] : -1;
    }
  return result;
}

/// 0 for one token of each row that has any, in the column that is found for it, and 1 for all others; an error, which
/// says `why` that token, where the mask rules it out.
llvm::Expected<Tensor> exceptOne(const Batch &batch, llvm::function_ref<int64_t(int64_t row)> columnOf,
                                 llvm::StringRef why) {
  Tensor result(batch.padded.at("input_ids").shape);
  llvm::fill(result.values, 1.0);
  for (int64_t b = 0; b < batch.batch; ++b) {
    if (batch.empty(b))
      continue;
    const int64_t column = columnOf(b);
    if (!batch.present[b * batch.seq + column])
      return error("attention_mask is 0 in column " + llvm::Twine(column) + " of row " + llvm::Twine(b) +
                   ", which the result is computed from: " + why);
    result.row(b)[column] = 0;
  }
  return result;
}

/// That of each row's last token whose id is not `paddingId`, or else of its first.
llvm::Expected<Tensor> exceptLast(const Batch &batch, double paddingId) {
  const Tensor &ids = batch.padded.at("input_ids");
  auto columnOf = [&](int64_t b) {
    int64_t column = batch.seq - 1;
    auto isSkipped = [&] {
      return (batch.ragged && !batch.present[b * batch.seq + column]) || ids.row(b)[column] == paddingId;
    };
    while (column > 0 && isSkipped())
      --column;
    return column;
  };
  return exceptOne(batch, columnOf, paddingId < 0 ? "it is the last one" : "its id is the last that is no padding");
}

/// That of each row's first token whose id is `id` or, where that is negative, the greatest of the row, or else of its
/// first.
llvm::Expected<Tensor> exceptFirst(const Batch &batch, double id) {
  const Tensor &ids = batch.padded.at("input_ids");
  auto columnOf = [&](int64_t b) -> int64_t {
    const double *row = ids.row(b), *end = row + batch.seq;
    if (batch.ragged)
      end = row + std::count(batch.present.begin() + b * batch.seq, batch.present.begin() + (b + 1) * batch.seq, true);
    const double *found = id < 0 ? std::max_element(row, end) : std::find(row, end, id);
    return found == end ? 0 : found - row;
  };
  return exceptOne(batch, columnOf, "its id ends the text");
}

/// 0 for the token that mc_token_ids names in each row, or else its last column's, and 1 for all others; an error where
/// the mask rules that token out.
llvm::Expected<Tensor> exceptChosen(const Batch &batch) {
  Tensor result({batch.batch, batch.seq});
  llvm::fill(result.values, 1.0);
  for (int64_t b = 0; b < batch.batch; ++b) {
    const int64_t column = batch.chosen.empty() ? batch.seq - 1 : int64_t(batch.chosen[b]);
    if (column >= batch.seq)
      return error("mc_token_ids holds " + llvm::Twine(column) + "; accepted are 0 to " + llvm::Twine(batch.seq - 1));
    if (batch.empty(b))
      continue;
    if (!batch.present[b * batch.seq + column])
      return error("attention_mask is 0 in column " + llvm::Twine(column) + " of row " + llvm::Twine(b) +
                   ", which mc_logits are computed from");
    result.row(b)[column] = 0;
  }
  return result;
}

/// 1 for tokens that are global where the caller does not say which are.
llvm::Expected<Tensor> globalsOf(const Batch &batch, xf::Globals which, double separatorId) {
  const Tensor &ids = batch.padded.at("input_ids");
  Tensor globals(ids.shape);
  for (int64_t b = 0; b < batch.batch; ++b) {
    if (batch.empty(b))
      continue;
    if (which == xf::Globals::FirstColumn) {
      globals.row(b)[0] = 1;
      continue;
    }
    llvm::SmallVector<int64_t> separators;
    for (int64_t column = 0; column < batch.seq; ++column)
      if (ids.row(b)[column] == separatorId && (!batch.ragged || batch.present[b * batch.seq + column]))
        separators.push_back(column);
    if (separators.size() != 3)
      return error("row " + llvm::Twine(b) + " of input_ids has " + llvm::Twine(separators.size()) + " separators (" +
                   llvm::Twine(int64_t(separatorId)) +
                   "); without global_attention_mask it must have 3, which tell what is global");
    for (int64_t column = 0; column < batch.seq; ++column)
      globals.row(b)[column] =
          which == xf::Globals::BeforeSeparators ? column < separators[0] : column > separators[0] + 1;
  }
  return globals;
}

/// Columns of a row, masked ones included.
int64_t columnsOf(const Batch &batch, int64_t b) {
  const auto row = batch.present.begin() + b * batch.seq;
  return batch.ragged ? std::count(row, row + batch.seq, true) : batch.seq;
}

Tensor rowColumns(const Batch &batch) {
  Tensor columns({batch.batch});
  for (int64_t b = 0; b < batch.batch; ++b)
    columns.values[b] = columnsOf(batch, b);
  return columns;
}

/// How often each token counts as a key to all others, in rows cut into blocks (LATHE_BLOCK_GLOBALS).
Tensor blockGlobals(const Batch &batch, int64_t block, int64_t repeats) {
  Tensor globals({batch.batch, batch.seq});
  for (int64_t b = 0; b < batch.batch; ++b) {
    const int64_t columns = columnsOf(batch, b), last = (columns - 1) / block;
    const bool isShort = columns <= (3 + 2 * repeats) * block;
    for (int64_t column = 0; column < columns; ++column)
      globals.row(b)[column] = isShort ? 1 : column < block ? repeats : column / block == last;
  }
  return globals;
}

/// The types of tokens that one separator tells apart, it being the last of the first type; and 1 for those of the
/// first type, but for the first column.
std::pair<Tensor, Tensor> toldBySeparator(const Batch &batch, double separatorId) {
  const Tensor &ids = batch.padded.at("input_ids");
  Tensor types(ids.shape), question(ids.shape);
  for (int64_t b = 0; b < batch.batch; ++b) {
    const double *row = ids.row(b), *end = row + columnsOf(batch, b), *found = std::find(row, end, separatorId);
    const int64_t separator = found == end ? 0 : found - row;
    for (int64_t column = 0; column < batch.seq; ++column) {
      types.row(b)[column] = column > separator;
      question.row(b)[column] = column > 0 && column <= separator;
    }
  }
  return {types, question};
}

/// The tokens of a padded batch without a mask: as many of each row as it has ids other than `paddingId`.
void presentByCount(Batch &batch, double paddingId) {
  const Tensor &ids = batch.padded.at("input_ids");
  for (int64_t b = 0; b < batch.batch; ++b) {
    const int64_t padding = std::count(ids.row(b), ids.row(b) + batch.seq, paddingId);
    for (int64_t column = 0; column < batch.seq; ++column)
      batch.present[b * batch.seq + column] = column < batch.seq - padding;
  }
}

/// Decoder_input_ids that are left out: `first`'s ids, each a column further right.
Batch shiftedTargets(const Batch &first, std::optional<int64_t> firstId, double paddingId) {
  Batch targets = first;
  targets.prefix = xf::targetPrefix;
  targets.padded.clear();
  const Tensor &ids = first.padded.at("input_ids");
  Tensor shifted(ids.shape);
  for (int64_t b = 0; b < first.batch; ++b) {
    int64_t length = first.seq;
    if (first.ragged) // else padding is shifted, too
      length = std::count(first.present.begin() + b * first.seq, first.present.begin() + (b + 1) * first.seq, true);
    if (!length)
      continue;
    const int64_t others = length - std::count(ids.row(b), ids.row(b) + length, paddingId);
    shifted.row(b)[0] = firstId ? double(*firstId) : ids.row(b)[(others ? others : length) - 1];
    std::copy_n(ids.row(b), length - 1, shifted.row(b) + 1);
  }
  if (!first.ragged)
    targets.present.assign(ids.values.size(), true);
  targets.padded["input_ids"] = std::move(shifted);
  return targets;
}

/// 0 for each row's target in the column of the last of `first`'s ids that is `endId`, and 1 for all others.
llvm::Expected<Tensor> exceptEnd(const Batch &targets, const Batch &first, double endId) {
  const Tensor &ids = first.padded.at("input_ids");
  Tensor result({targets.batch, targets.seq});
  llvm::fill(result.values, 1.0);
  for (int64_t b = 0; b < first.batch; ++b) {
    if (first.empty(b))
      continue;
    int64_t column = first.seq - 1;
    while (column >= 0 && ids.row(b)[column] != endId)
      --column;
    if (column < 0)
      return error("input_ids has no " + llvm::Twine(int64_t(endId)) + " in row " + llvm::Twine(b) +
                   ", the end of texts, in whose column the result is computed");
    if (column >= targets.seq || !targets.present[b * targets.seq + column])
      return error("decoder_attention_mask is 0 in column " + llvm::Twine(column) + " of row " + llvm::Twine(b) +
                   ", which the result is computed from");
    result.row(b)[column] = 0;
  }
  return result;
}

/// Rotations as the caller gives them, or no rows.
llvm::Expected<Tensor> givenRotations(llvm::StringRef name, llvm::ArrayRef<int64_t> shape, const NamedTensors &given) {
  const int64_t columns = shape[2] * shape[3];
  auto found = given.find(name.str());
  if (found == given.end())
    return Tensor({0, columns});
  if (found->second.shape != llvm::SmallVector<int64_t>(shape))
    return error(name + " has shape " + shapeText(found->second.shape) + "; it must be " + shapeText(shape));
  return Tensor({shape[0] * shape[1], columns}, found->second.values);
}

std::optional<unsigned> findInput(func::FuncOp entry, StringRef name) {
  for (unsigned index = 0; index < entry.getNumArguments(); ++index)
    if (auto input = entry.getArgAttrOfType<StringAttr>(index, xf::XfDialect::inputAttr); input && input == name)
      return index;
  return std::nullopt;
}

/// What the entry says of the input called `name`; null where it says nothing.
Attribute inputAttribute(func::FuncOp entry, StringRef name, StringRef attribute) {
  const std::optional<unsigned> index = findInput(entry, name);
  return index ? entry.getArgAttr(*index, attribute) : nullptr;
}

std::optional<int64_t> inputInteger(func::FuncOp entry, StringRef name, StringRef attribute) {
  auto value = llvm::dyn_cast_or_null<IntegerAttr>(inputAttribute(entry, name, attribute));
  return value ? std::optional(value.getInt()) : std::nullopt;
}

/// Fills in what the caller may leave out, and what follows from the rest.
llvm::Error addDefaults(Batch &batch, func::FuncOp entry) {
  auto onAxis = [&](const char *name) { return batch.prefix + name; };
  if (auto padding = inputInteger(entry, onAxis("input_ids"), xf::XfDialect::paddingIdAttr);
      padding && batch.prefix.empty() && !batch.ragged && !batch.padded.count("attention_mask"))
    presentByCount(batch, double(*padding));
  Tensor zeros({batch.batch, batch.seq}), columns = zeros, mask = zeros;
  for (int64_t index = 0; index < int64_t(columns.values.size()); ++index) {
    columns.values[index] = index % batch.seq;
    mask.values[index] = batch.present[index];
  }
  if (auto which = llvm::dyn_cast_or_null<xf::GlobalsAttr>(
          inputAttribute(entry, "global_attention_mask", xf::XfDialect::globalsAttr));
      which && !batch.padded.count("global_attention_mask")) {
    const int64_t separator = inputInteger(entry, "global_attention_mask", xf::XfDialect::paddingIdAttr).value_or(0);
    llvm::Expected<Tensor> globals = globalsOf(batch, which.getValue(), double(separator));
    if (!globals)
      return globals.takeError();
    batch.padded["global_attention_mask"] = std::move(*globals);
  }
  if (auto separator = inputInteger(entry, onAxis("token_type_ids"), xf::XfDialect::paddingIdAttr))
    batch.padded.try_emplace("token_type_ids", toldBySeparator(batch, double(*separator)).first);
  for (const char *name : {"token_type_ids", "langs", "prompt_mask", "global_attention_mask"}) {
    Tensor omitted = zeros;
    llvm::fill(omitted.values, inputInteger(entry, name, xf::XfDialect::omittedAttr).value_or(0));
    batch.padded.try_emplace(name, omitted);
  }
  if (auto separator = inputInteger(entry, "question_mask", xf::XfDialect::paddingIdAttr))
    batch.padded["question_mask"] = toldBySeparator(batch, double(*separator)).second;
  if (auto block = inputInteger(entry, "block_globals", xf::XfDialect::blockAttr))
    batch.padded["block_globals"] =
        blockGlobals(batch, *block, *inputInteger(entry, "block_globals", xf::XfDialect::repeatsAttr));
  batch.padded["columns"] = columns;
  batch.padded["token_columns"] = tokenPositions(batch);
  batch.padded["previous_ids"] = neighbours(batch, -1);
  batch.padded["next_ids"] = neighbours(batch, 1);
  if (auto padding = inputInteger(entry, onAxis("position_ids"), xf::XfDialect::paddingIdAttr))
    columns = countedPositions(batch.padded.at("input_ids"), double(*padding));
  else if (inputAttribute(entry, onAxis("position_ids"), xf::XfDialect::countsTokensAttr))
    columns = tokenPositions(batch);
  batch.padded.try_emplace("position_ids", columns);
  batch.padded["attention_mask"] = mask;
  if (findInput(entry, "except_chosen")) {
    llvm::Expected<Tensor> others = exceptChosen(batch);
    if (!others)
      return others.takeError();
    batch.padded["except_chosen"] = std::move(*others);
  }
  if (auto padding = inputInteger(entry, "except_last", xf::XfDialect::paddingIdAttr)) {
    llvm::Expected<Tensor> others = exceptLast(batch, double(*padding));
    if (!others)
      return others.takeError();
    batch.padded["except_last"] = std::move(*others);
  }
  if (auto id = inputInteger(entry, "except_first", xf::XfDialect::paddingIdAttr)) {
    llvm::Expected<Tensor> others = exceptFirst(batch, double(*id));
    if (!others)
      return others.takeError();
    batch.padded["except_first"] = std::move(*others);
  }
  return llvm::Error::success();
}

} // namespace

/// Keeps the rows of [batch, seq, ...] that are present.
static Tensor pack(const Batch &batch, const Tensor &padded) {
  int64_t width = padded.shape.size() == 2 ? 1 : padded.width();
  std::vector<double> values;
  for (size_t row = 0; row < batch.present.size(); ++row)
    if (batch.present[row])
      values.insert(values.end(), &padded.values[row * width], &padded.values[row * width] + width);
  llvm::SmallVector<int64_t> shape = {int64_t(values.size()) / std::max<int64_t>(width, 1)};
  if (padded.shape.size() == 3)
    shape.push_back(width);
  return Tensor(shape, std::move(values));
}

/// The inverse: [tokens, width] to [batch, seq, width], zero where no token is.
static Tensor unpack(const Batch &batch, const Tensor &packed) {
  Tensor padded({batch.batch, batch.seq, packed.width()});
  int64_t token = 0;
  for (size_t row = 0; row < batch.present.size(); ++row)
    if (batch.present[row])
      std::copy_n(packed.row(token++), packed.width(), padded.row(row));
  return padded;
}

static Tensor cuSeqlens(const Batch &batch) {
  Tensor offsets({batch.batch + 1});
  for (int64_t b = 0; b < batch.batch; ++b)
    offsets.values[b + 1] = offsets.values[b] + std::count(batch.present.begin() + b * batch.seq,
                                                           batch.present.begin() + (b + 1) * batch.seq, true);
  return offsets;
}

/// Of ids, what is beyond the first of a cluster; -1 for ids outside it.
static Tensor clusterIds(const Tensor &ids, int64_t first, int64_t count) {
  Tensor result = ids;
  for (double &id : result.values)
    id = id >= first && id < first + count ? id - first : -1;
  return result;
}

/// A row per token: zero where no token is, in the caller's form.
static Tensor tokenOutput(const Batch &batch, Tensor result, bool packedForm) {
  if (!packedForm)
    result = pack(batch, result);
  return batch.ragged ? result : unpack(batch, result);
}

/// [batch, heads, seq, keys]: zero where a query is no token; keys that are none have no share as it is.
static Tensor scoreOutput(const Batch &batch, Tensor result) {
  const int64_t heads = result.shape[1], seq = batch.seq, keys = result.width();
  for (int64_t row = 0; row < batch.batch * heads * seq; ++row)
    if (!batch.present[row / (heads * seq) * seq + row % seq])
      std::fill_n(result.row(row), keys, 0.0);
  return result;
}

/// A row per sequence: zero for sequences without tokens; where column 0 is masked, as `firstColumn` says.
static llvm::Expected<Tensor> sequenceOutput(const Batch &batch, Tensor result, StringRef name, StringRef firstColumn) {
  for (int64_t b = 0; b < batch.batch; ++b) {
    bool empty = batch.empty(b), masked = !empty && !batch.present[b * batch.seq];
    if (masked && firstColumn == "error")
      return error("output '" + name + "' reads column 0, which the attention_mask of row " + llvm::Twine(b) +
                   " masks");
    if (empty || (masked && firstColumn == "zero"))
      std::fill_n(result.row(b), result.width(), 0.0);
  }
  return result;
}

/// The second axis, whose sequences are those of the first: one without tokens has no targets either.
static llvm::Expected<Batch> readTargets(func::FuncOp entry, const Batch &first, const NamedTensors &given) {
  Batch targets;
  targets.prefix = xf::targetPrefix;
  auto ids = given.find("input_ids");
  if (ids == given.end()) {
    if (!inputAttribute(entry, "decoder_input_ids", xf::XfDialect::shiftedAttr))
      return error("decoder_input_ids is missing");
    targets =
        shiftedTargets(first, inputInteger(entry, "decoder_input_ids", xf::XfDialect::firstIdAttr),
                       double(inputInteger(entry, "decoder_input_ids", xf::XfDialect::paddingIdAttr).value_or(-1)));
    if (auto mask = given.find("attention_mask"); mask != given.end()) {
      if (mask->second.shape != targets.padded.at("input_ids").shape)
        return error("decoder_attention_mask has shape " + shapeText(mask->second.shape) + ", but input_ids has " +
                     shapeText(targets.padded.at("input_ids").shape));
      for (auto [index, value] : llvm::enumerate(mask->second.values))
        targets.present[index] = value != 0;
    }
  } else {
    const bool padded = ids->second.shape.size() == 2 && !given.count("cu_seqlens");
    if (llvm::Error failure = padded ? readPadded(given, targets) : readRagged(given, targets))
      return failure;
    if (targets.batch != first.batch)
      return error("decoder_input_ids has " + llvm::Twine(targets.batch) + " sequences, but input_ids has " +
                   llvm::Twine(first.batch));
  }
  for (int64_t b = 0; b < first.batch; ++b)
    if (first.empty(b))
      std::fill_n(targets.present.begin() + b * targets.seq, targets.seq, false);
  if (llvm::Error failure = addDefaults(targets, entry))
    return failure;
  if (auto end = inputInteger(entry, "decoder_except_end", xf::XfDialect::paddingIdAttr)) {
    llvm::Expected<Tensor> others = exceptEnd(targets, first, double(*end));
    if (!others)
      return others.takeError();
    targets.padded["except_end"] = std::move(*others);
  }
  return targets;
}

/// The second axis where it is what tokens attend to, from before the run and of it.
static llvm::Expected<Batch> readMemories(func::FuncOp entry, const Batch &first, const NamedTensors &given) {
  llvm::Expected<RememberedRows> rows =
      rememberedRows(entry, given, first.batch, first.seq, first.present, first.padded.at("token_type_ids"));
  if (!rows)
    return rows.takeError();
  Batch memories;
  memories.prefix = xf::memoryPrefix;
  memories.batch = first.batch;
  memories.seq = rows->before + first.seq;
  memories.padded = std::move(rows->columns);
  memories.padded["attention_mask"] =
      Tensor({memories.batch, memories.seq}, std::vector<double>(rows->present.begin(), rows->present.end()));
  memories.present = std::move(rows->present);
  memories.rows = std::move(rows->rows);
  return memories;
}

/// The first axis, of texts: `inputs` are those of its tokens, padded or ragged.
static llvm::Expected<Batch> readTexts(func::FuncOp entry, const NamedTensors &given, const NamedTensors &inputs) {
  const Tensor &ids = inputs.at("input_ids");
  Batch batch;
  batch.choices = entry->hasAttr(xf::XfDialect::choicesAttr);
  if (batch.choices && (inputs.count("cu_seqlens") || ids.shape.size() != 3))
    return error("input_ids has shape " + shapeText(ids.shape) + "; this model takes [batch, choices, seq]");
  bool padded = batch.choices || (ids.shape.size() == 2 && !inputs.count("cu_seqlens"));
  if (llvm::Error failure = padded ? readPadded(inputs, batch) : readRagged(inputs, batch))
    return failure;
  for (auto [name, numbers] : {std::pair("prefix_lens", &batch.prefixes), {"mc_token_ids", &batch.chosen}})
    if (llvm::Error failure = readNumbers(name, given, ids, batch, *numbers))
      return failure;
  if (llvm::Error failure = addDefaults(batch, entry))
    return failure;
  return batch;
}

/// Images, none of whose tokens is padding.
static llvm::Expected<Batch> readImages(const NamedTensors &given, xf::ImageAttr image) {
  llvm::Expected<ImageTokens> tokens = imageTokens(given, image);
  if (!tokens)
    return tokens.takeError();
  Batch batch;
  batch.batch = tokens->batch;
  batch.seq = tokens->seq;
  batch.present.assign(batch.batch * batch.seq, true);
  batch.padded = std::move(tokens->ids);
  batch.padded["attention_mask"] = Tensor({batch.batch, batch.seq}, std::vector<double>(batch.present.size(), 1));
  batch.rows = std::move(tokens->rows);
  return batch;
}

llvm::Expected<NamedTensors> interpretEntry(func::FuncOp entry, const NamedTensors &given) {
  std::vector<StringRef> accepted = {"input_ids", "attention_mask", "token_type_ids", "position_ids", "cu_seqlens"};
  for (const char *name : {"langs", "prompt_mask", "global_attention_mask"}) // which few models take
    if (inputInteger(entry, name, xf::XfDialect::limitAttr))
      accepted.push_back(name);
  const bool remembers = bool(findInput(entry, "mems.0"));
  if (remembers)
    accepted.push_back("mems.N");
  if (findInput(entry, "prefix_lens"))
    accepted.push_back("prefix_lens");
  if (findInput(entry, "except_chosen"))
    accepted.push_back("mc_token_ids");
  for (unsigned index = 0; index < entry.getNumArguments(); ++index)
    if (auto name = entry.getArgAttrOfType<StringAttr>(index, xf::XfDialect::inputAttr);
        name && name.getValue().starts_with(xf::rotationsPrefix))
      accepted.push_back(name);
  const std::optional<int64_t> modalWidth = inputInteger(entry, "input_modal", xf::XfDialect::limitAttr);
  if (modalWidth)
    llvm::append_range(accepted, modalInputs());
  const auto image =
      llvm::dyn_cast_or_null<xf::ImageAttr>(inputAttribute(entry, "pixel_values", xf::XfDialect::imageAttr));
  if (image)
    accepted = {"pixel_values"};
  const bool hasTargets = bool(inputAttribute(entry, "decoder_input_ids", xf::XfDialect::inputAttr));
  if (hasTargets)
    llvm::append_range(accepted,
                       llvm::ArrayRef<StringRef>{"decoder_input_ids", "decoder_attention_mask", "decoder_cu_seqlens"});
  for (const auto &[name, tensor] : given)
    if (!llvm::is_contained(accepted, name) && !(remembers && isMemory(name)))
      return error("unknown input '" + name + "'; accepted are " + llvm::join(accepted, ", "));
  if (!image && !given.count("input_ids"))
    return error("input_ids is missing");
  std::optional<JoinedModal> joined;
  if (modalWidth) {
    llvm::Expected<JoinedModal> rows = joinModal(given, *modalWidth);
    if (!rows)
      return rows.takeError();
    joined = std::move(*rows);
  }
  NamedTensors inputs, ofTargets;
  for (const auto &[name, tensor] : joined ? joined->inputs : given)
    if (name != "prefix_lens" && name != "mc_token_ids" && !isMemory(name) &&
        !StringRef(name).starts_with(xf::rotationsPrefix)) // which are no rows of tokens
      (xf::axisOfInput(name) == xf::Rows::Targets ? ofTargets : inputs)[xf::inputOnAxis(name).str()] = tensor;
  const int64_t lead = joined ? joined->lead : 0;
  llvm::Expected<Batch> first = image ? readImages(given, image) : readTexts(entry, given, inputs);
  if (!first)
    return first.takeError();
  Batch &batch = *first;
  if (modalWidth)
    batch.rows["input_modal"] = vectorsOf(batch.padded["modal_ids"], given.at("input_modal"));
  Batch targets;
  if (hasTargets) {
    llvm::Expected<Batch> read = readTargets(entry, batch, ofTargets);
    if (!read)
      return read.takeError();
    targets = std::move(*read);
  }
  if (remembers) {
    llvm::Expected<Batch> read = readMemories(entry, batch, given);
    if (!read)
      return read.takeError();
    targets = std::move(*read);
  }
  if (auto limit = entry->getAttrOfType<IntegerAttr>(xf::XfDialect::positionLimitAttr))
    if (const int64_t longest = std::max(batch.seq - lead, remembers ? 0 : targets.seq); longest > limit.getInt())
      return error("sequences are " + llvm::Twine(longest) + " long; the model's positions end at " +
                   llvm::Twine(limit.getInt()));

  bool packedForm = false;
  std::vector<Tensor> arguments;
  for (unsigned index = 0; index < entry.getNumArguments(); ++index) {
    auto fullName = entry.getArgAttrOfType<StringAttr>(index, xf::XfDialect::inputAttr);
    auto type = cast<RankedTensorType>(entry.getArgument(index).getType());
    const bool onTargets = fullName && xf::axisOfInput(fullName) == xf::Rows::Targets;
    Batch &ofAxis = onTargets ? targets : batch;
    const auto name = fullName ? StringAttr::get(entry.getContext(), xf::inputOnAxis(fullName)) : StringAttr();
    if (name && name.getValue() == "cu_seqlens") {
      packedForm = true;
      arguments.push_back(cuSeqlens(ofAxis));
      continue;
    }
    if (name && ofAxis.rows.count(name.str())) {
      const Tensor &rows = ofAxis.rows[name.str()];
      arguments.push_back(type.getRank() == 2 ? pack(ofAxis, rows) : rows);
      continue;
    }
    if (name && name.getValue() == "prefix_lens") {
      arguments.push_back(prefixEnds(batch, bool(entry.getArgAttr(index, xf::XfDialect::countsTokensAttr))));
      continue;
    }
    if (auto firstId = entry.getArgAttrOfType<IntegerAttr>(index, xf::XfDialect::firstIdOfAttr)) {
      const int64_t count = entry.getArgAttrOfType<IntegerAttr>(index, xf::XfDialect::limitAttr).getInt();
      const Tensor ids = clusterIds(batch.padded["input_ids"], firstId.getInt(), count);
      arguments.push_back(type.getRank() == 1 ? pack(batch, ids) : ids);
      continue;
    }
    if (auto shape = entry.getArgAttrOfType<DenseI64ArrayAttr>(index, xf::XfDialect::shapeAttr)) {
      llvm::Expected<Tensor> rotations = givenRotations(name, shape, given);
      if (!rotations)
        return rotations.takeError();
      arguments.push_back(std::move(*rotations));
      continue;
    }
    if (name && name.getValue() == "row_columns") {
      arguments.push_back(rowColumns(batch));
      continue;
    }
    if (!name || !ofAxis.padded.count(name.str()))
      return error("argument " + llvm::Twine(index) + " of @" + entry.getSymName() + " is no input of the ABI");
    const bool isDerived =
        name != "input_ids" && !(onTargets ? ofTargets : inputs).count(name.str()); // and may be none
    Tensor values = ofAxis.padded[name.str()];
    if (auto limit = entry.getArgAttrOfType<IntegerAttr>(index, xf::XfDialect::limitAttr))
      for (size_t at = 0; at < values.values.size(); ++at) {
        if (!ofAxis.present[at])
          values.values[at] = 0; // what stands under padding is never looked at
        else if (values.values[at] < (isDerived ? -1 : 0) || values.values[at] >= limit.getInt())
          return error(fullName.getValue() + " holds " + llvm::Twine(int64_t(values.values[at])) + " in row " +
                       llvm::Twine(at / ofAxis.seq) + ", column " + llvm::Twine(at % ofAxis.seq) +
                       "; accepted are 0 to " + llvm::Twine(limit.getInt() - 1));
      }
    if (modalWidth && (name.getValue() == "input_ids" || name.getValue() == "modal_ids"))
      for (auto [id, vector] : llvm::zip_equal(values.values, batch.padded["modal_ids"].values))
        if (vector >= 0)
          id = name.getValue() == "modal_ids" ? 0 : -1;
    arguments.push_back(type.getRank() == 1 ? pack(ofAxis, values) : values);
  }

  llvm::Expected<std::vector<Tensor>> results = interpret(entry, arguments);
  if (!results)
    return results.takeError();
  NamedTensors outputs;
  for (auto [index, result] : llvm::enumerate(*results)) {
    auto text = [&](StringRef attribute) {
      auto value = entry.getResultAttrOfType<StringAttr>(index, attribute);
      return value ? value.getValue() : StringRef();
    };
    StringRef name = text(xf::XfDialect::outputAttr);
    StringRef rows = text(xf::XfDialect::rowsAttr);
    llvm::Expected<Tensor> output = rows == "tokens"           ? tokenOutput(batch, std::move(result), packedForm)
                                    : rows == "targets"        ? tokenOutput(targets, std::move(result), packedForm)
                                    : rows.ends_with("scores") ? scoreOutput(batch, std::move(result))
                                                               : sequenceOutput(batch, std::move(result), name,
                                                                                text(xf::XfDialect::firstColumnAttr));
    if (!output)
      return output.takeError();
    if (auto kept = entry.getResultAttrOfType<IntegerAttr>(index, xf::XfDialect::keptRowsAttr))
      output = keptRows(*output, kept.getInt());
    if (entry.getResultAttr(index, xf::XfDialect::squeezedAttr))
      output->shape.pop_back();
    if (entry.getResultAttr(index, xf::XfDialect::byChoiceAttr)) { // [sequences, ...]
      output->shape[0] = batch.choices;
      output->shape.insert(output->shape.begin(), given.at("input_ids").shape[0]);
    }
    outputs[name.str()] = std::move(*output);
  }
  return outputs;
}

} // namespace lathe
