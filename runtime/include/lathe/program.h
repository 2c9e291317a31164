/* The contract between generated code and the runtime: what the compiler emits beside the kernels, and how kernels are
 * called. Shared by backends (which emit it) and runtime (which reads it), never shipped to an app.
 *
 * Generated code has no undefined symbol: all it needs comes through lathe_frame.
 */
#ifndef LATHE_PROGRAM_H
#define LATHE_PROGRAM_H

#include "lathe/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

#define LATHE_PROGRAM_VERSION 1

/* ISA levels, each containing the lower ones. */
enum {
  LATHE_ISA_AVX512 = 0,
  LATHE_ISA_AVX512_VNNI = 1,
  LATHE_ISA_AVX512_BF16 = 2,
  LATHE_ISA_AMX = 3,
  LATHE_ISA_LEVELS = 4
};

/* Rows of buffers are counted in multiples of this, so that every planned offset keeps 64-byte alignment. */
enum { LATHE_ROW_QUANTUM = 16 };

/* Bytes as a formula of a run's size; each count is first rounded up to LATHE_ROW_QUANTUM.
 * bytes = fixed + per_token * T + per_sequence * B + per_longest * L + per_score * (B*L*L)
 * with T tokens, B sequences, L the longest sequence. Entries that keep padding (LATHE_DENSE) have T = B*L.
 * With a second token axis, of T' targets, the longest sequence of L':
 * bytes += per_target * T' + per_target_score * (B*L'*L') + per_cross_score * (B*L'*L), and L is the larger of both in
 * per_longest. */
typedef struct lathe_size_formula {
  int64_t fixed, per_token, per_sequence, per_longest, per_score;
  int64_t per_target, per_target_score, per_cross_score;
} lathe_size_formula;

typedef struct lathe_frame lathe_frame;

/* A kernel works on panels [begin, end) of its whole work. `args` are 8-byte slots: addresses, int64 or float bits, as
 * the kernel's builder documents. `scratch` is the worker's own, 64-byte aligned, lathe_entry.scratch bytes.
 * Kernels call nothing, allocate nothing and may not assume which worker runs which panels. */
typedef void (*lathe_kernel)(const uint64_t *args, int64_t begin, int64_t end, uint8_t *scratch);

/* Runs all panels of a kernel, in parallel, and waits. Returns 0, or a lathe_status to be returned at once. */
typedef int32_t (*lathe_launch)(const lathe_frame *frame, int32_t step, lathe_kernel kernel, const uint64_t *args,
                                int64_t panels);

/* What generated code is given. Field order is part of the contract (the compiler loads them by index). */
struct lathe_frame {
  const uint8_t *weights; /* the tensors' section of the weights file */
  uint8_t *arena;         /* lathe_entry.arena bytes, 64-byte aligned */
  void *const *inputs;    /* in the order of lathe_entry.inputs */
  void *const *outputs;   /* in the order of lathe_entry.outputs; never NULL */
  int64_t tokens;         /* T >= 1 */
  int64_t batch;          /* B >= 1: sequences with at least one token; the runtime leaves out the others */
  int64_t longest;        /* L >= 1 */
  lathe_launch launch;
  void *runtime;           /* the runtime's own */
  int64_t targets;         /* T' >= 0: what a decoder reads beside an encoder's tokens; 0 in entries without such */
  int64_t longest_targets; /* L' >= 0 */
};

/* An entry point at one ISA level: 0 or a lathe_status. */
typedef int32_t (*lathe_entry_function)(const lathe_frame *frame);

/* What the edge hands to generated code; ids and positions are i32 [T], or of the second token axis [T'], whose names
 * begin with "decoder_". In a dense entry T = B*L, rows padded, and all inputs are 0 where no token is. */
typedef enum lathe_input_kind {
  LATHE_INPUT_IDS = 0,      /* "input_ids" */
  LATHE_TOKEN_TYPE_IDS = 1, /* "token_type_ids"; omitted: see lathe_entry_input.omitted */
  LATHE_POSITION_IDS = 2,   /* "position_ids"; omitted: the column in the caller's padded row, or see lathe_counts */
  LATHE_COLUMNS = 3,        /* the column in the caller's padded row, whatever position_ids says */
  LATHE_CU_SEQLENS = 4,     /* i32 [B+1] */
  LATHE_ATTENTION_MASK = 5, /* u8 [B*L], dense entries only; 1 where a token is */
  LATHE_PREVIOUS_IDS = 6,   /* the id in the column before, in the caller's row, masked or not; -1 where none is */
  LATHE_NEXT_IDS = 7,       /* likewise in the column behind */
  LATHE_LANGS = 8,          /* "langs", the languages of XLM; omitted: likewise */
  LATHE_PROMPT_MASK = 9,    /* "prompt_mask": 1 for tokens of a prompt, which pooling leaves out; omitted: zeros */
  LATHE_INPUT_MODAL = 10,   /* "input_modal": f32 [T, limit], vectors of an image where there are such, else zeros; its
                             * rows, and tokens that begin and end them, stand in front of each text. Entries that take
                             * it see ids of -1 there */
  LATHE_MODAL_IDS = 11,     /* 0 where such a vector is, else -1 */
  LATHE_PAGES = 13,         /* of a decoder: addresses [B] of the tables of pages of each sequence */
  LATHE_CACHED = 14,        /* of a decoder: i32 [B], tokens that each sequence's pages hold already */
  LATHE_HIDDEN = 15,        /* of a decoder: f32 [T, limit] */
  LATHE_PREFIX_ENDS = 16,   /* i32 [B]: tokens in columns below it, or so many tokens (see lathe_counts), are seen from
                             * all of their sequence. "prefix_lens" [B] columns from its first token on; omitted: 0 */
  LATHE_EXCEPT_CHOSEN = 17, /* 0 for the token in the column that "mc_token_ids" [B] names, omitted: in the row's last,
                             * and 1 for all others; where that token is masked the run is refused */
  LATHE_EXCEPT_END = 18,   /* of targets: 0 for that in the column of the row's last input_ids that is padding_id, and 1
                            * for all others; a row without one, or where that target is masked, is refused */
  LATHE_SOURCE_PAGES = 19, /* of a decoder: addresses [B] of the tables of pages of what each sequence's encoder gave */
  LATHE_SOURCE_LENGTHS = 20, /* of a decoder: i32 [B], tokens that each of these hold */
  LATHE_GLOBAL_MASK = 21,    /* "global_attention_mask": 1 for tokens that see all others and are seen by them; omitted:
                              * see lathe_globals */
  LATHE_PIXEL_VALUES = 22,   /* f32 [T, limit]: rows of patches of "pixel_values", see lathe_image */
  LATHE_LEAD_IDS = 23,       /* the column of a token that stands for no part of an image, and `lead` of a patch */
  LATHE_GRID_ROWS = 24,    /* f32 [T, limit], what a patch takes of each row of the grid of positions; other tokens 0 */
  LATHE_GRID_COLUMNS = 25, /* likewise, of each column */
  LATHE_LEAD_MASK = 26,    /* 1 for tokens that stand for no part of an image, 0 for patches */
  LATHE_PATCH_MASK = 27,   /* 1 for patches, 0 for the others */
  LATHE_EXCEPT_FIRST = 28, /* 0 for the first token of the caller's row whose id is padding_id or, where that is
                            * negative, the row's greatest; of a row without one for its first token; and 1 for all
                            * others; where that token is masked the run is refused */
  LATHE_BLOCK_GLOBALS = 29, /* of rows that are cut into blocks of columns: `repeats` for tokens of the first block, 1
                             * for those of the last, 0 for all others; in rows of at most 3 + 2 * repeats whole blocks
                             * 1 for all */
  LATHE_QUESTION_MASK = 30, /* 1 for tokens behind the first column up to the row's first padding_id, else 0 */
  LATHE_MEMORIES = 31,      /* of the second axis: f32 [T', limit], of each sequence the rows of "mems.N", N being
                             * `number`, which stand before its first token, and behind them, for each of its tokens, a
                             * row of which nothing is read */
  LATHE_CLUSTER_IDS = 32,   /* of ids in [number, number + limit) what is beyond `number`, of others -1 */
  LATHE_ROW_COLUMNS = 33,   /* i32 [B]: columns of the caller's row, masked ones included */
  LATHE_ROTATIONS = 34,     /* f32, all numbers of the caller's `name`, where the caller has them; omitted: NULL */
  LATHE_EXCEPT_LAST = 12    /* 0 for the last token of the caller's row whose id is not padding_id, of a row without one
                             * for its first, and 1 for all others; where that token is masked the run is refused */
} lathe_input_kind;

/* What is counted where the caller leaves something out. */
typedef enum lathe_counts {
  LATHE_COUNTS_COLUMNS = 0,
  /* Of position_ids: an id's position is padding_id plus the number of ids other than padding_id up to it in the
   * caller's row, masked ones included; that of padding_id is padding_id.
   * Of input_ids, for an omitted mask: a row's tokens are as many as it has ids other than padding_id, from the first
   * column on. */
  LATHE_COUNTS_IDS = 1,
  /* Of position_ids and columns: the number of tokens before it in its sequence. Of prefixes' ends: tokens. */
  LATHE_COUNTS_TOKENS = 2,
  /* Of token_type_ids: 0 up to the row's first padding_id, or in the first column if it has none, and 1 behind. */
  LATHE_COUNTS_SEPARATORS = 3
} lathe_counts;

/* Which tokens are global where the caller omits global_attention_mask. Where separators tell, which are padding_id,
 * each row with a token must have three of them. */
typedef enum lathe_globals {
  LATHE_GLOBALS_NONE = 0,
  LATHE_GLOBALS_FIRST_COLUMN = 1,
  LATHE_GLOBALS_BEFORE_SEPARATORS = 2, /* columns before the first */
  LATHE_GLOBALS_BEHIND_SEPARATORS = 3  /* columns behind that next to the first */
} lathe_globals;

typedef struct lathe_entry_input {
  int32_t kind;   /* lathe_input_kind */
  int64_t limit;  /* values must lie in [0, limit); 0: no limit to check; of rows: their width */
  int32_t counts; /* lathe_counts */
  int64_t padding_id;
  int64_t omitted;      /* the id of every token where the caller omits token_type_ids or langs: 0, or -1 for none */
  int32_t axis;         /* lathe_axis */
  int32_t globals;      /* lathe_globals */
  int64_t block;        /* columns of a block */
  int64_t repeats;      /* how often the first block counts */
  int64_t number;       /* what LATHE_MEMORIES and LATHE_CLUSTER_IDS say */
  const char *name;     /* of rotations; else NULL */
  const int64_t *shape; /* of rotations, whose rank is 4 */
} lathe_entry_input;

/* Token axes of an entry. Both have the same sequences; sequences without tokens on the first are left out of both,
 * while one may have no targets. Of an entry with memories the second one is what tokens attend to: rows from before
 * the run, in columns below 0, and behind them the tokens, in their own; memories are of type 0. */
typedef enum lathe_axis { LATHE_AXIS_TOKENS = 0, LATHE_AXIS_TARGETS = 1, LATHE_AXES = 2 } lathe_axis;

/* What decoder_input_ids are where the caller leaves them out. */
typedef enum lathe_shift {
  LATHE_SHIFT_NONE = 0,  /* an error */
  LATHE_SHIFT_START = 1, /* input_ids, each a column further right, behind lathe_entry.shift_id */
  LATHE_SHIFT_WRAP = 2   /* likewise, behind the row's last id that is not shift_id */
} lathe_shift;

/* Images [B, channels, height, width] as tokens: `lead` of each that stand for no part of it, of which the rows are
 * zeros, and then its patches, row by row, each with the numbers of every channel, row and column in this order. What
 * is left at the right and at the bottom belongs to no patch. Positions are a grid of grid_height x grid_width,
 * interpolated to as many rows and columns as an image has patches; without a way to do that, images are height x
 * width. */
typedef enum lathe_resize {
  LATHE_RESIZE_NONE = 0,
  LATHE_RESIZE_BICUBIC = 1,            /* as torch.nn.functional.interpolate does it, corners not aligned */
  LATHE_RESIZE_BICUBIC_ANTIALIASED = 2 /* likewise */
} lathe_resize;

typedef enum lathe_rows {
  LATHE_ROWS_TOKENS = 0,
  LATHE_ROWS_SEQUENCES = 1,
  LATHE_ROWS_SCORES = 2, /* of dense entries: [B, width, L, L], or with memories [B, width, L, L'], with a number for
                          * each head, query and key */
  LATHE_ROWS_TARGETS = 3
} lathe_rows;

/* What an output does when column 0 of a sequence that is not empty is masked and the output reads that column. */
typedef enum lathe_first_column {
  LATHE_FIRST_COLUMN_UNUSED = 0,
  LATHE_FIRST_COLUMN_ZERO = 1, /* the row is zeros; outputs with a row per sequence only */
  LATHE_FIRST_COLUMN_ERROR = 2
} lathe_first_column;

/* f32 rows [T or B, width], or scores. Rows of padding, and of sequences without tokens, reach the caller as zeros.
 * Generated code writes exactly these rows, perhaps into the caller's own array, which need not be aligned. */
typedef struct lathe_entry_output {
  const char *name;
  int32_t rows;         /* lathe_rows */
  int32_t first_column; /* lathe_first_column */
  int64_t width;
  int32_t squeezed;  /* width is 1, and the caller's array has no axis for it */
  int32_t by_choice; /* of an entry with choices: the caller's array is [batch, choices, ...], not [sequences, ...] */
} lathe_entry_output;

/* The rows that a step writes, for traces. */
typedef struct lathe_step_result {
  int32_t slot;  /* which of the kernel's arguments is their address */
  int32_t dtype; /* lathe_dtype */
  int32_t rows;  /* lathe_rows */
  int64_t width; /* 0: the step has no such result */
  int64_t stride;
} lathe_step_result;

typedef struct lathe_step {
  const char *name;
  const char *kernel;
  lathe_step_result result;
} lathe_step;

/* What becomes of an image's size before its centre is cut out. */
typedef enum lathe_sizing {
  LATHE_SIZE_KEPT = 0,
  LATHE_SIZE_EXACT = 1,        /* `rows` x `columns` */
  LATHE_SIZE_SHORTEST_EDGE = 2 /* the shorter side is `rows`, the other in proportion, rounded down */
} lathe_sizing;

/* How pixels become others: Pillow's numbers. */
typedef enum lathe_resample {
  LATHE_NEAREST = 0,
  LATHE_LANCZOS = 1,
  LATHE_BILINEAR = 2,
  LATHE_BICUBIC = 3,
  LATHE_BOX = 4,
  LATHE_HAMMING = 5
} lathe_resample;

/* How images, u8 [rows, columns, 3], become rows of patches, f32 [patches, 3, patch_rows, patch_columns]: resized as
 * Pillow does it, cut out of the middle, rescaled, normalised. The kernels' arguments are listed in
 * backends/cpu/ImageKernels.h. */
typedef struct lathe_image_front_end {
  int32_t sizing;   /* lathe_sizing */
  int32_t resample; /* lathe_resample */
  int64_t rows, columns;
  /* Whether image_rows x image_columns are cut from its middle, black where there is none; else it must be them. */
  int64_t crops;
  int64_t image_rows, image_columns;
  int64_t patch_rows, patch_columns;         /* pixels of a patch */
  int64_t down, across;                      /* patches; what is left of the image is dropped */
  lathe_kernel horizontal[LATHE_ISA_LEVELS]; /* NULL: level not compiled */
  lathe_kernel patches[LATHE_ISA_LEVELS];
} lathe_image_front_end;

typedef struct lathe_image {
  int32_t channels, height, width, patch_height, patch_width, lead, grid_height, grid_width;
  int32_t resize;                         /* lathe_resize */
  const lathe_image_front_end *front_end; /* of "images", u8 [height, width, 3] or [B, height, width, 3]; NULL: none */
} lathe_image;

typedef enum lathe_layout { LATHE_PACKED = 0, LATHE_DENSE = 1 } lathe_layout;

typedef struct lathe_entry {
  const char *name;
  int32_t layout; /* lathe_layout */
  int32_t n_inputs;
  const lathe_entry_input *inputs;
  int32_t n_outputs;
  const lathe_entry_output *outputs;
  int64_t position_limit; /* longest sequence (columns); 0: none */
  lathe_size_formula arena;
  lathe_size_formula scratch; /* per worker */
  int32_t n_steps;
  const lathe_step *steps;
  lathe_entry_function functions[LATHE_ISA_LEVELS]; /* NULL: level not compiled */
  int32_t choices;     /* inputs are [batch, choices, columns], a sequence for each choice */
  int32_t has_targets; /* a second token axis */
  int32_t shift;       /* lathe_shift */
  int64_t shift_id;
  const lathe_image *image; /* NULL: the entry's tokens are of texts */
  int64_t memories;         /* inputs "mems.N", [rows, sequences, limit]; 0: the second axis has no such */
  int64_t omitted_memory;   /* rows of zeros that each sequence has where the caller gives none */
  int64_t kept_memory;      /* of outputs of targets, [rows, sequences, width], the most rows, the last ones; 0: all */
} lathe_entry;

/* Tokens of a page of a cache. */
enum { LATHE_PAGE_TOKENS = 16 };

/* How a model goes on with texts. `decode` computes "hidden", its one output, for T tokens that follow those cached for
 * their sequences, and caches them, too: page_tables[b][i / LATHE_PAGE_TOKENS] is the page of token i of sequence b,
 * 64-byte aligned, zeros when it is new; position_ids and columns are places in the sequence. `logits` computes logits
 * of rows of that, and `best` of each row the greatest logit, infinity if one is no number, and its id, both as f32.
 * "hidden" is their first input; other inputs are those of `decode`, each row being the one new token of a sequence
 * that has all tokens before it.
 *
 * With an encoder beside the decoder, `source` computes the encoder's part for T tokens of B texts, and stores what the
 * decoder's layers read of it in pages of another size, likewise; its output "hidden" is of no further use. `decode`
 * then reads these pages, too. */
typedef struct lathe_decoder {
  lathe_entry decode, logits, best;
  int64_t page_bytes;                     /* of all layers */
  const lathe_generate_options *defaults; /* what the model's file says of writing */
  const lathe_entry *source;              /* NULL: the model has no encoder */
  int64_t source_page_bytes;
} lathe_decoder;

/* Two entries whose results are compared: one gives "text_embeds" [T, width], the other "image_embeds" [I, width]. Who
 * runs it gives the inputs of both, or of one, and may ask for the outputs of both and for "logits_per_image" [I, T],
 * scale times the products of these rows, plus bias, and 0 for texts without tokens, and "logits_per_text" [T, I]. */
typedef struct lathe_similarity {
  const char *name;    /* of an entry */
  int32_t text, image; /* which of lathe_program.entries */
  double scale, bias;
} lathe_similarity;

/* Defined by generated code as `lathe_program_v1`, hidden; the one thing the runtime links against. */
typedef struct lathe_program {
  uint32_t version; /* LATHE_PROGRAM_VERSION */
  const char *name;
  const char *build_id;   /* 32 hexadecimal digits */
  uint64_t weights_bytes; /* size of the weights file */
  int32_t n_entries;
  const lathe_entry *entries;
  const lathe_entry_info *entry_infos; /* as the public ABI describes them; the similarity, if there is one, first */
  int64_t max_length;              /* tokens of one text when tokenizing, special tokens included; 0: no truncation */
  const uint8_t *embedded_weights; /* a weights file in the library, 64-byte aligned; NULL: in a file */
  int32_t n_prompts;
  const lathe_prompt *prompts;        /* at most one is the default */
  const lathe_decoder *decoder;       /* NULL: the model does not write */
  const lathe_similarity *similarity; /* NULL: none */
} lathe_program;

extern const lathe_program lathe_program_v1;

/* The runtime's table; lathe_NAME, the library's one exported function, returns it. */
const lathe_api *lathe_runtime_api(void);

/* The weights file: this header, then sections at 64-byte aligned offsets, the tensors first. All little endian. */
#define LATHE_WEIGHTS_MAGIC "LATHEWT1"
typedef struct lathe_weights_header {
  char magic[8];
  char build_id[32]; /* not NUL-terminated */
  uint64_t file_bytes;
  uint64_t tensors_offset, tensors_bytes;     /* offset: LATHE_TENSORS_OFFSET */
  uint64_t tokenizer_offset, tokenizer_bytes; /* 0 bytes: none */
  uint8_t content_hash[32]; /* BLAKE3 of everything behind the header, checked by `lathe inspect --verify` only */
} lathe_weights_header;

enum { LATHE_TENSORS_OFFSET = (sizeof(lathe_weights_header) + 63) / 64 * 64 };

#ifdef __cplusplus
}
#endif
#endif /* LATHE_PROGRAM_H */
