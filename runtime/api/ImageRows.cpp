#include "runtime/api/ImageRows.h"

#include "runtime/api/Interpolate.h"
#include "runtime/api/ShapeText.h"
#include "runtime/core/Checked.h"
#include "runtime/core/Status.h"
#include "runtime/vision/FrontEnd.h"

#include <string.h>

namespace lathe {
namespace {

/// The caller's images, and one of their tokens.
struct ImageToken {
  const lathe_image &form;
  const lathe_tensor *pixels; // [batch, channels, height, width]; null: images of bytes
  int64_t image, patch;       // patch < 0: a token that stands for none

  ImageToken(const Request &request, int64_t image, int64_t column)
      : form(*request.entry->image), pixels(request.pixels), image(image), patch(column - form.lead) {}

  int64_t patchRows() const { return pixels ? pixels->shape[2] / form.patch_height : form.front_end->down; }
  int64_t patchColumns() const { return pixels ? pixels->shape[3] / form.patch_width : form.front_end->across; }
  int64_t patchRow() const { return patch / patchColumns(); }
  int64_t patchColumn() const { return patch % patchColumns(); }

  void copyPixels(char *row) const {
    const size_t lineBytes = size_t(form.patch_width) * sizeof(float); // of a patch
    const int64_t top = patchRow() * form.patch_height, left = patchColumn() * form.patch_width;
    for (int64_t channel = 0; channel < form.channels; ++channel)
      for (int64_t line = 0; line < form.patch_height; ++line, row += lineBytes) {
        const int64_t above = (image * form.channels + channel) * pixels->shape[2] + top + line;
        const int64_t from = above * pixels->shape[3] + left;
        memcpy(row, static_cast<const char *>(pixels->data) + from * int64_t(sizeof(float)), lineBytes);
      }
  }
};

/// One of these for each of the images.
lathe_status takeImages(Request &request, int64_t images, Checked patches, lathe_error *error) {
  const Checked columns = patches + request.entry->image->lead, rows = columns * images;
  if (!rows.valid || rows.value > INT32_MAX)
    return fail(error, LATHE_INVALID_ARGUMENT, "%s: shape %s is too large", request.given().name,
                ShapeText(request.given()).text);
  request.batch = request.sequences = images;
  request.columns = request.longest = columns.value;
  request.rows = rows.value;
  return LATHE_OK;
}

/// Those of bytes; what sizes they may have is seen when they are cut.
lathe_status readBytesShape(Request &request, lathe_error *error) {
  const lathe_image_front_end *front = request.entry->image->front_end;
  const lathe_tensor &images = *request.images;
  if (!front)
    return fail(error, LATHE_INVALID_ARGUMENT,
                "images: what the model was compiled from does not say how they are prepared "
                "(preprocessor_config.json); it takes pixel_values alone");
  if (request.pixels)
    return fail(error, LATHE_INVALID_ARGUMENT, "images and pixel_values are both given; accepted is one of them");
  if ((images.rank != 3 && images.rank != 4) || images.shape[images.rank - 1] != 3)
    return fail(error, LATHE_INVALID_ARGUMENT,
                "images is %s; it must be [height, width, 3], or [batch, height, width, 3]", ShapeText(images).text);
  return takeImages(request, images.rank == 4 ? images.shape[0] : 1, Checked(front->down) * front->across, error);
}

} // namespace

lathe_status readImageShape(Request &request, lathe_error *error) {
  if (request.images)
    return readBytesShape(request, error);
  const lathe_image &image = *request.entry->image;
  const bool resizes = image.resize != LATHE_RESIZE_NONE;
  char wanted[160];
  if (resizes)
    snprintf(wanted, sizeof wanted, "[batch, %d, height, width], of at least %d x %d", image.channels,
             image.patch_height, image.patch_width);
  else
    snprintf(wanted, sizeof wanted, "[batch, %d, %d, %d]", image.channels, image.height, image.width);
  if (!request.pixels)
    return fail(error, LATHE_INVALID_ARGUMENT, "pixel_values is missing; it must be %s", wanted);
  const lathe_tensor &pixels = *request.pixels;
  const bool fits =
      resizes ? pixels.rank == 4 && pixels.shape[2] >= image.patch_height && pixels.shape[3] >= image.patch_width
              : pixels.rank == 4 && pixels.shape[2] == image.height && pixels.shape[3] == image.width;
  if (!fits || pixels.shape[1] != image.channels)
    return fail(error, LATHE_INVALID_ARGUMENT, "pixel_values is %s; it must be %s", ShapeText(pixels).text, wanted);
  return takeImages(request, pixels.shape[0],
                    Checked(pixels.shape[2] / image.patch_height) * (pixels.shape[3] / image.patch_width), error);
}

bool fillImageRow(const Request &request, lathe_input_kind kind, int64_t image, int64_t column, void *row) {
  const ImageToken token(request, image, column);
  const lathe_image &form = token.form;
  auto fill = [&](int64_t width, auto &&write) {
    if (token.patch < 0)
      memset(row, 0, size_t(width) * sizeof(float));
    else
      write();
    return true;
  };
  auto put = [&](int64_t id) {
    *static_cast<int32_t *>(row) = int32_t(id);
    return true;
  };
  const auto resize = lathe_resize(form.resize);
  switch (kind) {
  case LATHE_PIXEL_VALUES: // of bytes, see cutImages
    return fill(int64_t(form.channels) * form.patch_height * form.patch_width, [&] {
      if (token.pixels)
        token.copyPixels(static_cast<char *>(row));
    });
  case LATHE_GRID_ROWS:
    return fill(form.grid_height, [&] {
      interpolationWeights(resize, form.grid_height, token.patchRows(), token.patchRow(), static_cast<float *>(row));
    });
  case LATHE_GRID_COLUMNS:
    return fill(form.grid_width, [&] {
      interpolationWeights(resize, form.grid_width, token.patchColumns(), token.patchColumn(),
                           static_cast<float *>(row));
    });
  case LATHE_LEAD_IDS:
    return put(token.patch < 0 ? column : form.lead);
  case LATHE_LEAD_MASK:
    return put(token.patch < 0);
  case LATHE_PATCH_MASK:
    return put(token.patch >= 0);
  default:
    return false;
  }
}

lathe_status cutImages(lathe_context &context, const Request &request, void *rows, lathe_error *error) {
  const lathe_image &form = *request.entry->image;
  const lathe_tensor &tensor = *request.images;
  const int64_t width = int64_t(form.channels) * form.patch_height * form.patch_width;
  const Images images = {static_cast<const uint8_t *>(tensor.data), request.batch, tensor.shape[tensor.rank - 3],
                         tensor.shape[tensor.rank - 2]};
  return cutPatches(context, *form.front_end, images, static_cast<float *>(rows) + form.lead * width,
                    request.columns * width, error);
}

} // namespace lathe
