// From images to what a model's vision tower reads: rows of patches.
#ifndef LATHE_RUNTIME_VISION_FRONTEND_H
#define LATHE_RUNTIME_VISION_FRONTEND_H

#include "runtime/core/Context.h"

namespace lathe {

/// Images of one size, one behind the other: u8 [count, rows, columns, 3].
struct Images {
  const uint8_t *pixels;
  int64_t count, rows, columns;
};

/// Writes each image's patches, f32 [down * across, 3, patch_rows, patch_columns], those of the next image `stride`
/// floats behind. Works on the context's threads, in memory of the context. Sizes that the front end has no use for are
/// an error, and so is a run that is cancelled.
lathe_status cutPatches(lathe_context &context, const lathe_image_front_end &front, const Images &images,
                        float *patches, int64_t stride, lathe_error *error);

} // namespace lathe

#endif
