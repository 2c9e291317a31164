#include "compiler/import/checkpoint/Json.h"
#include "compiler/import/safetensors/MappedFile.h"
#include "compiler/import/safetensors/Quote.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>
#include <nlohmann/json.hpp>

using namespace lathe;
using llvm::ArrayRef;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::formatv;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;
using nlohmann::json;

namespace {

/// Builds the tree from the parser's events and stops at the first event that breaks a rule of ours. (The library's own
/// tree builder takes the last of two equal keys and nests without limit.)
class StrictTreeBuilder {
public:
  explicit StrictTreeBuilder(double (*readFloat)(StringRef text)) : readFloat(readFloat) {}

  json root;
  std::string message;

  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(int64_t value) { return add(value); }
  bool number_unsigned(uint64_t value) { return add(value); }
  bool number_float(double value, const std::string &text) { return add(readFloat ? readFloat(text) : value); }
  bool string(std::string &value) { return add(std::move(value)); }
  bool binary(json::binary_t &value) { return add(std::move(value)); }
  bool start_object(size_t) { return open(json::object()); }
  bool start_array(size_t) { return open(json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }

  bool key(std::string &name) {
    auto [field, isNew] = parents.back()->get_ref<json::object_t &>().emplace(name, nullptr);
    pending = &field->second;
    return isNew || fail(formatv("the key {0} is there twice in one object", quote(name)));
  }

  bool parse_error(size_t position, const std::string &, const nlohmann::detail::exception &error) {
    return fail(formatv("not valid JSON at byte {0}: {1}", position, jsonErrorText(error.what())));
  }

private:
  /// Puts a value where the events stand: the root, the field of the last key, or the end of an array.
  json &place(json value) {
    if (parents.empty())
      return root = std::move(value);
    if (parents.back()->is_array())
      return parents.back()->get_ref<json::array_t &>().emplace_back(std::move(value));
    return *pending = std::move(value);
  }

  bool add(json value) {
    place(std::move(value));
    return true;
  }

  bool open(json container) {
    if (parents.size() == maxJsonDepth)
      return fail(formatv("nested deeper than {0} levels", maxJsonDepth));
    parents.push_back(&place(std::move(container)));
    return true;
  }

  bool close() {
    parents.pop_back();
    return true;
  }

  bool fail(const Twine &text) {
    message = text.str();
    return false;
  }

  double (*readFloat)(StringRef text);
  std::vector<json *> parents; // containers still open; adding to the innermost moves none of these
  json *pending = nullptr;     // the field whose key came last
};

} // namespace

Expected<JsonDocument> JsonDocument::open(StringRef path, double (*readFloat)(StringRef text)) {
  Expected<MappedFile> file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  return parse(file->text(), path, readFloat);
}

Expected<JsonDocument> JsonDocument::parse(StringRef text, StringRef origin, double (*readFloat)(StringRef text)) {
  if (text.empty())
    return createStringError(formatv("'{0}': the file is empty; expected JSON", origin));
  if (text.size() > maxJsonBytes)
    return createStringError(formatv("'{0}': {1} bytes of JSON, the limit is {2}", origin, text.size(), maxJsonBytes));
  if (size_t nul = text.find('\0'); nul != StringRef::npos) // the parser would take it for the end
    return createStringError(formatv("'{0}': not valid JSON at byte {1}: a NUL byte", origin, nul));
  StrictTreeBuilder builder(readFloat);
  if (!json::sax_parse(text.begin(), text.end(), &builder))
    return createStringError(formatv("'{0}': {1}", origin, builder.message));
  return JsonDocument(std::make_shared<const std::string>(origin.str()),
                      std::make_shared<const json>(std::move(builder.root)));
}

/// A value as an error shows it.
static std::string describe(const json &value) {
  switch (value.type()) {
  case json::value_t::object:
    return "an object";
  case json::value_t::array:
    return "an array";
  case json::value_t::string:
    return quote(value.get_ref<const std::string &>());
  default: // null, a boolean or a number: its text is short
    return value.dump();
  }
}

JsonFields::JsonFields(const JsonDocument &document)
    : origin(document.origin()), object(document.root()), message(ownMessage) {
  if (!object.is_object())
    message = formatv("'{0}': the file holds {1}; expected an object", origin, describe(object));
}

JsonFields::JsonFields(StringRef origin, std::string prefix, const json &object, std::string &message)
    : origin(origin), prefix(std::move(prefix)), object(object), message(message) {}

const json *JsonFields::find(StringRef name) const {
  if (!object.is_object())
    return nullptr;
  auto field = object.find(name.str());
  return field == object.end() ? nullptr : &*field;
}

bool JsonFields::has(StringRef name) const { return find(name) != nullptr; }

std::vector<StringRef> JsonFields::names() const {
  std::vector<StringRef> all;
  if (object.is_object())
    for (const auto &[name, value] : object.get_ref<const json::object_t &>())
      all.push_back(name);
  return all;
}

void JsonFields::reject(StringRef name, const Twine &problem) {
  if (message.empty())
    message = formatv("'{0}': field '{1}{2}' {3}", origin, prefix, name, problem.str());
}

void JsonFields::mismatch(StringRef name, const json &found, const Twine &accepted) {
  reject(name, "is " + Twine(describe(found)) + "; accepted: " + accepted);
}

const json *JsonFields::findValue(StringRef name, bool hasFallback, const Twine &accepted) {
  const json *value = find(name);
  if (!value && !hasFallback)
    reject(name, "is missing; accepted: " + accepted);
  return value;
}

Error JsonFields::takeError() {
  if (message.empty())
    return Error::success();
  return createStringError(Twine(std::exchange(message, {})));
}

/// Whether a number is an integer that fits. Those beyond 64 bits are parsed as floats, and those beyond 63 bits would
/// turn negative.
static bool isIntegerWithin(const json &value, int64_t min, int64_t max) {
  const bool fits =
      value.is_number_integer() &&
      (!value.is_number_unsigned() || value.get<uint64_t>() <= uint64_t(std::numeric_limits<int64_t>::max()));
  return fits && value.get<int64_t>() >= min && value.get<int64_t>() <= max;
}

int64_t JsonFields::getInt(StringRef name, std::optional<int64_t> fallback, int64_t min, int64_t max) {
  std::string accepted = formatv("an integer from {0} to {1}", min, max);
  const json *value = findValue(name, fallback.has_value(), accepted);
  if (!value)
    return fallback.value_or(0);
  if (isIntegerWithin(*value, min, max))
    return value->get<int64_t>();
  mismatch(name, *value, accepted);
  return fallback.value_or(0);
}

double JsonFields::getFloat(StringRef name, std::optional<double> fallback, double min, double max) {
  std::string accepted;
  llvm::raw_string_ostream(accepted) << llvm::format("a number from %g to %g", min, max);
  const json *value = findValue(name, fallback.has_value(), accepted);
  if (!value)
    return fallback.value_or(0);
  if (value->is_number() && value->get<double>() >= min && value->get<double>() <= max)
    return value->get<double>();
  mismatch(name, *value, accepted);
  return fallback.value_or(0);
}

std::vector<double> JsonFields::getFloats(StringRef name, double min, double max) {
  std::string accepted;
  llvm::raw_string_ostream(accepted) << llvm::format("numbers from %g to %g", min, max);
  std::vector<double> numbers;
  const json *value = findValue(name, /*hasFallback=*/false, "an array of " + accepted);
  if (!value)
    return numbers;
  if (!value->is_array())
    return mismatch(name, *value, "an array of " + accepted), numbers;
  for (const json &element : *value) {
    const double number = element.is_number() ? element.get<double>() : NAN;
    if (!(number >= min && number <= max)) {
      mismatch(formatv("{0}[{1}]", name, numbers.size()).str(), element, accepted);
      break;
    }
    numbers.push_back(number);
  }
  return numbers;
}

std::string JsonFields::getString(StringRef name, std::optional<StringRef> fallback) {
  const json *value = findValue(name, fallback.has_value(), "a string");
  if (value && value->is_string())
    return value->get<std::string>();
  if (value)
    mismatch(name, *value, "a string");
  return fallback.value_or("").str();
}

bool JsonFields::getBool(StringRef name, std::optional<bool> fallback) {
  const json *value = findValue(name, fallback.has_value(), "true or false");
  if (value && value->is_boolean())
    return value->get<bool>();
  if (value)
    mismatch(name, *value, "true or false");
  return fallback.value_or(false);
}

SmallVector<bool> JsonFields::getBools(StringRef name, size_t count) {
  const std::string accepted = "an array of " + std::to_string(count) + " times true or false";
  SmallVector<bool> values(count, false);
  const json *value = findValue(name, /*hasFallback=*/false, accepted);
  if (!value)
    return values;
  const bool isList =
      value->is_array() && value->size() == count &&
      std::all_of(value->begin(), value->end(), [](const json &element) { return element.is_boolean(); });
  if (!isList)
    return mismatch(name, *value, accepted), values;
  for (size_t index = 0; index < count; ++index)
    values[index] = (*value)[index].get<bool>();
  return values;
}

std::optional<int64_t> JsonFields::getOptionalInt(StringRef name, int64_t min, int64_t max) {
  const json *value = find(name);
  if (!value || value->is_null())
    return std::nullopt;
  return getInt(name, std::nullopt, min, max);
}

std::optional<double> JsonFields::getOptionalFloat(StringRef name, double min, double max) {
  const json *value = find(name);
  if (!value || value->is_null())
    return std::nullopt;
  return getFloat(name, std::nullopt, min, max);
}

std::optional<bool> JsonFields::getOptionalBool(StringRef name) {
  const json *value = find(name);
  if (!value || value->is_null())
    return std::nullopt;
  return getBool(name);
}

/// An array of integers; nothing if it is something else.
std::optional<std::vector<int64_t>> JsonFields::readInts(const json &value, int64_t min, int64_t max) {
  if (!value.is_array() ||
      !llvm::all_of(value, [&](const json &element) { return isIntegerWithin(element, min, max); }))
    return std::nullopt;
  return value.get<std::vector<int64_t>>();
}

std::vector<int64_t> JsonFields::getIntOrInts(StringRef name, int64_t min, int64_t max) {
  const json *value = find(name);
  if (!value || value->is_null())
    return {};
  if (isIntegerWithin(*value, min, max))
    return {value->get<int64_t>()};
  if (std::optional<std::vector<int64_t>> list = readInts(*value, min, max))
    return *list;
  mismatch(name, *value, formatv("an integer from {0} to {1}, or an array of such", min, max));
  return {};
}

std::vector<std::vector<int64_t>> JsonFields::getIntLists(StringRef name, int64_t min, int64_t max) {
  const json *value = find(name);
  std::vector<std::vector<int64_t>> lists;
  if (!value || value->is_null())
    return lists;
  bool fits = value->is_array();
  for (size_t i = 0; fits && i < value->size(); ++i) {
    std::optional<std::vector<int64_t>> list = readInts((*value)[i], min, max);
    fits = list && !list->empty();
    if (fits)
      lists.push_back(*list);
  }
  if (fits)
    return lists;
  mismatch(name, *value, formatv("an array of arrays of integers from {0} to {1}", min, max));
  return {};
}

std::vector<std::pair<std::vector<int64_t>, double>> JsonFields::getWeightedLists(StringRef name, int64_t min,
                                                                                  int64_t max) {
  const json *value = find(name);
  std::vector<std::pair<std::vector<int64_t>, double>> lists;
  if (!value || value->is_null())
    return lists;
  bool fits = value->is_array();
  for (size_t i = 0; fits && i < value->size(); ++i) {
    const json &pair = (*value)[i];
    fits = pair.is_array() && pair.size() == 2 && pair[1].is_number();
    std::optional<std::vector<int64_t>> list = fits ? readInts(pair[0], min, max) : std::nullopt;
    fits = list && !list->empty();
    if (fits)
      lists.emplace_back(*list, pair[1].get<double>());
  }
  if (fits)
    return lists;
  mismatch(name, *value,
           formatv("an array of pairs, each of an array of integers from {0} to {1} and a number", min, max));
  return {};
}

bool JsonFields::isString(StringRef name) const {
  const json *value = find(name);
  return value && value->is_string();
}

std::string JsonFields::textOf(StringRef name) const {
  const json *value = find(name);
  return value ? value->dump(-1, ' ', /*ensure_ascii=*/false, json::error_handler_t::replace) : "";
}

std::optional<std::string> JsonFields::getOptionalString(StringRef name) {
  const json *value = find(name);
  if (!value || value->is_null())
    return std::nullopt;
  return getString(name);
}

std::vector<std::string> JsonFields::readStrings(StringRef name, const json &value, const Twine &accepted) {
  std::vector<std::string> strings;
  if (!value.is_array())
    mismatch(name, value, accepted);
  else
    for (const json &element : value) {
      if (!element.is_string()) {
        mismatch(formatv("{0}[{1}]", name, strings.size()).str(), element, "a string");
        break;
      }
      strings.push_back(element.get<std::string>());
    }
  return strings;
}

std::optional<std::vector<std::string>> JsonFields::getOptionalStrings(StringRef name) {
  const json *value = find(name);
  if (!value || value->is_null())
    return std::nullopt;
  return readStrings(name, *value, "an array of strings");
}

std::vector<std::string> JsonFields::getStringOrStrings(StringRef name) {
  const json *value = findValue(name, /*hasFallback=*/false, "a string or an array of strings");
  if (!value)
    return {};
  if (value->is_string())
    return {value->get<std::string>()};
  return readStrings(name, *value, "a string or an array of strings");
}

std::optional<std::vector<std::string>> JsonFields::getOptionalStringOrStrings(StringRef name) {
  const json *value = find(name);
  if (!value || value->is_null())
    return std::nullopt;
  return getStringOrStrings(name);
}

size_t JsonFields::chooseWord(StringRef name, StringRef found, ArrayRef<StringRef> words) {
  const StringRef *word = llvm::find(words, found);
  if (word != words.end())
    return word - words.begin();
  reject(name, "is " + quote(found) + "; accepted: " + llvm::join(words, ", "));
  return 0;
}

void JsonFields::readObject(StringRef name, llvm::function_ref<void(JsonFields &)> read) {
  const json *value = find(name);
  if (!value || value->is_null())
    return;
  if (!value->is_object())
    return mismatch(name, *value, "an object");
  JsonFields inner(origin, prefix + name.str() + ".", *value, message);
  read(inner);
}

Error JsonFields::readRootArray(const JsonDocument &document, llvm::function_ref<void(JsonFields &)> read) {
  const json &root = document.root();
  if (!root.is_array())
    return createStringError(
        formatv("'{0}': the file holds {1}; expected an array of objects", document.origin(), describe(root)));
  std::string message;
  for (size_t i = 0; i < root.size() && message.empty(); ++i) {
    JsonFields inner(document.origin(), formatv("[{0}].", i), root[i], message);
    if (root[i].is_object())
      read(inner);
    else
      message = formatv("'{0}': element [{1}] is {2}; expected an object", document.origin(), i, describe(root[i]));
  }
  return message.empty() ? Error::success() : createStringError(Twine(message));
}
