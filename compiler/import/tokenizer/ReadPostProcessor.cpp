// The post-processors of a tokenizer.json.
#include "compiler/import/tokenizer/TokenizerJson.h"

#include "llvm/ADT/STLExtras.h"

using namespace lathe;

/// One of TemplateProcessing's two templates.
static std::vector<TemplateItem> readTemplate(JsonView items, JsonView specialTokens, const TokenizerSpec &spec,
                                              bool isPair) {
  std::vector<TemplateItem> result;
  for (const JsonView &item : items.elements()) {
    if (JsonView sequence = item["Sequence"]; !sequence.isAbsent()) {
      std::string name = sequence["id"].string();
      if (name != "A" && name != "B")
        sequence["id"].reject("'A' or 'B'");
      result.push_back({name == "A" ? templateFirst : templateSecond, int32_t(sequence["type_id"].number(INT32_MAX))});
      continue;
    }
    JsonView special = item["SpecialToken"];
    if (special.isAbsent()) {
      item.reject("a Sequence or a SpecialToken");
      continue;
    }
    for (const JsonView &id : specialTokens[special["id"].string()]["ids"].elements()) {
      uint32_t number = id.number(INT32_MAX);
      if (number >= spec.vocabulary.size())
        id.reject("an id of the vocabulary");
      result.push_back({int32_t(number), int32_t(special["type_id"].number(INT32_MAX))});
    }
  }
  auto count = [&](int32_t id) { return llvm::count_if(result, [&](TemplateItem item) { return item.id == id; }); };
  if (count(templateFirst) != 1 || count(templateSecond) != isPair)
    items.reject(isPair ? "a template with the sequences A and B once each" : "a template with the sequence A once");
  return result;
}

/// The two special tokens of Bert- and RobertaProcessing.
static std::pair<int32_t, int32_t> readClsSep(JsonView view, const TokenizerSpec &spec) {
  auto read = [&](const char *name) {
    std::vector<JsonView> parts = view[name].elements();
    uint32_t id = parts.size() == 2 ? parts[1].number(INT32_MAX) : UINT32_MAX;
    if (id >= spec.vocabulary.size())
      view[name].reject("a token and its id");
    return int32_t(id);
  };
  int32_t cls = read("cls");
  return {cls, read("sep")};
}

void TokenizerJson::readPostProcessor(JsonView view) {
  if (view.isNull())
    return;
  std::string type = view["type"].string();
  if (type == "Sequence") {
    for (const JsonView &inner : view["processors"].elements())
      readPostProcessor(inner);
  } else if (type == "TemplateProcessing") {
    spec.single = readTemplate(view["single"], view["special_tokens"], spec, /*isPair=*/false);
    spec.pair = readTemplate(view["pair"], view["special_tokens"], spec, /*isPair=*/true);
  } else if (type == "BertProcessing") {
    spec.setBertTemplate(readClsSep(view, spec));
  } else if (type == "RobertaProcessing") {
    spec.setRobertaTemplate(readClsSep(view, spec));
    spec.trimsOffsets = view["trim_offsets"].boolean();
    spec.trimsAfterPrefix = view["add_prefix_space"].boolean();
  } else if (type == "ByteLevel") {
    spec.trimsOffsets = view["trim_offsets"].boolean();
    spec.trimsAfterPrefix = view["add_prefix_space"].boolean();
  } else {
    rejectKind(view["type"],
               "BertProcessing, ByteLevel, RobertaProcessing, TemplateProcessing, a Sequence of them, or no "
               "post-processor");
  }
}
