// Images as rows of tokens (lathe_image): behind this, an image is a sequence without padding.
#ifndef LATHE_RUNTIME_API_IMAGEROWS_H
#define LATHE_RUNTIME_API_IMAGEROWS_H

#include "runtime/api/Request.h"

namespace lathe {

/// Checks pixel_values or images, and says how many tokens of how many sequences they are.
lathe_status readImageShape(Request &request, lathe_error *error);

/// Writes what the token in `column` of image `image` has in one of the inputs that are made of images: a row of
/// floats, or an id. False if it is another input.
bool fillImageRow(const Request &request, lathe_input_kind kind, int64_t image, int64_t column, void *row);

/// Where the caller gives images of bytes: writes their patches among the rows of pixel_values, whose others are there.
lathe_status cutImages(lathe_context &context, const Request &request, void *rows, lathe_error *error);

} // namespace lathe

#endif
