#include "compiler/import/tokenizer/JsonView.h"

#include "compiler/import/safetensors/Quote.h"

using namespace lathe;
using llvm::StringRef;
using llvm::Twine;
using nlohmann::json;

llvm::Error lathe::fileError(StringRef path, const Twine &message) {
  return llvm::createStringError("'" + path + "': " + message);
}

llvm::Error lathe::takeProblem(const JsonDocument &document, std::string &problem) {
  return problem.empty() ? llvm::Error::success() : fileError(document.origin(), std::exchange(problem, {}));
}

void JsonView::fail(const Twine &message) const {
  if (problem->empty())
    *problem = path.empty() ? message.str() : ("field " + Twine(quote(path)) + " " + message).str();
}

void JsonView::reject(const Twine &accepted) const {
  std::string found = !value               ? "missing"
                      : value->is_object() ? "an object"
                      : value->is_array()  ? "an array"
                      : value->is_string() ? quote(value->get_ref<const std::string &>())
                                           : value->dump();
  fail("is " + Twine(found) + "; accepted: " + accepted);
}

JsonView JsonView::operator[](StringRef key) const {
  std::string inner = path.empty() ? key.str() : path + "." + key.str();
  if (!isObject()) {
    reject("an object");
    return {nullptr, inner, *problem};
  }
  auto field = value->find(key.str());
  return {field == value->end() ? nullptr : &*field, inner, *problem};
}

std::vector<JsonView> JsonView::elements() const {
  std::vector<JsonView> result;
  if (!value || !value->is_array()) {
    reject("an array");
    return result;
  }
  for (const json &element : *value)
    result.push_back({&element, path + "[" + std::to_string(result.size()) + "]", *problem});
  return result;
}

std::vector<std::pair<std::string, JsonView>> JsonView::fields() const {
  std::vector<std::pair<std::string, JsonView>> result;
  if (!isObject()) {
    reject("an object");
    return result;
  }
  for (const auto &[key, field] : value->get_ref<const json::object_t &>())
    result.emplace_back(key, JsonView(&field, path + "." + key, *problem));
  return result;
}

bool JsonView::boolean() const {
  if (value && value->is_boolean())
    return value->get<bool>();
  reject("true or false");
  return false;
}

std::string JsonView::string() const {
  if (isString())
    return value->get<std::string>();
  reject("a string");
  return "";
}

uint32_t JsonView::number(uint32_t limit) const {
  if (value && value->is_number_unsigned() && value->get<uint64_t>() <= limit)
    return uint32_t(value->get<uint64_t>());
  reject("an integer from 0 to " + Twine(limit));
  return 0;
}

double JsonView::real() const {
  if (value && value->is_number())
    return value->get<double>();
  reject("a number");
  return 0;
}
