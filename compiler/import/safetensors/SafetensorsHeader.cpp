#include "compiler/import/safetensors/SafetensorsHeader.h"
#include "compiler/import/safetensors/Quote.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FormatVariadic.h"
#include <nlohmann/json.hpp>

using namespace lathe;
using llvm::ArrayRef;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::formatv;
using llvm::StringRef;
using llvm::Twine;

namespace {

/// A tensor as the header tells it, nothing checked against the file yet.
struct HeaderEntry {
  TensorView tensor;
  uint64_t begin = 0, end = 0;
};

/// Reads the header's JSON as a stream of events, because a tree of 100 MB of JSON would take gigabytes. The header is
/// `{NAME: {"dtype": string, "shape": [int...], "data_offsets": [int, int]}..., "__metadata__": {string: string}}` and
/// nothing else, so depth is bounded by the grammar. The first event that does not fit ends the parse with a message.
class HeaderReader {
public:
  std::vector<HeaderEntry> entries;
  std::map<std::string, std::string> metadata;
  std::string message;

  bool start_object(size_t) {
    if (place == Place::Outside)
      return enter(Place::Names);
    if (place == Place::Entry && name == "__metadata__")
      return enter(Place::Metadata);
    if (place == Place::Entry) {
      if (entries.size() == maxSafetensorsTensors)
        return fail(formatv("more than {0} tensors", maxSafetensorsTensors));
      entries.emplace_back().tensor.name = name;
      seen.clear();
      return enter(Place::Fields);
    }
    return unexpected("an object");
  }

  bool end_object() {
    if (place == Place::Fields) {
      for (StringRef field : fieldNames)
        if (!llvm::is_contained(seen, field))
          return fail(formatv("tensor {0} has no \"{1}\"", quote(name), field));
      return enter(Place::Names);
    }
    return enter(place == Place::Metadata ? Place::Names : Place::Outside);
  }

  bool key(std::string &text) {
    if (place == Place::Metadata) {
      metadataKey = text;
      return true;
    }
    if (place == Place::Names) {
      name = text;
      return enter(Place::Entry);
    }
    if (!llvm::is_contained(fieldNames, text))
      return fail(formatv("tensor {0} has the unknown field {1}; known are \"dtype\", \"shape\" and \"data_offsets\"",
                          quote(name), quote(text)));
    if (llvm::is_contained(seen, text))
      return fail(formatv("tensor {0} has \"{1}\" twice", quote(name), text));
    seen.push_back(text);
    return enter(text == "dtype" ? Place::DTypeValue : text == "shape" ? Place::ShapeValue : Place::OffsetsValue);
  }

  bool string(std::string &text) {
    if (place == Place::Metadata) {
      if (!metadata.emplace(metadataKey, text).second)
        return fail(formatv("__metadata__ has {0} twice", quote(metadataKey)));
      return true;
    }
    if (place != Place::DTypeValue)
      return unexpected("a string");
    std::optional<DType> dtype = parseDType(text);
    if (!dtype)
      return fail(formatv("tensor {0} has the unknown dtype {1}; known are BOOL, U8 to U64, I8 to I64, F4 to F64, BF16 "
                          "and C64",
                          quote(name), quote(text)));
    entries.back().tensor.dtype = *dtype;
    return enter(Place::Fields);
  }

  bool start_array(size_t) {
    numbers.clear();
    if (place == Place::ShapeValue)
      return enter(Place::Shape);
    if (place == Place::OffsetsValue)
      return enter(Place::Offsets);
    return unexpected("an array");
  }

  bool end_array() {
    HeaderEntry &entry = entries.back();
    if (place == Place::Shape) {
      for (uint64_t dim : numbers) {
        if (dim > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
          return fail(formatv("tensor {0} has the dimension {1}, which overflows 63 bits", quote(name), dim));
        entry.tensor.shape.push_back(static_cast<int64_t>(dim));
      }
    } else {
      if (numbers.size() != 2)
        return fail(formatv("tensor {0} has {1} data_offsets; expected two", quote(name), numbers.size()));
      entry.begin = numbers[0];
      entry.end = numbers[1];
    }
    return enter(Place::Fields);
  }

  bool number_unsigned(uint64_t value) {
    if (place != Place::Shape && place != Place::Offsets)
      return unexpected("a number");
    if (numbers.size() == maxSafetensorsRank)
      return fail(formatv("tensor {0} has more than {1} dimensions", quote(name), maxSafetensorsRank));
    numbers.push_back(value);
    return true;
  }

  bool number_integer(int64_t value) { return unexpected(formatv("the negative number {0}", value)); }
  bool number_float(double, const std::string &text) { return unexpected("the number " + quote(text)); }
  bool boolean(bool) { return unexpected("a boolean"); }
  bool null() { return unexpected("null"); }
  bool binary(std::vector<uint8_t> &) { return unexpected("binary data"); }

  bool parse_error(size_t position, const std::string &, const nlohmann::detail::exception &error) {
    return fail(formatv("the header is not valid JSON at byte {0}: {1}", position, jsonErrorText(error.what())));
  }

private:
  enum class Place { Outside, Names, Entry, Metadata, Fields, DTypeValue, ShapeValue, OffsetsValue, Shape, Offsets };
  static constexpr StringRef fieldNames[] = {"dtype", "shape", "data_offsets"};

  bool enter(Place next) {
    place = next;
    return true;
  }

  bool fail(const Twine &text) {
    message = text.str();
    return false;
  }

  bool unexpected(const Twine &found) {
    switch (place) {
    case Place::Outside:
    case Place::Names:
      return fail("the header is " + found + "; expected an object of tensors");
    case Place::Metadata:
      return fail("__metadata__ field " + quote(metadataKey) + " is " + found + "; expected a string");
    case Place::Entry:
      return fail(quote(name) + " is " + found + "; expected an object");
    case Place::DTypeValue:
      return fail("tensor " + quote(name) + " has " + found + " as \"dtype\"; expected a string");
    case Place::ShapeValue:
    case Place::Shape:
    case Place::OffsetsValue:
    case Place::Offsets:
    case Place::Fields:
      return fail("tensor " + quote(name) + " has " + found + " in \"" + seen.back() +
                  "\"; expected an array of non-negative integers");
    }
    llvm_unreachable("all places are listed");
  }

  Place place = Place::Outside;
  std::string name, metadataKey;
  std::vector<std::string> seen; // fields of the current tensor
  std::vector<uint64_t> numbers; // of the current array
};

} // namespace

std::string lathe::shapeText(ArrayRef<int64_t> shape) {
  return formatv("[{0:$[, ]}]", llvm::make_range(shape.begin(), shape.end()));
}

/// What a file that is no safetensors file probably is; empty if there is no telling.
static StringRef guessFormat(StringRef text) {
  if (text.starts_with("PK\x03\x04") || text.starts_with("\x80\x02"))
    return "; it looks like a PyTorch pickle";
  if (text.starts_with("GGUF"))
    return "; it looks like a GGUF file";
  if (text.starts_with_insensitive("<!doctype") || text.starts_with_insensitive("<html"))
    return "; it looks like a web page, perhaps a failed download";
  return "";
}

static Error checkSizes(ArrayRef<HeaderEntry> entries, uint64_t dataBytes) {
  for (const HeaderEntry &entry : entries) {
    std::string name = quote(entry.tensor.name);
    StringRef dtype = dtypeName(entry.tensor.dtype);
    if (entry.begin > entry.end)
      return createStringError(
          formatv("tensor {0} has data_offsets [{1}, {2}], which end before they begin", name, entry.begin, entry.end));
    if (entry.end > dataBytes)
      return createStringError(formatv("tensor {0} has data_offsets [{1}, {2}] beyond the file's {3} bytes of data; is "
                                       "the file truncated?",
                                       name, entry.begin, entry.end, dataBytes));
    std::optional<uint64_t> expected = tensorBytes(entry.tensor.dtype, entry.tensor.shape);
    if (!expected)
      return createStringError(formatv("tensor {0} of type {1} has the impossible shape {2}: its bytes cannot be "
                                       "counted",
                                       name, dtype, shapeText(entry.tensor.shape)));
    if (entry.end - entry.begin != *expected)
      return createStringError(formatv(
          "tensor {0} of type {1} and shape {2} takes {3} bytes, but its data_offsets [{4}, "
          "{5}] hold {6}",
          name, dtype, shapeText(entry.tensor.shape), *expected, entry.begin, entry.end, entry.end - entry.begin));
  }
  return Error::success();
}

/// Sorts by place in the file and checks that each tensor begins where the one before it ends.
static Error checkCover(std::vector<HeaderEntry> &entries, uint64_t dataBytes) {
  llvm::sort(entries, [](const HeaderEntry &a, const HeaderEntry &b) {
    return std::tie(a.begin, a.end, a.tensor.name) < std::tie(b.begin, b.end, b.tensor.name);
  });
  uint64_t covered = 0;
  StringRef previous;
  for (const HeaderEntry &entry : entries) {
    if (entry.begin < covered)
      return createStringError(formatv("tensors {0} and {1} overlap at byte {2} of the data", quote(previous),
                                       quote(entry.tensor.name), entry.begin));
    if (entry.begin > covered)
      return createStringError(formatv("bytes {0} to {1} of the data, before tensor {2}, belong to no tensor", covered,
                                       entry.begin, quote(entry.tensor.name)));
    covered = entry.end;
    previous = entry.tensor.name;
  }
  if (covered != dataBytes)
    return createStringError(formatv("the last {0} bytes of the file belong to no tensor", dataBytes - covered));
  return Error::success();
}

static Expected<SafetensorsContents> parse(ArrayRef<uint8_t> bytes) {
  StringRef text(reinterpret_cast<const char *>(bytes.data()), bytes.size());
  if (bytes.empty())
    return createStringError("the file is empty");
  if (bytes.size() < 8)
    return createStringError(
        formatv("the file has {0} bytes, fewer than the 8 of a safetensors header length", bytes.size()));
  uint64_t headerBytes = llvm::support::endian::read64le(bytes.data());
  if (headerBytes > maxSafetensorsHeaderBytes)
    return createStringError(formatv("not a safetensors file: the header length is {0}, the limit {1}{2}", headerBytes,
                                     maxSafetensorsHeaderBytes, guessFormat(text)));
  if (headerBytes > bytes.size() - 8)
    return createStringError(formatv("the header length is {0}, but only {1} bytes follow; is the file truncated?{2}",
                                     headerBytes, bytes.size() - 8, guessFormat(text)));

  StringRef json = text.substr(8, headerBytes);
  if (!json.starts_with("{"))
    return createStringError("not a safetensors file: the header does not begin with '{'");
  if (size_t nul = json.find('\0'); nul != StringRef::npos) // the parser would take it for the end
    return createStringError(formatv("the header is not valid JSON at byte {0}: a NUL byte", nul));
  HeaderReader reader;
  if (!nlohmann::json::sax_parse(json.begin(), json.end(), &reader))
    return createStringError(Twine(reader.message));

  uint64_t dataBytes = bytes.size() - 8 - headerBytes;
  if (Error error = checkSizes(reader.entries, dataBytes))
    return error;
  if (Error error = checkCover(reader.entries, dataBytes))
    return error;

  SafetensorsContents contents;
  contents.metadata = std::move(reader.metadata);
  ArrayRef<uint8_t> data = bytes.drop_front(8 + headerBytes);
  for (HeaderEntry &entry : reader.entries) {
    entry.tensor.bytes = data.slice(entry.begin, entry.end - entry.begin);
    contents.tensors.push_back(std::move(entry.tensor));
  }
  auto byName = [](const TensorView &a, const TensorView &b) { return a.name < b.name; };
  llvm::sort(contents.tensors, byName);
  auto twin =
      llvm::adjacent_find(contents.tensors, [](const TensorView &a, const TensorView &b) { return a.name == b.name; });
  if (twin != contents.tensors.end())
    return createStringError(formatv("tensor {0} is there twice", quote(twin->name)));
  return contents;
}

Expected<SafetensorsContents> lathe::parseSafetensors(ArrayRef<uint8_t> bytes, StringRef origin) {
  Expected<SafetensorsContents> contents = parse(bytes);
  if (!contents)
    return createStringError(formatv("'{0}': {1}", origin, llvm::toString(contents.takeError())));
  return contents;
}
