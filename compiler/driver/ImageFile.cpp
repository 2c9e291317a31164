//===- ImageFile.cpp - images from files ---------------------------------------===//
//
// Both libraries report errors by longjmp. What they jump over holds nothing that must be destroyed: a decoder's state
// and its pixels belong to an object outside.
//
//===----------------------------------------------------------------------===//
#include "compiler/driver/ImageFile.h"

#include "compiler/import/safetensors/Quote.h"

#include "llvm/Support/MemoryBuffer.h"

#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <jpeglib.h>
#include <png.h>

using llvm::createStringError;
using llvm::Error;
using llvm::StringRef;

namespace lathe {
namespace {

constexpr int channels = 3;

struct Decoder {
  StringRef file;
  ImageBytes image;
  std::jmp_buf failed;
  char message[512] = "";

  bool fits(int64_t rows, int64_t columns) {
    if (rows * columns <= maxImagePixels)
      return true;
    snprintf(message, sizeof message, "an image of %lld x %lld pixels; accepted are at most %lld pixels",
             static_cast<long long>(rows), static_cast<long long>(columns), static_cast<long long>(maxImagePixels));
    return false;
  }
  void resize(int64_t rows, int64_t columns) {
    image.rows = rows, image.columns = columns;
    image.pixels.resize(size_t(rows * columns * channels));
  }
  uint8_t *row(int64_t index) { return &image.pixels[size_t(index * image.columns * channels)]; }
};

//===----------------------------------------------------------------------===//
// PNG
//===----------------------------------------------------------------------===//

struct PngDecoder : Decoder {
  png_structp png = nullptr;
  png_infop info = nullptr;
  size_t read = 0;

  ~PngDecoder() { png_destroy_read_struct(&png, &info, nullptr); }
  bool decode();

private:
  static void fail(png_structp png, png_const_charp text) {
    auto *self = static_cast<PngDecoder *>(png_get_error_ptr(png));
    snprintf(self->message, sizeof self->message, "%s", text);
    std::longjmp(self->failed, 1);
  }
  static void ignore(png_structp, png_const_charp) {}
  static void take(png_structp png, png_bytep bytes, size_t count) {
    auto *self = static_cast<PngDecoder *>(png_get_io_ptr(png));
    if (count > self->file.size() - self->read)
      png_error(png, "the file ends early");
    std::memcpy(bytes, self->file.data() + self->read, count);
    self->read += count;
  }
};

bool PngDecoder::decode() {
  if (setjmp(failed))
    return false;
  png = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, fail, ignore);
  if (!png || !(info = png_create_info_struct(png)))
    return snprintf(message, sizeof message, "no memory"), false;
  png_set_read_fn(png, this, take);
  png_set_user_limits(png, 1 << 20, 1 << 20);
  png_read_info(png, info);
  if (!fits(png_get_image_height(png, info), png_get_image_width(png, info)))
    return false;
  png_set_expand(png); // palettes, and fewer bits than eight
  png_set_strip_16(png);
  png_set_gray_to_rgb(png);
  png_set_strip_alpha(png);
  const int passes = png_set_interlace_handling(png);
  png_read_update_info(png, info);
  resize(png_get_image_height(png, info), png_get_image_width(png, info));
  for (int pass = 0; pass < passes; ++pass)
    for (int64_t index = 0; index < image.rows; ++index)
      png_read_row(png, row(index), nullptr);
  png_read_end(png, nullptr);
  return true;
}

//===----------------------------------------------------------------------===//
// JPEG
//===----------------------------------------------------------------------===//

struct JpegDecoder : Decoder {
  jpeg_decompress_struct jpeg = {};
  jpeg_error_mgr errors = {};

  ~JpegDecoder() { jpeg_destroy_decompress(&jpeg); }
  bool decode();

private:
  static void fail(j_common_ptr jpeg) {
    auto *self = static_cast<JpegDecoder *>(jpeg->client_data);
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, text);
    snprintf(self->message, sizeof self->message, "%s", text);
    std::longjmp(self->failed, 1);
  }
  /// Warnings, of which the library makes data up: a file that ends early, or is damaged.
  static void warn(j_common_ptr jpeg, int level) {
    if (level < 0)
      jpeg->err->error_exit(jpeg);
  }
};

bool JpegDecoder::decode() {
  jpeg.err = jpeg_std_error(&errors);
  errors.error_exit = fail;
  errors.emit_message = warn;
  jpeg.client_data = this;
  if (setjmp(failed))
    return false;
  jpeg_create_decompress(&jpeg);
  jpeg.client_data = this; // creating cleared it
  jpeg_mem_src(&jpeg, reinterpret_cast<const unsigned char *>(file.data()), static_cast<unsigned long>(file.size()));
  jpeg_read_header(&jpeg, TRUE);
  if (jpeg.num_components != 1 && jpeg.num_components != 3)
    return snprintf(message, sizeof message, "a JPEG image of %d channels; accepted are 1 and 3", jpeg.num_components),
           false;
  if (!fits(jpeg.image_height, jpeg.image_width))
    return false;
  jpeg.out_color_space = JCS_RGB;
  jpeg_start_decompress(&jpeg);
  resize(jpeg.output_height, jpeg.output_width);
  while (jpeg.output_scanline < jpeg.output_height) {
    JSAMPROW line = row(jpeg.output_scanline);
    jpeg_read_scanlines(&jpeg, &line, 1);
  }
  jpeg_finish_decompress(&jpeg);
  return true;
}

template <typename D> llvm::Expected<ImageBytes> decodeAs(StringRef path, StringRef file) {
  D decoder;
  decoder.file = file;
  if (!decoder.decode())
    return createStringError(quote(path) + ": " + decoder.message);
  return std::move(decoder.image);
}

} // namespace

llvm::Expected<ImageBytes> readImageFile(StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return createStringError(quote(path) + ": " + buffer.getError().message());
  const StringRef file = (*buffer)->getBuffer();
  if (file.starts_with("\x89PNG\r\n\x1a\n"))
    return decodeAs<PngDecoder>(path, file);
  if (file.starts_with("\xff\xd8\xff"))
    return decodeAs<JpegDecoder>(path, file);
  return createStringError(quote(path) + ": neither a PNG nor a JPEG image");
}

} // namespace lathe
