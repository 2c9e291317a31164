//===- Package.cpp - the texts that let an app embed a library ----------------===//
#include "compiler/driver/Package.h"

#include "compiler/driver/Link.h"
#include "compiler/driver/Manifest.h"

#include "llvm/ADT/StringExtras.h"

namespace lathe {

/// Replaces every @NAME@ (and its upper-case form @UPPER@) in a text.
static std::string fillIn(llvm::StringRef text, llvm::StringRef name) {
  std::string result;
  while (!text.empty()) {
    auto [before, after] = text.split('@');
    result += before;
    if (after.consume_front("NAME@"))
      result += name;
    else if (after.consume_front("UPPER@"))
      result += name.upper();
    else if (before.size() < text.size())
      result += '@';
    text = after;
  }
  return result;
}

std::string writeHeader(llvm::StringRef name) {
  constexpr llvm::StringLiteral begin = R"(/* @NAME@.h - embeds the compiled model '@NAME@'.
 *
 *   cc app.c -I<this directory> <this directory>/lib@NAME@.a -lm
 *
 * The functions at the end of this file wrap the table that lathe_@NAME@() returns; what each does, and what its
 * arguments are, is said at the table's fields, in `struct lathe_api` below.
 */
#ifndef LATHE_MODEL_@UPPER@_H
#define LATHE_MODEL_@UPPER@_H

)";
  constexpr llvm::StringLiteral end = R"(
#ifdef __cplusplus
extern "C" {
#endif

/* The library's only symbol. The table lives as long as the library. */
const lathe_api *lathe_@NAME@(void);

static inline lathe_status @NAME@_open(const char *path, const lathe_open_options *options, lathe_model **model,
                                       lathe_error *error) {
  return lathe_@NAME@()->open(path, options, model, error);
}
static inline lathe_status @NAME@_open_memory(const void *weights, size_t bytes, const lathe_open_options *options,
                                              lathe_model **model, lathe_error *error) {
  return lathe_@NAME@()->open_memory(weights, bytes, options, model, error);
}
static inline void @NAME@_close(lathe_model *model) { lathe_@NAME@()->close(model); }
static inline lathe_status @NAME@_context_create(lathe_model *model, const lathe_context_options *options,
                                                 lathe_context **context, lathe_error *error) {
  return lathe_@NAME@()->context_create(model, options, context, error);
}
static inline void @NAME@_context_destroy(lathe_context *context) { lathe_@NAME@()->context_destroy(context); }
static inline void @NAME@_cancel(lathe_context *context) { lathe_@NAME@()->cancel(context); }
static inline lathe_status @NAME@_infer(lathe_context *context, const char *entry, const lathe_tensor *inputs,
                                        size_t n_inputs, lathe_tensor *outputs, size_t n_outputs, lathe_error *error) {
  return lathe_@NAME@()->infer(context, entry, inputs, n_inputs, outputs, n_outputs, error);
}
static inline lathe_status @NAME@_run(lathe_context *context, const char *entry, const lathe_tensor *inputs,
                                      size_t n_inputs, const lathe_tensor *outputs, size_t n_outputs,
                                      lathe_error *error) {
  return lathe_@NAME@()->run(context, entry, inputs, n_inputs, outputs, n_outputs, error);
}
static inline lathe_status @NAME@_embed_text(lathe_context *context, const char *const *texts, size_t n,
                                             float *embeddings, lathe_error *error) {
  return lathe_@NAME@()->embed_text(context, texts, n, embeddings, error);
}
static inline lathe_status @NAME@_tokenize(const lathe_model *model, const char *text, const char *pair,
                                           const lathe_tokenize_options *options, lathe_encoding *encoding,
                                           lathe_error *error) {
  return lathe_@NAME@()->tokenize(model, text, pair, options, encoding, error);
}
static inline lathe_status @NAME@_tokenize_batch(lathe_context *context, const char *const *texts,
                                                 const char *const *pairs, size_t n,
                                                 const lathe_tokenize_options *options, lathe_encoding *encodings,
                                                 lathe_error *error) {
  return lathe_@NAME@()->tokenize_batch(context, texts, pairs, n, options, encodings, error);
}
static inline lathe_status @NAME@_tokenize_windows(const lathe_model *model, const char *text, const char *pair,
                                                   const lathe_tokenize_options *options, int64_t stride,
                                                   lathe_encoding *windows, size_t capacity, size_t *n_windows,
                                                   lathe_error *error) {
  return lathe_@NAME@()->tokenize_windows(model, text, pair, options, stride, windows, capacity, n_windows, error);
}
static inline void @NAME@_free_encoding(const lathe_model *model, lathe_encoding *encoding) {
  lathe_@NAME@()->free_encoding(model, encoding);
}
static inline lathe_status @NAME@_detokenize(const lathe_model *model, const int32_t *ids, size_t n,
                                             int32_t skip_special_tokens, char *text, size_t capacity, size_t *length,
                                             lathe_error *error) {
  return lathe_@NAME@()->detokenize(model, ids, n, skip_special_tokens, text, capacity, length, error);
}
static inline const char *@NAME@_token_text(const lathe_model *model, int32_t id) {
  return lathe_@NAME@()->token_text(model, id);
}
static inline size_t @NAME@_memory(const lathe_context *context, const char *entry, int64_t tokens, int64_t batch,
                                   int64_t longest) {
  return lathe_@NAME@()->memory(context, entry, tokens, batch, longest);
}
static inline size_t @NAME@_profile(const lathe_context *context, lathe_profile_step *steps, size_t capacity) {
  return lathe_@NAME@()->profile(context, steps, capacity);
}
static inline const char *@NAME@_isa(const lathe_model *model) { return lathe_@NAME@()->isa(model); }
static inline size_t @NAME@_prompts(const lathe_prompt **prompts) { return lathe_@NAME@()->prompts(prompts); }
static inline lathe_status @NAME@_embed_text_with(lathe_context *context, const char *const *texts, size_t n,
                                                  const lathe_embed_options *options, float *embeddings,
                                                  lathe_error *error) {
  return lathe_@NAME@()->embed_text_with(context, texts, n, options, embeddings, error);
}
static inline lathe_status @NAME@_sequence_create(lathe_context *context, const lathe_sequence *from, int64_t length,
                                                  lathe_sequence **sequence, lathe_error *error) {
  return lathe_@NAME@()->sequence_create(context, from, length, sequence, error);
}
static inline void @NAME@_sequence_destroy(lathe_sequence *sequence) {
  lathe_@NAME@()->sequence_destroy(sequence);
}
static inline int64_t @NAME@_sequence_length(const lathe_sequence *sequence) {
  return lathe_@NAME@()->sequence_length(sequence);
}
static inline lathe_status @NAME@_sequence_truncate(lathe_sequence *sequence, int64_t length, lathe_error *error) {
  return lathe_@NAME@()->sequence_truncate(sequence, length, error);
}
static inline lathe_status @NAME@_decode(lathe_context *context, lathe_sequence *const *sequences, size_t n,
                                         const int32_t *ids, const int32_t *cu_seqlens, const int32_t *logit_rows,
                                         size_t n_logit_rows, float *logits, lathe_error *error) {
  return lathe_@NAME@()->decode(context, sequences, n, ids, cu_seqlens, logit_rows, n_logit_rows, logits, error);
}
static inline lathe_status @NAME@_generate_defaults(const lathe_model *model, lathe_generate_options *options,
                                                    lathe_error *error) {
  return lathe_@NAME@()->generate_defaults(model, options, error);
}
static inline lathe_status @NAME@_generate(lathe_context *context, const int32_t *ids, const int32_t *cu_seqlens,
                                           const uint8_t *mask, size_t n, const lathe_generate_options *options,
                                           lathe_generated *results, lathe_error *error) {
  return lathe_@NAME@()->generate(context, ids, cu_seqlens, mask, n, options, results, error);
}
static inline void @NAME@_free_generated(const lathe_model *model, lathe_generated *text) {
  lathe_@NAME@()->free_generated(model, text);
}
static inline int64_t @NAME@_vocabulary(const lathe_model *model) { return lathe_@NAME@()->vocabulary(model); }
static inline lathe_status @NAME@_sequence_set_prefix(lathe_sequence *sequence, int64_t length, lathe_error *error) {
  return lathe_@NAME@()->sequence_set_prefix(sequence, length, error);
}
static inline lathe_status @NAME@_encode(lathe_context *context, const int32_t *ids, const int32_t *cu_seqlens,
                                         const uint8_t *mask, size_t n, lathe_sequence **sequences,
                                         lathe_error *error) {
  return lathe_@NAME@()->encode(context, ids, cu_seqlens, mask, n, sequences, error);
}
static inline size_t @NAME@_languages(const lathe_model *model, lathe_language *languages, size_t capacity) {
  return lathe_@NAME@()->languages(model, languages, capacity);
}
static inline size_t @NAME@_cache_memory(const lathe_context *context) {
  return lathe_@NAME@()->cache_memory(context);
}

#ifdef __cplusplus
}
#endif
#endif /* LATHE_MODEL_@UPPER@_H */
)";
  return fillIn(begin, name) + abiHeader().str() + fillIn(end, name);
}

std::string writeCMakeConfig(llvm::StringRef name) {
  return fillIn(R"(# find_package(@NAME@) gives @NAME@::@NAME@ (shared) and @NAME@::static.
if(NOT TARGET @NAME@::@NAME@)
  add_library(@NAME@::@NAME@ SHARED IMPORTED)
  set_target_properties(@NAME@::@NAME@ PROPERTIES
    IMPORTED_LOCATION "${CMAKE_CURRENT_LIST_DIR}/lib@NAME@.so"
    INTERFACE_INCLUDE_DIRECTORIES "${CMAKE_CURRENT_LIST_DIR}")
  add_library(@NAME@::static STATIC IMPORTED)
  set_target_properties(@NAME@::static PROPERTIES
    IMPORTED_LOCATION "${CMAKE_CURRENT_LIST_DIR}/lib@NAME@.a"
    INTERFACE_INCLUDE_DIRECTORIES "${CMAKE_CURRENT_LIST_DIR}"
    INTERFACE_LINK_LIBRARIES m)
endif()
set(@NAME@_WEIGHTS "${CMAKE_CURRENT_LIST_DIR}/@NAME@.weights")
)",
                name);
}

std::string writePkgConfig(llvm::StringRef name) {
  return fillIn("prefix=${pcfiledir}\n\nName: @NAME@\nDescription: The compiled model @NAME@\nVersion: ", name) +
         latheVersion.str() + fillIn("\nLibs: -L${prefix} -l@NAME@\nLibs.private: -lm\nCflags: -I${prefix}\n", name);
}

} // namespace lathe
