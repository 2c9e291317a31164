//===- JsonText.cpp - results as JSON text ------------------------------------===//
#include "compiler/driver/JsonText.h"

#include "compiler/import/safetensors/Quote.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <nlohmann/json.hpp>

using Json = nlohmann::ordered_json;

namespace lathe {

std::string floatText(double value) {
  if (!std::isfinite(value))
    return "null";
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.9g", value);
  if (text.find_first_of(".e") == std::string::npos)
    text += ".0";
  return text;
}

Json jsonArray(llvm::ArrayRef<float> values) {
  Json array = Json::array();
  for (float value : values)
    array.push_back(value);
  return array;
}

std::string fieldText(const nlohmann::json &object, std::initializer_list<const char *> path) {
  const nlohmann::json *value = &object;
  for (const char *name : path) {
    if (!value->is_object() || !value->contains(name))
      return "?";
    value = &*value->find(name);
  }
  return printable(value->is_string() ? value->get_ref<const std::string &>() : value->dump());
}

nlohmann::json objectAt(const nlohmann::json &object, std::initializer_list<const char *> path) {
  const nlohmann::json *value = &object;
  for (const char *name : path) {
    if (!value->is_object() || !value->contains(name))
      return nlohmann::json::object();
    value = &*value->find(name);
  }
  return value->is_object() ? *value : nlohmann::json::object();
}

double numberAt(const nlohmann::json &object, const char *field) {
  if (!object.is_object() || !object.contains(field) || !object[field].is_number())
    return 0;
  return object[field].get<double>();
}

static std::string quoted(const std::string &text) {
  return Json(text).dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

/// Containers of the outer levels, unless they hold nothing but scalars, get a line per element.
static void write(llvm::raw_ostream &os, const Json &value, unsigned depth) {
  constexpr unsigned outerLevels = 2;
  if (value.is_number_float()) {
    os << floatText(value.get<double>());
    return;
  }
  if (value.is_string()) {
    os << quoted(value.get_ref<const std::string &>());
    return;
  }
  if (!value.is_structured()) {
    os << value.dump();
    return;
  }
  bool nested = std::any_of(value.begin(), value.end(), [](const Json &element) { return element.is_structured(); });
  bool lines = depth < outerLevels && nested;
  os << (value.is_object() ? '{' : '[');
  for (auto element = value.begin(); element != value.end(); ++element) {
    if (element != value.begin())
      os << (lines ? "," : ", ");
    if (lines)
      os << '\n', os.indent(2 * (depth + 1));
    if (value.is_object())
      os << quoted(element.key()) << ": ";
    write(os, *element, depth + 1);
  }
  if (lines)
    os << '\n', os.indent(2 * depth);
  os << (value.is_object() ? '}' : ']');
}

std::string jsonText(const Json &value) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  write(stream, value, 0);
  stream << '\n';
  return text;
}

} // namespace lathe
