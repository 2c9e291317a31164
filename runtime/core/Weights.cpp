#include "runtime/core/Weights.h"

#include "runtime/core/Checked.h"
#include "runtime/core/Memory.h"
#include "runtime/core/Status.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace lathe {
namespace {

/// A build id from a file that may hold anything, made printable.
struct PrintableId {
  char text[33];
  explicit PrintableId(const char *id) {
    for (int i = 0; i < 32; ++i)
      text[i] = id[i] > ' ' && id[i] < 127 ? id[i] : '?';
    text[32] = 0;
  }
};

lathe_status checkSection(const Weights &weights, const char *section, uint64_t offset, uint64_t bytes,
                          const char *source, lathe_error *error) {
  if (offset % 64 == 0 && offset >= sizeof(lathe_weights_header) && offset <= weights.bytes &&
      bytes <= weights.bytes - offset)
    return LATHE_OK;
  return fail(error, LATHE_BAD_WEIGHTS,
              "%s: damaged: its %s are said to be %" PRIu64 " bytes at %" PRIu64
              "; they must begin at a multiple of 64 behind the header and end within the file's %zu bytes",
              source, section, bytes, offset, weights.bytes);
}

} // namespace

lathe_status checkWeights(const lathe_program &program, const Weights &weights, const char *source,
                          lathe_error *error) {
  if (weights.bytes < sizeof(lathe_weights_header))
    return fail(error, LATHE_BAD_WEIGHTS, "%s: %zu bytes are too few for a weights file", source, weights.bytes);
  const lathe_weights_header &header = weights.header();
  if (memcmp(header.magic, LATHE_WEIGHTS_MAGIC, sizeof header.magic))
    return fail(error, LATHE_BAD_WEIGHTS, "%s: not a Lathe weights file (it does not begin with %s)", source,
                LATHE_WEIGHTS_MAGIC);
  if (memcmp(header.build_id, program.build_id, sizeof header.build_id))
    return fail(error, LATHE_BAD_WEIGHTS,
                "%s: weights of another build: they are of %s, the code is of %s; use both from one compile", source,
                PrintableId(header.build_id).text, PrintableId(program.build_id).text);
  if (weights.bytes != program.weights_bytes || header.file_bytes != program.weights_bytes)
    return fail(error, LATHE_BAD_WEIGHTS,
                "%s: %s: %zu bytes, its header says %" PRIu64 ", the code was made for %" PRIu64, source,
                weights.bytes < program.weights_bytes ? "truncated" : "damaged", weights.bytes, header.file_bytes,
                program.weights_bytes);
  // Kernels add offsets to the start of the tensors that only the whole file's size bounds: it may not move.
  if (header.tensors_offset != LATHE_TENSORS_OFFSET)
    return fail(error, LATHE_BAD_WEIGHTS, "%s: damaged: its tensors are said to begin at %" PRIu64 ", must be %d",
                source, header.tensors_offset, int(LATHE_TENSORS_OFFSET));
  if (lathe_status status =
          checkSection(weights, "tensors", header.tensors_offset, header.tensors_bytes, source, error))
    return status;
  if (header.tokenizer_bytes)
    return checkSection(weights, "tokenizer tables", header.tokenizer_offset, header.tokenizer_bytes, source, error);
  return LATHE_OK;
}

lathe_status mapWeights(const char *path, Weights &weights, lathe_error *error) {
  // Without O_NONBLOCK a named pipe would make open wait for a writer.
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0)
    return fail(error, LATHE_IO_ERROR, "%s: cannot open: %s", path, strerror(errno));
  struct stat info;
  void *data = MAP_FAILED;
  lathe_status status = LATHE_OK;
  if (fstat(file, &info))
    status = fail(error, LATHE_IO_ERROR, "%s: cannot read its size: %s", path, strerror(errno));
  else if (!S_ISREG(info.st_mode))
    status = fail(error, LATHE_IO_ERROR, "%s: not a regular file", path);
  else if (info.st_size < off_t(sizeof(lathe_weights_header)))
    status = fail(error, LATHE_BAD_WEIGHTS, "%s: %lld bytes are too few for a weights file", path,
                  static_cast<long long>(info.st_size));
  else if ((data = mmap(nullptr, size_t(info.st_size), PROT_READ, MAP_SHARED, file, 0)) == MAP_FAILED)
    status = fail(error, LATHE_IO_ERROR, "%s: cannot map: %s", path, strerror(errno));
  close(file);
  if (!status) {
    preferHugePages(data, size_t(info.st_size));
    weights = {static_cast<const uint8_t *>(data), size_t(info.st_size), true};
  }
  return status;
}

void unmapWeights(Weights &weights) {
  if (weights.mapped)
    munmap(const_cast<uint8_t *>(weights.data), weights.bytes);
  weights = {};
}

lathe_status findWeights(const char *name, char *path, size_t capacity, lathe_error *error) {
  // The kernel's own list of mappings: unlike dladdr it gives absolute paths, right after a chdir too, and treats
  // libraries and executables alike.
  FILE *maps = fopen("/proc/self/maps", "re");
  if (!maps)
    return fail(error, LATHE_IO_ERROR, "cannot look for %s.weights: /proc/self/maps: %s; open it by its path", name,
                strerror(errno));
  const uintptr_t here = reinterpret_cast<uintptr_t>(&findWeights);
  char line[PATH_MAX + 128];
  const char *file = nullptr;
  while (!file && fgets(line, sizeof line, maps)) {
    uintptr_t begin, end;
    if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &begin, &end) == 2 && begin <= here && here < end)
      file = strchr(line, '/');
  }
  fclose(maps);
  const char *folderEnd = file ? strrchr(file, '/') : nullptr;
  int length = folderEnd ? snprintf(path, capacity, "%.*s/%s.weights", int(folderEnd - file), file, name) : -1;
  if (length < 0 || size_t(length) >= capacity)
    return fail(error, LATHE_IO_ERROR,
                "cannot look for %s.weights: this code was loaded from no file with a usable path; "
                "open it by its path",
                name);
  return LATHE_OK;
}

} // namespace lathe
