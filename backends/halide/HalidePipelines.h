//===- HalidePipelines.h - programs as Halide's modules -----------------------===//
#ifndef LATHE_BACKENDS_HALIDE_HALIDEPIPELINES_H
#define LATHE_BACKENDS_HALIDE_HALIDEPIPELINES_H

#include "Halide.h"

#include <string>

namespace lathe {

/// Of a row program's text and of an image program's (RowProgram.h, ImageProgram.h): a module with one function
/// `symbol`. Throw Halide's errors, also for a text that is no program.
Halide::Module makeRowPipeline(const std::string &program, const std::string &symbol, const Halide::Target &target);
Halide::Module makeImagePipeline(const std::string &program, const std::string &symbol, const Halide::Target &target);

} // namespace lathe

#endif
