#include "runtime/api/ImageRows.h"

#include "runtime/api/Interpolate.h"
#include "runtime/api/ShapeText.h"
#include "runtime/core/Checked.h"
#include "runtime/core/Status.h"

#include <string.h>

namespace lathe {
namespace {

/// The caller's images, and one of their tokens.
struct ImageToken {
  const lathe_image &form;
  const lathe_tensor &pixels; // [batch, channels, height, width]
  int64_t image, patch;       // patch < 0: a token that stands for none

  ImageToken(const Request &request, int64_t image, int64_t column)
      : form(*request.entry->image), pixels(*request.pixels), image(image), patch(column - form.lead) {}

  int64_t patchRows() const { return pixels.shape[2] / form.patch_height; }
  int64_t patchColumns() const { return pixels.shape[3] / form.patch_width; }
  int64_t patchRow() const { return patch / patchColumns(); }
  int64_t patchColumn() const { return patch % patchColumns(); }

  void copyPixels(char *row) const {
    const size_t lineBytes = size_t(form.patch_width) * sizeof(float); // of a patch
    const int64_t top = patchRow() * form.patch_height, left = patchColumn() * form.patch_width;
    for (int64_t channel = 0; channel < form.channels; ++channel)
      for (int64_t line = 0; line < form.patch_height; ++line, row += lineBytes) {
        const int64_t above = (image * form.channels + channel) * pixels.shape[2] + top + line;
        const int64_t from = above * pixels.shape[3] + left;
        memcpy(row, static_cast<const char *>(pixels.data) + from * int64_t(sizeof(float)), lineBytes);
      }
  }
};

} // namespace

lathe_status readImageShape(Request &request, lathe_error *error) {
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
  const Checked patches = Checked(pixels.shape[2] / image.patch_height) * (pixels.shape[3] / image.patch_width);
  const Checked columns = patches + image.lead, rows = columns * pixels.shape[0];
  if (!rows.valid || rows.value > INT32_MAX)
    return fail(error, LATHE_INVALID_ARGUMENT, "pixel_values: shape %s is too large", ShapeText(pixels).text);
  request.batch = request.sequences = pixels.shape[0];
  request.columns = request.longest = columns.value;
  request.rows = rows.value;
  return LATHE_OK;
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
  case LATHE_PIXEL_VALUES:
    return fill(int64_t(form.channels) * form.patch_height * form.patch_width,
                [&] { token.copyPixels(static_cast<char *>(row)); });
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

} // namespace lathe
