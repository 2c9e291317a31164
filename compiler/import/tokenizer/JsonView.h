// Walking nested JSON. Where checkpoint/Json.h reads one object's fields, a tokenizer.json is a tree whose shape
// depends on its "type" fields. Everything wrong becomes one message that names the file, the field, what was found and
// what is accepted; reading goes on with harmless values, so that the code which reads a format says what the format
// is, not how it fails.
#ifndef LATHE_COMPILER_IMPORT_TOKENIZER_JSONVIEW_H
#define LATHE_COMPILER_IMPORT_TOKENIZER_JSONVIEW_H

#include "compiler/import/checkpoint/Json.h"
#include <nlohmann/json.hpp>

namespace lathe {

/// A value in a JSON file, or the absence of one. The document and the problem must outlive it.
class JsonView {
public:
  /// A document's root. `problem` gets the first thing found wrong.
  JsonView(const JsonDocument &document, std::string &problem) : JsonView(&document.root(), "", problem) {}

  /// The field of an object; absent ones give a view that isNull. Not an object: rejected.
  JsonView operator[](llvm::StringRef key) const;
  /// The elements of an array.
  std::vector<JsonView> elements() const;
  /// The fields of an object, in order of their keys' bytes.
  std::vector<std::pair<std::string, JsonView>> fields() const;

  /// Where it stands in the document ("model.vocab").
  const std::string &name() const { return path; }
  bool isAbsent() const { return !value; }
  bool isNull() const { return !value || value->is_null(); }
  bool isString() const { return value && value->is_string(); }
  bool isObject() const { return value && value->is_object(); }

  bool boolean() const;
  bool boolean(bool ifAbsent) const { return isAbsent() ? ifAbsent : boolean(); }
  std::string string() const;
  /// The same without a copy, of what isString.
  const std::string &text() const { return value->get_ref<const std::string &>(); }
  std::string string(llvm::StringRef ifNull) const { return isNull() ? ifNull.str() : string(); }
  /// A whole number in [0, limit].
  uint32_t number(uint32_t limit) const;
  /// Any number.
  double real() const;

  /// Notes that this value is not what is `accepted`.
  void reject(const llvm::Twine &accepted) const;
  /// Notes a problem with this value in other words; only a file's first problem is kept.
  void fail(const llvm::Twine &message) const;

private:
  JsonView(const nlohmann::json *value, std::string path, std::string &problem)
      : value(value), path(std::move(path)), problem(&problem) {}

  const nlohmann::json *value;
  std::string path; // "model.vocab"
  std::string *problem;
};

/// What the views of a document noted, as an error that names its file.
llvm::Error takeProblem(const JsonDocument &document, std::string &problem);

/// An error whose message begins with the file's path.
llvm::Error fileError(llvm::StringRef path, const llvm::Twine &message);

} // namespace lathe

#endif // LATHE_COMPILER_IMPORT_TOKENIZER_JSONVIEW_H
