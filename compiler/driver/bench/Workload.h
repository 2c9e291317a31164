//===- Workload.h - what contenders run ---------------------------------------===//
#ifndef LATHE_COMPILER_DRIVER_BENCH_WORKLOAD_H
#define LATHE_COMPILER_DRIVER_BENCH_WORKLOAD_H

#include "compiler/driver/TensorArrays.h"

namespace lathe {

/// Tokens that are written behind prompts.
struct Generation {
  int64_t newTokens; ///< behind each, neither more nor fewer
  int64_t beams = 1; ///< 1: greedily
};

/// What an image is to a model that takes these.
struct ImageSize {
  int64_t channels, height, width;
  int64_t tokens; ///< that the model makes of one
};

/// What is run: seeded random ids, valid for the model, or images of normal numbers.
struct Workload {
  InputTensors inputs;                       ///< without padding: as the artifact is timed
  InputTensors padded;                       ///< the same for contenders that cannot leave padding out
  std::vector<int64_t> lengths;              ///< of the sequences, in tokens
  std::optional<Generation> generation = {}; ///< the sequences, of equal length, are prompts; nothing: they are all

  int64_t batch() const { return static_cast<int64_t>(lengths.size()); }
  int64_t longest() const;
  int64_t tokens() const;
  /// That a context must have room for: those of a decoder, and padding, too.
  int64_t mostTokens() const;
};

/// Sequences of the given lengths with ids below `idLimit`. Where all are equal there is no padding, nor a mask. With a
/// `targetLimit` a decoder reads as many ids, below that one.
Workload makeWorkload(llvm::ArrayRef<int64_t> lengths, int64_t idLimit, int64_t targetLimit = 0);

/// So many images, as processors leave them: pixel_values [batch, channels, height, width] around 0.
Workload makeImageWorkload(int64_t batch, const ImageSize &image);

/// Lengths as a file lists them, one a line. Errors name file and line.
llvm::Expected<std::vector<int64_t>> parseLengths(llvm::StringRef text, llvm::StringRef origin);

/// Images of the usual size, where that is what the manifest's first entry reads.
llvm::Expected<std::optional<ImageSize>> imageSize(const Artifact &artifact);
/// How large ids may be: the limit that the manifest's first entry states for input_ids.
llvm::Expected<int64_t> idLimit(const Artifact &artifact);
/// The same for decoder_input_ids; 0 for models that take none.
int64_t targetIdLimit(const Artifact &artifact);

} // namespace lathe

#endif
