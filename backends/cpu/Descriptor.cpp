//===- Descriptor.cpp - what the runtime reads about a program ----------------===//
//
// Constants laid out as the structs of runtime/include/lathe/program.h and abi.h. LLVM lays out a struct of these types
// as C does; each function below builds one struct, field by field in its order.
//
//===----------------------------------------------------------------------===//
#include "backends/cpu/Descriptor.h"

#include "backends/cpu/ImageKernels.h"
#include "backends/cpu/LoweredEntry.h"
#include "backends/cpu/Passes.h"
#include "ir/xf/TokenAxes.h"
#include "lathe/program.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace lathe {
namespace {

class DescriptorBuilder {
public:
  DescriptorBuilder(llvm::LLVMContext &context, const ProgramFacts &facts)
      : facts(facts), module(std::make_unique<llvm::Module>("descriptor", context)), builder(context) {
    module->setTargetTriple(llvm::Triple(targetTriple));
  }

  std::unique_ptr<llvm::Module> build(ModuleOp program);
  std::vector<std::string> functionNames;

private:
  llvm::Constant *i32(int64_t value) { return builder.getInt32(value); }
  llvm::Constant *i64(int64_t value) { return builder.getInt64(value); }
  llvm::Constant *null() { return llvm::ConstantPointerNull::get(builder.getPtrTy()); }
  llvm::Constant *structure(ArrayRef<llvm::Constant *> fields) { return llvm::ConstantStruct::getAnon(fields); }
  llvm::Constant *text(StringRef value) {
    return global(llvm::ConstantDataArray::getString(module->getContext(), value), "text");
  }
  /// A pointer to the elements, or null for none.
  llvm::Constant *array(ArrayRef<llvm::Constant *> elements, StringRef name) {
    if (elements.empty())
      return null();
    auto *type = llvm::ArrayType::get(elements.front()->getType(), elements.size());
    return global(llvm::ConstantArray::get(type, elements), name);
  }
  llvm::Constant *global(llvm::Constant *value, StringRef name) {
    return new llvm::GlobalVariable(*module, value->getType(), /*isConstant=*/true, llvm::GlobalValue::PrivateLinkage,
                                    value, name);
  }

  llvm::Constant *stepResult(DictionaryAttr result);
  llvm::Constant *sizeFormula(DictionaryAttr formula);
  llvm::Constant *io(StringRef name, lathe_dtype dtype, ArrayRef<int64_t> shape, bool optional);
  llvm::Constant *image(func::FuncOp function);
  llvm::Constant *frontEnd(xf::FrontEndAttr front, xf::ImageAttr image);
  llvm::Constant *functionAtEachLevel(StringRef symbol, llvm::FunctionType *type);
  llvm::Constant *entry(func::FuncOp function);
  SmallVector<llvm::Constant *> inputsOf(func::FuncOp function);
  SmallVector<llvm::Constant *> outputsOf(func::FuncOp function);
  llvm::Constant *entryInfo(StringRef name, ArrayRef<llvm::Constant *> inputs, ArrayRef<llvm::Constant *> outputs);
  llvm::Constant *similarity(ModuleOp program);
  llvm::Constant *similarityInfo(ModuleOp program);
  llvm::Constant *decoder(ModuleOp program);
  llvm::Constant *generation();
  llvm::Constant *embeddedWeights();
  llvm::Constant *prompts();
  void emitExport();

  const ProgramFacts &facts;
  std::unique_ptr<llvm::Module> module;
  llvm::IRBuilder<> builder;
};

/// lathe_step_result; null where a step has none.
llvm::Constant *DescriptorBuilder::stepResult(DictionaryAttr result) {
  auto field = [&](StringRef name) { return result ? result.getAs<IntegerAttr>(name).getInt() : 0; };
  return structure(
      {i32(field("slot")), i32(field("dtype")), i32(field("rows")), i64(field("width")), i64(field("stride"))});
}

/// lathe_size_formula
llvm::Constant *DescriptorBuilder::sizeFormula(DictionaryAttr formula) {
  auto number = [&](StringRef name) {
    auto value = formula ? formula.getAs<IntegerAttr>(name) : nullptr;
    return value ? value.getInt() : 0;
  };
  auto field = [&](StringRef name) { return i64(number(name)); };
  // Pairs of both axes are as many whichever of them the queries lie on.
  return structure({field("fixed"), field("per_token"), field("per_sequence"), field("per_longest"), field("per_score"),
                    field("per_target"), field("per_target_score"),
                    i64(number("per_cross_score") + number("per_memory_score"))});
}

/// On whichever axis.
std::optional<lathe_input_kind> inputKind(StringRef name) {
  if (name.starts_with(xf::memoriesPrefix))
    return LATHE_MEMORIES;
  if (name.starts_with("cluster_ids."))
    return LATHE_CLUSTER_IDS;
  if (name.starts_with(xf::rotationsPrefix))
    return LATHE_ROTATIONS;
  return llvm::StringSwitch<std::optional<lathe_input_kind>>(xf::inputOnAxis(name))
      .Case("input_ids", LATHE_INPUT_IDS)
      .Case("token_type_ids", LATHE_TOKEN_TYPE_IDS)
      .Case("position_ids", LATHE_POSITION_IDS)
      .Cases({"columns", "token_columns"}, LATHE_COLUMNS)
      .Case("cu_seqlens", LATHE_CU_SEQLENS)
      .Case("prefix_lens", LATHE_PREFIX_ENDS)
      .Case("row_columns", LATHE_ROW_COLUMNS)
      .Case("attention_mask", LATHE_ATTENTION_MASK)
      .Case("prompt_mask", LATHE_PROMPT_MASK)
      .Case("global_attention_mask", LATHE_GLOBAL_MASK)
      .Case("except_first", LATHE_EXCEPT_FIRST)
      .Case("block_globals", LATHE_BLOCK_GLOBALS)
      .Case("question_mask", LATHE_QUESTION_MASK)
      .Case("except_last", LATHE_EXCEPT_LAST)
      .Case("except_chosen", LATHE_EXCEPT_CHOSEN)
      .Case("previous_ids", LATHE_PREVIOUS_IDS)
      .Case("next_ids", LATHE_NEXT_IDS)
      .Case("langs", LATHE_LANGS)
      .Case("input_modal", LATHE_INPUT_MODAL)
      .Case("modal_ids", LATHE_MODAL_IDS)
      .Case("pixel_values", LATHE_PIXEL_VALUES)
      .Case("lead_ids", LATHE_LEAD_IDS)
      .Case("lead_mask", LATHE_LEAD_MASK)
      .Case("patch_mask", LATHE_PATCH_MASK)
      .Case("grid_rows", LATHE_GRID_ROWS)
      .Case("grid_columns", LATHE_GRID_COLUMNS)
      .Case("pages", LATHE_PAGES)
      .Case("cached", LATHE_CACHED)
      .Case("hidden", LATHE_HIDDEN)
      .Case("except_end", LATHE_EXCEPT_END)
      .Case("source_pages", LATHE_SOURCE_PAGES)
      .Case("source_lengths", LATHE_SOURCE_LENGTHS)
      .Default(std::nullopt);
}

/// What an output has one row of.
lathe_rows rowsOf(DictionaryAttr output) {
  return llvm::StringSwitch<lathe_rows>(textOf(output, xf::XfDialect::rowsAttr))
      .Cases({"scores", "memory_scores"}, LATHE_ROWS_SCORES)
      .Case("tokens", LATHE_ROWS_TOKENS)
      .Case("targets", LATHE_ROWS_TARGETS)
      .Default(LATHE_ROWS_SEQUENCES);
}

lathe_axis axisOf(DictionaryAttr input) {
  return xf::axisOfInput(textOf(input, xf::XfDialect::inputAttr)) == xf::Rows::Targets ? LATHE_AXIS_TARGETS
                                                                                       : LATHE_AXIS_TOKENS;
}

/// See lathe_entry_input.number.
int64_t numberOfInput(DictionaryAttr input) {
  if (auto first = input.getAs<IntegerAttr>(xf::XfDialect::firstIdOfAttr))
    return first.getInt();
  StringRef name = textOf(input, xf::XfDialect::inputAttr);
  int64_t layer = 0;
  if (name.consume_front(xf::memoriesPrefix))
    name.getAsInteger(10, layer);
  return layer;
}

bool hasTargets(func::FuncOp function) {
  return llvm::any_of(listOf(function, xf::XfDialect::inputsAttr),
                      [](DictionaryAttr input) { return axisOf(input) == LATHE_AXIS_TARGETS; });
}

lathe_globals globalsOf(DictionaryAttr input) {
  auto globals = input.getAs<xf::GlobalsAttr>(xf::XfDialect::globalsAttr);
  if (!globals)
    return LATHE_GLOBALS_NONE;
  switch (globals.getValue()) {
  case xf::Globals::FirstColumn:
    return LATHE_GLOBALS_FIRST_COLUMN;
  case xf::Globals::BeforeSeparators:
    return LATHE_GLOBALS_BEFORE_SEPARATORS;
  case xf::Globals::BehindSeparators:
    return LATHE_GLOBALS_BEHIND_SEPARATORS;
  }
  llvm_unreachable("every rule has its number");
}

/// lathe_image; null where the entry takes none.
llvm::Constant *DescriptorBuilder::image(func::FuncOp function) {
  const xf::ImageAttr image = imageOf(function);
  if (!image)
    return null();
  return global(
      structure({i32(image.getChannels()), i32(image.getHeight()), i32(image.getWidth()), i32(image.getPatchHeight()),
                 i32(image.getPatchWidth()), i32(image.getLead()), i32(image.getGridHeight()),
                 i32(image.getGridWidth()), i32(int64_t(image.getResize())), frontEnd(frontEndOf(function), image)}),
      "image");
}

// What the dialect names goes into the descriptor as the runtime's numbers.
static_assert(int(xf::Resize::None) == LATHE_RESIZE_NONE && int(xf::Resize::Bicubic) == LATHE_RESIZE_BICUBIC &&
              int(xf::Resize::BicubicAntialiased) == LATHE_RESIZE_BICUBIC_ANTIALIASED);
static_assert(int(xf::Sizing::Kept) == LATHE_SIZE_KEPT && int(xf::Sizing::Exact) == LATHE_SIZE_EXACT &&
              int(xf::Sizing::ShortestEdge) == LATHE_SIZE_SHORTEST_EDGE);
static_assert(int(xf::Resample::Nearest) == LATHE_NEAREST && int(xf::Resample::Lanczos) == LATHE_LANCZOS &&
              int(xf::Resample::Bilinear) == LATHE_BILINEAR && int(xf::Resample::Bicubic) == LATHE_BICUBIC &&
              int(xf::Resample::Box) == LATHE_BOX && int(xf::Resample::Hamming) == LATHE_HAMMING);

/// lathe_image_front_end; null where an entry has none.
llvm::Constant *DescriptorBuilder::frontEnd(xf::FrontEndAttr front, xf::ImageAttr image) {
  if (!front)
    return null();
  const ImageProgram program = imageProgramOf(front, image);
  auto *kernel = llvm::FunctionType::get(
      builder.getVoidTy(), {builder.getPtrTy(), builder.getInt64Ty(), builder.getInt64Ty(), builder.getPtrTy()}, false);
  return global(
      structure({i32(int64_t(front.getSizing())), i32(int64_t(front.getResample())), i64(front.getRows()),
                 i64(front.getColumns()), i64(front.getCrops()), i64(front.getImageRows()),
                 i64(front.getImageColumns()), i64(program.rows), i64(program.columns),
                 i64(front.getImageRows() / program.rows), i64(program.across),
                 functionAtEachLevel(imageHorizontalSymbol, kernel), functionAtEachLevel(imagePatchesSymbol, kernel)}),
      "front_end");
}

/// Its address at each level, null where there is no code for one: an array of a struct.
llvm::Constant *DescriptorBuilder::functionAtEachLevel(StringRef symbol, llvm::FunctionType *type) {
  SmallVector<llvm::Constant *> functions(LATHE_ISA_LEVELS, null());
  for (IsaLevel level : facts.levels) {
    std::string name = symbolAt(symbol, level);
    auto *defined = cast<llvm::Function>(module->getOrInsertFunction(name, type).getCallee());
    defined->setVisibility(llvm::GlobalValue::HiddenVisibility);
    functions[unsigned(level)] = defined;
    functionNames.push_back(name);
  }
  return llvm::ConstantArray::get(llvm::ArrayType::get(builder.getPtrTy(), LATHE_ISA_LEVELS), functions);
}

/// lathe_entry
llvm::Constant *DescriptorBuilder::entry(func::FuncOp function) {
  SmallVector<llvm::Constant *> inputs, outputs, steps;
  lathe_shift shift = LATHE_SHIFT_NONE;
  int64_t shiftId = 0, memories = 0, omittedMemory = 0, keptMemory = 0;
  for (DictionaryAttr input : listOf(function, xf::XfDialect::inputsAttr)) {
    const lathe_input_kind kind = *inputKind(textOf(input, xf::XfDialect::inputAttr));
    auto paddingId = input.getAs<IntegerAttr>(xf::XfDialect::paddingIdAttr);
    const bool separates = kind == LATHE_TOKEN_TYPE_IDS || kind == LATHE_QUESTION_MASK;
    const lathe_counts counts = input.contains(xf::XfDialect::countsTokensAttr) ? LATHE_COUNTS_TOKENS
                                : paddingId && separates                        ? LATHE_COUNTS_SEPARATORS
                                : paddingId                                     ? LATHE_COUNTS_IDS
                                                                                : LATHE_COUNTS_COLUMNS;
    auto number = [&](StringRef name) {
      auto value = input.getAs<IntegerAttr>(name);
      return i64(value ? value.getInt() : 0);
    };
    auto shape = input.getAs<DenseI64ArrayAttr>(xf::XfDialect::shapeAttr);
    auto extents = llvm::map_to_vector(shape ? shape.asArrayRef() : ArrayRef<int64_t>(),
                                       [&](int64_t extent) -> llvm::Constant * { return i64(extent); });
    inputs.push_back(structure(
        {i32(kind), number(xf::XfDialect::limitAttr), i32(counts), number(xf::XfDialect::paddingIdAttr),
         number(xf::XfDialect::omittedAttr), i32(axisOf(input)), i32(globalsOf(input)),
         number(xf::XfDialect::blockAttr), number(xf::XfDialect::repeatsAttr), i64(numberOfInput(input)),
         shape ? text(textOf(input, xf::XfDialect::inputAttr)) : null(), shape ? array(extents, "shape") : null()}));
    if (auto rows = input.getAs<IntegerAttr>(xf::XfDialect::memoryRowsAttr)) {
      ++memories;
      omittedMemory = rows.getInt();
    }
    if (input.contains(xf::XfDialect::shiftedAttr)) {
      auto first = input.getAs<IntegerAttr>(xf::XfDialect::firstIdAttr);
      shift = first ? LATHE_SHIFT_START : LATHE_SHIFT_WRAP;
      shiftId = (first ? first : paddingId).getInt();
    }
  }
  for (DictionaryAttr output : listOf(function, xf::XfDialect::outputsAttr)) {
    if (auto kept = output.getAs<IntegerAttr>(xf::XfDialect::keptRowsAttr))
      keptMemory = kept.getInt();
    auto firstColumn = llvm::StringSwitch<lathe_first_column>(textOf(output, xf::XfDialect::firstColumnAttr))
                           .Case("zero", LATHE_FIRST_COLUMN_ZERO)
                           .Case("error", LATHE_FIRST_COLUMN_ERROR)
                           .Default(LATHE_FIRST_COLUMN_UNUSED);
    outputs.push_back(
        structure({text(textOf(output, xf::XfDialect::outputAttr)), i32(rowsOf(output)), i32(firstColumn),
                   i64(output.getAs<IntegerAttr>("width").getInt()), i32(output.contains(xf::XfDialect::squeezedAttr)),
                   i32(output.contains(xf::XfDialect::byChoiceAttr))}));
  }
  for (const LoweredStep &step : stepsOf(function))
    steps.push_back(structure({text(step.name), text(step.kernel), stepResult(step.result)}));

  auto *functionType = llvm::FunctionType::get(builder.getInt32Ty(), {builder.getPtrTy()}, false);
  llvm::Constant *levels = functionAtEachLevel(function.getSymName(), functionType);
  auto limit = function->getAttrOfType<IntegerAttr>(xf::XfDialect::positionLimitAttr);
  return structure({text(entryName(function)),
                    i32(function->hasAttr(xf::XfDialect::denseAttr) ? LATHE_DENSE : LATHE_PACKED),
                    i32(inputs.size()),
                    array(inputs, "inputs"),
                    i32(outputs.size()),
                    array(outputs, "outputs"),
                    i64(limit ? limit.getInt() : 0),
                    sizeFormula(function->getAttrOfType<DictionaryAttr>(xf::XfDialect::arenaAttr)),
                    sizeFormula(function->getAttrOfType<DictionaryAttr>(xf::XfDialect::scratchAttr)),
                    i32(steps.size()),
                    array(steps, "steps"),
                    levels,
                    i32(function->hasAttr(xf::XfDialect::choicesAttr)),
                    i32(hasTargets(function)),
                    i32(shift),
                    i64(shiftId),
                    image(function),
                    i64(memories),
                    i64(omittedMemory),
                    i64(keptMemory)});
}

/// lathe_io
llvm::Constant *DescriptorBuilder::io(StringRef name, lathe_dtype dtype, ArrayRef<int64_t> shape, bool optional) {
  SmallVector<uint64_t> extents(shape.begin(), shape.end());
  extents.resize(LATHE_MAX_RANK);
  return structure({text(name), i32(dtype), i32(shape.size()),
                    llvm::ConstantDataArray::get(module->getContext(), ArrayRef<uint64_t>(extents)), i32(optional)});
}

/// What callers may give: the padded form, which every entry takes.
SmallVector<llvm::Constant *> DescriptorBuilder::inputsOf(func::FuncOp function) {
  const SmallVector<int64_t> rows(function->hasAttr(xf::XfDialect::choicesAttr) ? 3 : 2, -1);
  SmallVector<llvm::Constant *> inputs;
  if (const xf::ImageAttr image = imageOf(function)) {
    const bool resizes = image.getResize() != xf::Resize::None;
    const bool takesBytes = bool(frontEndOf(function)); // one of both
    inputs = {io("pixel_values", LATHE_F32,
                 {-1, image.getChannels(), resizes ? -1 : image.getHeight(), resizes ? -1 : image.getWidth()},
                 takesBytes)};
    if (takesBytes)
      inputs.push_back(io("images", LATHE_U8, {-1, -1, -1, image.getChannels()}, true));
  } else {
    inputs = {io("input_ids", LATHE_I64, rows, false), io("attention_mask", LATHE_I64, rows, true)};
  }
  for (DictionaryAttr input : listOf(function, xf::XfDialect::inputsAttr)) {
    StringRef inputName = textOf(input, xf::XfDialect::inputAttr);
    if (inputName == "decoder_input_ids") {
      inputs.push_back(io(inputName, LATHE_I64, rows, input.contains(xf::XfDialect::shiftedAttr)));
      inputs.push_back(io("decoder_attention_mask", LATHE_I64, rows, true));
    }
    if (isOffered(inputName))
      inputs.push_back(io(inputName, LATHE_I64, rows, true));
    if (StringRef name = offeredOfSequences(inputName); !name.empty())
      inputs.push_back(io(name, LATHE_I64, ArrayRef(rows).drop_back(), true));
    if (inputName.starts_with(xf::memoriesPrefix))
      inputs.push_back(
          io(inputName, LATHE_F32, {-1, -1, input.getAs<IntegerAttr>(xf::XfDialect::limitAttr).getInt()}, true));
    if (auto shape = input.getAs<DenseI64ArrayAttr>(xf::XfDialect::shapeAttr))
      inputs.push_back(io(inputName, LATHE_F32, shape, true));
    if (inputName == "input_modal") {
      inputs.push_back(
          io(inputName, LATHE_F32, {-1, -1, input.getAs<IntegerAttr>(xf::XfDialect::limitAttr).getInt()}, false));
      for (const auto &[name, rank] : besideModal)
        inputs.push_back(io(name, LATHE_I64, SmallVector<int64_t>(rank, -1), true));
    }
  }
  return inputs;
}

SmallVector<llvm::Constant *> DescriptorBuilder::outputsOf(func::FuncOp function) {
  SmallVector<llvm::Constant *> outputs;
  for (DictionaryAttr output : listOf(function, xf::XfDialect::outputsAttr)) {
    int64_t width = output.getAs<IntegerAttr>("width").getInt();
    SmallVector<int64_t> shape(output.contains(xf::XfDialect::byChoiceAttr) ? 2 : 1, -1); // of sequences
    if (rowsOf(output) == LATHE_ROWS_TOKENS || rowsOf(output) == LATHE_ROWS_TARGETS)
      shape.push_back(-1);
    if (!output.contains(xf::XfDialect::squeezedAttr))
      shape.push_back(width);
    if (rowsOf(output) == LATHE_ROWS_SCORES)
      shape = {-1, width, -1, -1};
    outputs.push_back(io(textOf(output, xf::XfDialect::outputAttr), LATHE_F32, shape, false));
  }
  return outputs;
}

/// lathe_entry_info
llvm::Constant *DescriptorBuilder::entryInfo(StringRef name, ArrayRef<llvm::Constant *> inputs,
                                             ArrayRef<llvm::Constant *> outputs) {
  return structure({text(name), i64(inputs.size()), array(inputs, "input_infos"), i64(outputs.size()),
                    array(outputs, "output_infos")});
}

/// lathe_similarity; null where a program has none.
llvm::Constant *DescriptorBuilder::similarity(ModuleOp program) {
  const xf::SimilarityAttr similarity = xf::similarityOf(program);
  if (!similarity)
    return null();
  auto indexOf = [&](StringAttr name) {
    const auto entries = publicEntries(program);
    return i32(llvm::find_if(entries, [&](func::FuncOp entry) { return entryName(entry) == name; }) - entries.begin());
  };
  auto number = [&](FloatAttr value) { return llvm::ConstantFP::get(builder.getDoubleTy(), value.getValueAsDouble()); };
  return global(structure({text(xf::similarityEntry), indexOf(similarity.getText()), indexOf(similarity.getImage()),
                           number(similarity.getScale()), number(similarity.getBias())}),
                "similarity");
}

/// Of that: what its two entries take and give, and what the runtime makes of the latter.
llvm::Constant *DescriptorBuilder::similarityInfo(ModuleOp program) {
  SmallVector<llvm::Constant *> inputs,
      outputs = {io("logits_per_image", LATHE_F32, {-1, -1}, false), io("logits_per_text", LATHE_F32, {-1, -1}, false)};
  for (func::FuncOp entry : comparedEntries(program)) {
    llvm::append_range(inputs, inputsOf(entry));
    llvm::append_range(outputs, outputsOf(entry));
  }
  return entryInfo(xf::similarityEntry, inputs, outputs);
}

/// As the assembler's strings want it: a path may hold quotes.
static std::string escapedPath(StringRef path) {
  std::string text;
  for (unsigned char c : path)
    text += llvm::isPrint(c) && c != '"' && c != '\\' ? std::string(1, c)
                                                      : llvm::formatv("\\{0}{1}{2}", c >> 6, c >> 3 & 7, c & 7).str();
  return text;
}

llvm::Constant *DescriptorBuilder::embeddedWeights() {
  if (facts.embeddedWeightsPath.empty())
    return null();
  // The assembler reads the file; no path remains in the object.
  module->appendModuleInlineAsm(".section .lathe_weights,\"a\",@progbits\n"
                                ".balign 64\n"
                                ".hidden lathe_embedded_weights\n"
                                ".globl lathe_embedded_weights\n"
                                "lathe_embedded_weights:\n"
                                ".incbin \"" +
                                escapedPath(facts.embeddedWeightsPath) +
                                "\"\n"
                                ".size lathe_embedded_weights, .-lathe_embedded_weights\n");
  auto *weights = new llvm::GlobalVariable(*module, builder.getInt8Ty(), true, llvm::GlobalValue::ExternalLinkage,
                                           nullptr, "lathe_embedded_weights");
  weights->setVisibility(llvm::GlobalValue::HiddenVisibility);
  return weights;
}

/// lathe_prompt
llvm::Constant *DescriptorBuilder::prompts() {
  return array(llvm::map_to_vector(facts.prompts,
                                   [&](const ProgramFacts::Prompt &prompt) {
                                     return structure({text(prompt.name), text(prompt.text), i32(prompt.isDefault)});
                                   }),
               "prompts");
}

/// lathe_decoder, from the entries that DeriveDecode made.
llvm::Constant *DescriptorBuilder::decoder(ModuleOp program) {
  func::FuncOp decode = xf::findDerivedEntry(program, "decode"), logits = xf::findDerivedEntry(program, "logits"),
               best = xf::findDerivedEntry(program, "best");
  if (!decode || !logits || !best)
    return null();
  auto pageBytes = [](func::FuncOp function) {
    return function->getAttrOfType<IntegerAttr>(xf::XfDialect::pageBytesAttr).getInt();
  };
  func::FuncOp source = xf::findDerivedEntry(program, "source");
  return global(structure({entry(decode), entry(logits), entry(best), i64(pageBytes(decode)), generation(),
                           source ? global(entry(source), "source") : null(), i64(source ? pageBytes(source) : 0)}),
                "decoder");
}

/// lathe_generate_options
llvm::Constant *DescriptorBuilder::generation() {
  const lathe_generate_options &o = facts.generation;
  auto number = [&](double value) { return llvm::ConstantFP::get(builder.getDoubleTy(), value); };
  auto ids = [&](ArrayRef<int32_t> list) {
    return array(llvm::map_to_vector(list, [&](int32_t id) { return i32(id); }), "ids");
  };
  auto words = llvm::map_to_vector(
      facts.badWords, [&](const std::vector<int32_t> &word) { return structure({ids(word), i64(word.size())}); });
  auto biases = llvm::map_to_vector(facts.biases, [&](const std::pair<std::vector<int32_t>, double> &given) {
    return structure({ids(given.first), i64(given.first.size()), number(given.second)});
  });
  auto stop = llvm::map_to_vector(facts.stopStrings, [&](const std::string &string) { return text(string); });
  llvm::Constant *value = structure({i64(sizeof o),
                                     i64(o.max_new_tokens),
                                     i64(o.max_length),
                                     i64(o.min_new_tokens),
                                     i64(o.min_length),
                                     i32(o.num_beams),
                                     i32(o.num_beam_groups),
                                     number(o.diversity_penalty),
                                     number(o.length_penalty),
                                     i32(o.early_stopping),
                                     i32(o.num_return_sequences),
                                     i32(o.do_sample),
                                     number(o.temperature),
                                     i64(o.top_k),
                                     number(o.top_p),
                                     number(o.min_p),
                                     number(o.typical_p),
                                     i64(int64_t(o.seed)),
                                     number(o.repetition_penalty),
                                     number(o.presence_penalty),
                                     number(o.frequency_penalty),
                                     i64(o.no_repeat_ngram_size),
                                     array(words, "bad_words"),
                                     i64(words.size()),
                                     i32(o.forced_bos_id),
                                     i32(o.forced_eos_id),
                                     ids(facts.eosIds),
                                     i64(facts.eosIds.size()),
                                     i32(o.pad_id),
                                     array(stop, "stop"),
                                     i64(stop.size()),
                                     null(),
                                     null(),
                                     null(),
                                     i32(o.decoder_start_id),
                                     null(),
                                     null(),
                                     number(o.encoder_repetition_penalty),
                                     i64(o.encoder_no_repeat_ngram_size),
                                     array(biases, "biases"),
                                     i64(biases.size()),
                                     structure({ids(facts.suppressed), i64(facts.suppressed.size())}),
                                     structure({ids(facts.suppressedFirst), i64(facts.suppressedFirst.size())}),
                                     i64(o.decay_start),
                                     number(o.decay_factor),
                                     number(o.epsilon_cutoff),
                                     number(o.eta_cutoff),
                                     i32(o.renormalize_logits),
                                     null(),
                                     i64(o.num_assistant_tokens),
                                     i32(o.num_assistant_tokens_schedule),
                                     number(o.assistant_confidence_threshold)});
  assert(module->getDataLayout().getTypeAllocSize(value->getType()) == sizeof o && "the struct's fields, in order");
  return global(value, "generation");
}

/// const lathe_api *lathe_NAME(void) { return lathe_runtime_api(); }
void DescriptorBuilder::emitExport() {
  auto *type = llvm::FunctionType::get(builder.getPtrTy(), false);
  auto *api = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, "lathe_runtime_api", *module);
  api->setVisibility(llvm::GlobalValue::HiddenVisibility);
  auto *exported = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, "lathe_" + facts.name, *module);
  builder.SetInsertPoint(llvm::BasicBlock::Create(module->getContext(), "", exported));
  builder.CreateRet(builder.CreateCall(api));
}

std::unique_ptr<llvm::Module> DescriptorBuilder::build(ModuleOp program) {
  SmallVector<llvm::Constant *> entries, infos;
  if (xf::similarityOf(program))
    infos.push_back(similarityInfo(program));
  for (func::FuncOp function : publicEntries(program)) {
    entries.push_back(entry(function));
    infos.push_back(entryInfo(entryName(function), inputsOf(function), outputsOf(function)));
  }
  // lathe_program
  llvm::Constant *value =
      structure({i32(LATHE_PROGRAM_VERSION), text(facts.name), text(facts.buildId), i64(facts.weightsBytes),
                 i32(entries.size()), array(entries, "entries"), array(infos, "entry_infos"), i64(facts.maxLength),
                 embeddedWeights(), i32(facts.prompts.size()), prompts(), decoder(program), similarity(program)});
  auto *global = new llvm::GlobalVariable(*module, value->getType(), true, llvm::GlobalValue::ExternalLinkage, value,
                                          "lathe_program_v1");
  global->setVisibility(llvm::GlobalValue::HiddenVisibility);
  emitExport();
  return std::move(module);
}

} // namespace

llvm::Expected<ObjectBytes> emitDescriptor(ModuleOp program, const ProgramFacts &facts) {
  for (auto function : program.getOps<func::FuncOp>())
    if (function->hasAttr(xf::XfDialect::entryAttr))
      for (DictionaryAttr input : listOf(function, xf::XfDialect::inputsAttr))
        if (!inputKind(textOf(input, xf::XfDialect::inputAttr)))
          return llvm::createStringError("the runtime has no input '" + textOf(input, xf::XfDialect::inputAttr) + "'");
  llvm::LLVMContext context;
  DescriptorBuilder builder(context, facts);
  std::unique_ptr<llvm::Module> module = builder.build(program);
  SmallVector<StringRef> undefined(builder.functionNames.begin(), builder.functionNames.end());
  undefined.push_back("lathe_runtime_api");
  std::string exported = "lathe_" + facts.name;
  return emitLLVMModule(std::move(module), {.exported = exported, .undefined = undefined});
}

} // namespace lathe
