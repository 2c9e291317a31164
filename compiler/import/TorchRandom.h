//===- TorchRandom.h - numbers as PyTorch draws them --------------------------===//
#ifndef LATHE_COMPILER_IMPORT_TORCHRANDOM_H
#define LATHE_COMPILER_IMPORT_TORCHRANDOM_H

#include <cstdint>
#include <vector>

namespace lathe {

/// torch.randn of so many f32 on the CPU behind torch.manual_seed(seed), up to the last bits of logarithms and sines.
std::vector<float> torchRandn(int64_t seed, int64_t count);

} // namespace lathe

#endif
