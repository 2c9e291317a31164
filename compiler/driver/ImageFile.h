//===- ImageFile.h - images from files -----------------------------------------===//
#ifndef LATHE_COMPILER_DRIVER_IMAGEFILE_H
#define LATHE_COMPILER_DRIVER_IMAGEFILE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <vector>

namespace lathe {

/// u8 [rows, columns, 3].
struct ImageBytes {
  int64_t rows = 0, columns = 0;
  std::vector<uint8_t> pixels;
};

/// The most pixels that an image may have: what a file says of itself is not to take all memory.
constexpr int64_t maxImagePixels = int64_t(1) << 27;

/// Reads a PNG or JPEG file, told by its first bytes, as Pillow's `convert("RGB")` has it: grey and palettes spread to
/// three channels, 16 bits cut to 8, transparency and the file's own gamma and orientation left aside. Errors name the
/// file and what was found in it.
llvm::Expected<ImageBytes> readImageFile(llvm::StringRef path);

} // namespace lathe

#endif
