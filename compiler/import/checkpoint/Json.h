// Reading the JSON files of a model directory: strictly, and with errors that name file and field.
#ifndef LATHE_COMPILER_IMPORT_CHECKPOINT_JSON_H
#define LATHE_COMPILER_IMPORT_CHECKPOINT_JSON_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/FunctionExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lathe {

constexpr uint64_t maxJsonBytes = 64 << 20;
constexpr size_t maxJsonDepth = 64;

/// A parsed file. Immutable, and cheap to copy.
class JsonDocument {
public:
  /// Reads a file of at most maxJsonBytes. Nesting beyond maxJsonDepth, a key given twice in one object, text that is
  /// not UTF-8 and anything but one JSON value are errors. `readFloat`, where given, says what the text of a number
  /// with a fraction or an exponent means, in place of the nearest double.
  static llvm::Expected<JsonDocument> open(llvm::StringRef path, double (*readFloat)(llvm::StringRef text) = nullptr);
  /// The same from memory; errors begin with `origin`.
  static llvm::Expected<JsonDocument> parse(llvm::StringRef text, llvm::StringRef origin,
                                            double (*readFloat)(llvm::StringRef text) = nullptr);

  llvm::StringRef origin() const { return *originText; }
  const nlohmann::json &root() const { return *value; }

private:
  JsonDocument(std::shared_ptr<const std::string> origin, std::shared_ptr<const nlohmann::json> value)
      : originText(std::move(origin)), value(std::move(value)) {}

  std::shared_ptr<const std::string> originText;
  std::shared_ptr<const nlohmann::json> value;
};

/// Typed access to the fields of an object. A getter whose field is wrong notes an error and returns the fallback, or
/// zero, so that a list of fields reads as a list and the caller looks once, at its end:
///
///   JsonFields fields(document);
///   config.layers = fields.getInt("num_hidden_layers", 12, 1, 1024);
///   config.eps = fields.getFloat("layer_norm_eps", 1e-12, 0, 1);
///   if (Error error = fields.takeError())
///     return error;
///
/// Without a fallback the field must be there. Null is not a value: only the getOptional functions take it, as absent.
/// The document must outlive its fields. The first error is kept. It names the file, the field, what was found and what
/// is accepted.
class JsonFields {
public:
  /// The fields of a document's root; an error is noted if that is no object.
  explicit JsonFields(const JsonDocument &document);
  JsonFields(const JsonFields &) = delete;
  JsonFields &operator=(const JsonFields &) = delete;

  bool has(llvm::StringRef name) const;
  std::vector<llvm::StringRef> names() const;

  int64_t getInt(llvm::StringRef name, std::optional<int64_t> fallback, int64_t min, int64_t max);
  double getFloat(llvm::StringRef name, std::optional<double> fallback, double min, double max);
  std::string getString(llvm::StringRef name, std::optional<llvm::StringRef> fallback = std::nullopt);
  bool getBool(llvm::StringRef name, std::optional<bool> fallback = std::nullopt);

  std::optional<int64_t> getOptionalInt(llvm::StringRef name, int64_t min, int64_t max);
  std::optional<bool> getOptionalBool(llvm::StringRef name);
  std::optional<double> getOptionalFloat(llvm::StringRef name, double min, double max);
  std::optional<std::string> getOptionalString(llvm::StringRef name);
  std::optional<std::vector<std::string>> getOptionalStrings(llvm::StringRef name);

  std::vector<double> getFloats(llvm::StringRef name, double min, double max);
  /// An array of so many; where it is none, they are false.
  llvm::SmallVector<bool> getBools(llvm::StringRef name, size_t count);

  /// A string or an array of strings, as one list.
  std::vector<std::string> getStringOrStrings(llvm::StringRef name);
  std::optional<std::vector<std::string>> getOptionalStringOrStrings(llvm::StringRef name);

  /// An integer or an array of such, as one list; and an array of arrays. Nothing where the field is absent or null.
  std::vector<int64_t> getIntOrInts(llvm::StringRef name, int64_t min, int64_t max);
  std::vector<std::vector<int64_t>> getIntLists(llvm::StringRef name, int64_t min, int64_t max);
  /// An array of pairs, each of a list of integers and a number: [[[1, 2], 0.5], ...]. Likewise.
  std::vector<std::pair<std::vector<int64_t>, double>> getWeightedLists(llvm::StringRef name, int64_t min, int64_t max);
  bool isString(llvm::StringRef name) const;
  /// The value as JSON has it; empty where there is none.
  std::string textOf(llvm::StringRef name) const;

  /// One of a few words, as the value that stands for it.
  template <typename T>
  T getChoice(llvm::StringRef name, std::optional<llvm::StringRef> fallback,
              llvm::ArrayRef<std::pair<llvm::StringRef, T>> choices) {
    std::vector<llvm::StringRef> words;
    for (const auto &[word, value] : choices)
      words.push_back(word);
    return choices[chooseWord(name, getString(name, fallback), words)].second;
  }

  /// Calls `read` with the fields of an object inside this one, whose errors count as this one's. Does nothing where
  /// the field is absent or null.
  void readObject(llvm::StringRef name, llvm::function_ref<void(JsonFields &)> read);
  /// The same for each object of a document whose root is an array.
  static llvm::Error readRootArray(const JsonDocument &document, llvm::function_ref<void(JsonFields &)> read);

  /// Notes that the field's value cannot be used: `problem` says what was found and what is accepted.
  void reject(llvm::StringRef name, const llvm::Twine &problem);

  /// The first error noted, once.
  llvm::Error takeError();

private:
  JsonFields(llvm::StringRef origin, std::string prefix, const nlohmann::json &object, std::string &message);

  const nlohmann::json *find(llvm::StringRef name) const;
  const nlohmann::json *findValue(llvm::StringRef name, bool hasFallback, const llvm::Twine &accepted);
  std::optional<std::vector<int64_t>> readInts(const nlohmann::json &value, int64_t min, int64_t max);
  void mismatch(llvm::StringRef name, const nlohmann::json &found, const llvm::Twine &accepted);
  std::vector<std::string> readStrings(llvm::StringRef name, const nlohmann::json &value, const llvm::Twine &accepted);
  size_t chooseWord(llvm::StringRef name, llvm::StringRef found, llvm::ArrayRef<llvm::StringRef> words);

  llvm::StringRef origin;
  std::string prefix; // the path to this object inside the file: "rope_parameters."
  const nlohmann::json &object;
  std::string ownMessage;
  std::string &message; // of the outermost object
};

} // namespace lathe

#endif // LATHE_COMPILER_IMPORT_CHECKPOINT_JSON_H
