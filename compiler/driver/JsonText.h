//===- JsonText.h - results as JSON text --------------------------------------===//
#ifndef LATHE_COMPILER_DRIVER_JSONTEXT_H
#define LATHE_COMPILER_DRIVER_JSONTEXT_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace lathe {

/// A number with 9 significant digits, which tell any two f32 apart, and always with a point or an exponent, so that
/// readers see that it is no integer. What JSON has no number for is null.
std::string floatText(double value);

/// The text of a result: the outer two levels a line each, what they hold in one line, so that a person can read it
/// and `grep` finds a record. Floats as floatText gives them; bytes that are not UTF-8 become U+FFFD.
std::string jsonText(const nlohmann::ordered_json &value);

/// A field inside nested objects, as text for a person; "?" where there is none. For manifests, which somebody may have
/// edited: nothing in one is taken for granted.
std::string fieldText(const nlohmann::json &object, std::initializer_list<const char *> path);

/// An object inside nested objects; an empty one where there is none.
nlohmann::json objectAt(const nlohmann::json &object, std::initializer_list<const char *> path);
/// A number of an object; 0 where there is none.
double numberAt(const nlohmann::json &object, const char *field);

/// An array of numbers.
nlohmann::ordered_json jsonArray(llvm::ArrayRef<float> values);

} // namespace lathe

#endif
