//===- Families.cpp - the list of families ------------------------------------===//
#include "compiler/import/families/Family.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace lathe {

#define LATHE_FAMILY(name) extern const Family name##Family;
#include "compiler/import/families/Families.def"

llvm::ArrayRef<const Family *> allFamilies() {
  static const Family *const families[] = {
#define LATHE_FAMILY(name) &name##Family,
#include "compiler/import/families/Families.def"
  };
  return families;
}

llvm::Expected<const Family *> findFamily(llvm::StringRef modelType) {
  SmallVector<StringRef> known;
  for (const Family *family : allFamilies()) {
    if (family->modelType == modelType)
      return family;
    known.push_back(family->modelType);
  }
  return llvm::createStringError("model_type '" + modelType +
                                 "' is not supported yet; supported are: " + llvm::join(known, ", "));
}

std::vector<ClassOfTask> classesOf(const Family &family) {
  static constexpr ClassEnding endings[] = {
      {"Model", Task::Base},
      {"ForMaskedLM", Task::MaskedLm},
      {"ForCausalLM", Task::CausalLm},
      {"ForNextSentencePrediction", Task::NextSentence},
      {"ForPreTraining", Task::Pretraining},
      {"ForSequenceClassification", Task::SequenceClassification},
      {"ForTokenClassification", Task::TokenClassification},
      {"ForQuestionAnswering", Task::QuestionAnswering},
      {"ForMultipleChoice", Task::MultipleChoice},
      {"ForConditionalGeneration", Task::Seq2SeqLm},
      {"EncoderModel", Task::Encoder},
      {"ForImageClassification", Task::ImageClassification},
      {"ModelWithProjection", Task::Projection},
  };
  std::vector<ClassOfTask> classes;
  for (ClassEnding general : endings) {
    if (!llvm::is_contained(family.tasks, general.task))
      continue;
    bool hasOwn = false;
    for (const ClassEnding &own : family.ownClasses)
      if (own.task == general.task) {
        classes.push_back({(family.classPrefix + own.name).str(), general.task});
        hasOwn = true;
      }
    if (!hasOwn)
      classes.push_back({(family.classPrefix + general.name).str(), general.task});
  }
  return classes;
}

llvm::Expected<Task> taskOfClass(const Family &family, llvm::StringRef architecture) {
  SmallVector<StringRef> known;
  const std::vector<ClassOfTask> classes = classesOf(family);
  for (const ClassOfTask &one : classes) {
    if (one.name == architecture)
      return one.task;
    known.push_back(one.name);
  }
  return llvm::createStringError("architecture '" + architecture + "' is not supported yet for model_type '" +
                                 family.modelType + "'; known are: " + llvm::join(known, ", "));
}

int64_t positionsByColumn(JsonFields &fields) { return fields.getInt("max_position_embeddings", 512, 1, 1 << 28); }
int64_t unlimitedPositions(JsonFields &) { return 0; }

void requireAbsolutePositions(JsonFields &fields) {
  if (std::string type = fields.getString("position_embedding_type", "absolute"); type != "absolute")
    fields.reject("position_embedding_type",
                  "found \"" + type + "\", which is not supported yet; accepted is \"absolute\"");
}

void requirePositionsBehind(JsonFields &fields, int64_t paddingId, int64_t positions) {
  if (paddingId + 2 > positions)
    fields.reject("max_position_embeddings", "found " + Twine(positions) + "; positions begin behind pad_token_id, " +
                                                 Twine(paddingId) + ", so accepted are " + Twine(paddingId + 2) +
                                                 " and more");
}

void requireWholeHeads(JsonFields &fields, int64_t hidden, int64_t heads) {
  if (hidden % std::max<int64_t>(heads, 1))
    fields.reject("hidden_size",
                  "found " + Twine(hidden) + ", which is no multiple of num_attention_heads " + Twine(heads));
}

void readLayerTypes(JsonFields &fields, std::vector<bool> &isLocal) {
  const auto kinds = fields.getOptionalStrings("layer_types");
  if (!kinds)
    return;
  if (kinds->size() != isLocal.size())
    return fields.reject("layer_types", "found " + Twine(kinds->size()) + " of them for " + Twine(isLocal.size()) +
                                            " layers; accepted is one for each");
  for (auto [layer, kind] : llvm::enumerate(*kinds)) {
    isLocal[layer] = kind == "sliding_attention";
    if (kind != "sliding_attention" && kind != "full_attention")
      fields.reject("layer_types", "found \"" + kind + "\"; accepted are full_attention and sliding_attention");
  }
}

} // namespace lathe
