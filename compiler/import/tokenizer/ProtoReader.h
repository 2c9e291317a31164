// Walks the fields of one message of protocol buffers (the wire format). What is wrong becomes one problem that names
// the byte, and ends the walk.
#ifndef LATHE_COMPILER_IMPORT_TOKENIZER_PROTOREADER_H
#define LATHE_COMPILER_IMPORT_TOKENIZER_PROTOREADER_H

#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Endian.h"
#include <cstring>
#include <string>

namespace lathe {

class ProtoReader {
public:
  /// `message` lies in a file, whose first byte is `file`.
  ProtoReader(llvm::StringRef message, const char *file, std::string &problem)
      : rest(message), file(file), problem(problem) {}

  /// Goes to the next field; false at the end.
  bool next() {
    if (rest.empty() || !problem.empty())
      return false;
    uint64_t tag = readVarint();
    number = uint32_t(tag >> 3);
    wire = uint32_t(tag & 7);
    if (tag >> 32 || !number)
      fail("a field with the number " + llvm::Twine(tag >> 3));
    else if (wire == 0)
      value = readVarint();
    else if (wire == 1)
      bytes = take(8);
    else if (wire == 2)
      bytes = take(readVarint());
    else if (wire == 5)
      bytes = take(4);
    else
      fail("a field of wire type " + llvm::Twine(wire));
    return problem.empty();
  }

  uint32_t field() const { return number; }

  /// The field's value. Each wants one wire type.
  uint64_t integer() { return expect(0) ? value : 0; }
  bool boolean() { return integer() != 0; }
  llvm::StringRef string() { return expect(2) ? bytes : ""; }
  ProtoReader message() { return {string(), file, problem}; }
  float real() {
    uint32_t bits = expect(5) ? llvm::support::endian::read32le(bytes.data()) : 0;
    float result;
    memcpy(&result, &bits, sizeof result);
    return result;
  }

  /// Notes what was found where the walk stands.
  void fail(const llvm::Twine &found) {
    if (problem.empty())
      problem = ("no SentencePiece model at byte " + llvm::Twine(rest.data() - file) + ": " + found).str();
  }

private:
  bool expect(uint32_t type) {
    if (problem.empty() && wire != type)
      fail("field " + llvm::Twine(number) + " has wire type " + llvm::Twine(wire) + "; accepted: " + llvm::Twine(type));
    return problem.empty();
  }
  uint64_t readVarint() {
    uint64_t result = 0;
    for (unsigned shift = 0; shift < 64 && !rest.empty(); shift += 7) {
      auto byte = uint8_t(rest[0]);
      rest = rest.drop_front();
      result |= uint64_t(byte & 0x7F) << shift;
      if (byte < 0x80)
        return result;
    }
    fail(rest.empty() ? "a number that the file ends in" : "a number of more than ten bytes");
    return 0;
  }
  llvm::StringRef take(uint64_t size) {
    if (size > rest.size()) {
      fail(llvm::Twine(size) + " bytes announced where " + llvm::Twine(rest.size()) + " are left");
      return "";
    }
    llvm::StringRef taken = rest.take_front(size);
    rest = rest.drop_front(size);
    return taken;
  }

  llvm::StringRef rest, bytes;
  const char *file;
  std::string &problem;
  uint32_t number = 0, wire = 0;
  uint64_t value = 0;
};

} // namespace lathe

#endif // LATHE_COMPILER_IMPORT_TOKENIZER_PROTOREADER_H
