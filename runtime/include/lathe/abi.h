/* The C ABI of every library that Lathe emits.
 *
 * `lathe compile` copies this file into each NAME.h, so it includes nothing beyond the C library and is valid C99 and
 * C++. Strings are UTF-8 and end with NUL. Every call that can fail returns a status and, where `error` is not NULL, a
 * message. No call aborts, throws or prints. A model may be shared by any number of threads; a context belongs to one
 * thread at a time, except that lathe_api.cancel may be called from any.
 */
#ifndef LATHE_ABI_H
#define LATHE_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LATHE_ABI_VERSION 2

typedef enum lathe_status {
  LATHE_OK = 0,
  LATHE_INVALID_ARGUMENT = 1, /* an input's name, type, shape or value is wrong */
  LATHE_IO_ERROR = 2,         /* a file cannot be opened, read or mapped */
  LATHE_BAD_WEIGHTS = 3,      /* a weights file that is damaged or of another build */
  LATHE_UNSUPPORTED_CPU = 4,  /* the CPU, or LATHE_ISA, asks for what this library has not */
  LATHE_OUT_OF_MEMORY = 5,
  LATHE_OVER_BUDGET = 6, /* more tokens than the context was created for */
  LATHE_CANCELLED = 7,
  LATHE_UNAVAILABLE = 8, /* the model has no such entry, output or tokenizer */
  LATHE_TOO_LONG = 9     /* more tokens of one text than the model has positions for */
} lathe_status;

/* Filled by a failing call; the caller owns it. The message comes first so that `= {0}` is valid C++ too, where an
 * enumeration does not start from 0. */
typedef struct lathe_error {
  char message[508];
  lathe_status status;
} lathe_error;

typedef struct lathe_model lathe_model;
typedef struct lathe_context lathe_context;
/* What a context keeps of a text that a model goes on with. */
typedef struct lathe_sequence lathe_sequence;

/* LATHE_BF16 is seen by traces only. */
typedef enum lathe_dtype { LATHE_F32 = 0, LATHE_I32 = 1, LATHE_I64 = 2, LATHE_U8 = 3, LATHE_BF16 = 4 } lathe_dtype;

#define LATHE_MAX_RANK 6

/* A dense row-major array. `data` may be NULL when only shapes are asked for (lathe_api.infer) or there are no
 * elements. */
typedef struct lathe_tensor {
  const char *name; /* Hugging Face's name: "input_ids", "last_hidden_state", ... */
  lathe_dtype dtype;
  int32_t rank;
  int64_t shape[LATHE_MAX_RANK];
  void *data;
} lathe_tensor;

/* Where memory comes from. `allocate` returns 64-byte aligned memory or NULL. Called on any of the threads that run a
 * model's contexts, by several at once. */
typedef struct lathe_allocator {
  void *(*allocate)(void *user, size_t bytes);
  void (*release)(void *user, void *memory, size_t bytes);
  void *user;
} lathe_allocator;

typedef struct lathe_open_options {
  size_t size;                      /* sizeof(lathe_open_options) */
  const lathe_allocator *allocator; /* NULL: the C library's */
} lathe_open_options;

/* The caller's own threads: call body(data, i) for each i in [0, count), on any threads, and return when all have. */
typedef void (*lathe_parallel_body)(void *data, int32_t index);
typedef void (*lathe_parallel_for)(void *user, int32_t count, lathe_parallel_body body, void *data);

/* What a step of a run has computed. Valid until the call returns. */
typedef struct lathe_traced {
  const char *step;  /* its name, e.g. "encoder_layer/qkv"; a step of stacked layers comes once for each */
  lathe_dtype dtype; /* LATHE_F32 or LATHE_BF16 */
  int64_t rows;      /* as many as the run has tokens, or sequences */
  int64_t width;
  int64_t stride; /* elements from a row to the next */
  const void *data;
} lathe_traced;
/* Called by the thread that runs, after each step whose result is rows of numbers, in order. */
typedef void (*lathe_trace)(void *user, const lathe_traced *result);

typedef struct lathe_context_options {
  size_t size;                     /* sizeof(lathe_context_options) */
  int32_t threads;                 /* 0: as many as the process may run on */
  int64_t max_tokens;              /* token budget of one run, 0: 32768; padding counts only where it is computed */
  lathe_parallel_for parallel_for; /* NULL: the context's own pool, created by the first run */
  void *parallel_user;
  const lathe_allocator *allocator; /* NULL: the operating system's pages */
  int32_t profile;                  /* 1: keep times per step, read by lathe_api.profile */
  lathe_trace trace;                /* NULL: none; to see where two models part */
  void *trace_user;
} lathe_context_options;

typedef enum lathe_truncation {
  LATHE_TRUNCATE_LONGEST_FIRST = 0,
  LATHE_TRUNCATE_ONLY_FIRST = 1,
  LATHE_TRUNCATE_ONLY_SECOND = 2
} lathe_truncation;

typedef struct lathe_tokenize_options {
  size_t size;        /* sizeof(lathe_tokenize_options) */
  int64_t max_length; /* -1: the model's own; 0: no truncation */
  lathe_truncation truncation;
  /* A code of lathe_api.languages that the tokenizer's template names; NULL: the default one. Of most models the
   * language of the text, of Marian's the one to be written. */
  const char *language;
} lathe_tokenize_options;

/* A language that a model's tokenizer has a token for. */
typedef struct lathe_language {
  const char *code;  /* "en_XX"; lives as long as the model */
  int32_t id;        /* of its token: what `forced_bos_id` asks for to have a text written in it */
  int32_t is_source; /* 1: what texts are in unless told otherwise; never where the template names what is written */
  int32_t is_target; /* 1: what the tokenizer's files say that is written */
} lathe_language;

/* One text, or a pair, as tokens. Arrays have `length` entries; freed by lathe_api.free_encoding. */
typedef struct lathe_encoding {
  size_t length;
  int32_t *ids;
  int32_t *type_ids;
  int32_t *offsets;             /* [length][2]: [start, end) in code points of the text; special tokens [0, 0] */
  uint8_t *special_tokens_mask; /* 1 where the post-processor added the token */
  void *memory;                 /* the library's */
} lathe_encoding;

/* What an entry takes and gives. A shape of -1 is chosen by the caller. */
typedef struct lathe_io {
  const char *name;
  lathe_dtype dtype;
  int32_t rank;
  int64_t shape[LATHE_MAX_RANK];
  int32_t optional;
} lathe_io;

typedef struct lathe_entry_info {
  const char *name;
  size_t n_inputs;
  const lathe_io *inputs;
  size_t n_outputs;
  const lathe_io *outputs;
} lathe_entry_info;

/* A text that a sentence-embedding model was trained to see before every text of a kind: "query: ". */
typedef struct lathe_prompt {
  const char *name;
  const char *text;
  int32_t is_default; /* 1: it stands before a text unless the caller chooses another; of all prompts, at most one */
} lathe_prompt;

/* Which prompt stands before every text. With neither member set it is the model's default one, if there is one. */
typedef struct lathe_embed_options {
  size_t size;             /* sizeof(lathe_embed_options) */
  const char *prompt_name; /* one of lathe_api.prompts, or NULL */
  const char *prompt;      /* its text, or NULL; "" for none */
} lathe_embed_options;

/* Of beam search: when a text's search ends (Transformers' early_stopping). */
typedef enum lathe_early_stopping {
  LATHE_STOP_BY_BEST = 0,     /* false: when the best running beam, as long as it is now, is behind all finished ones */
  LATHE_STOP_WHEN_ENOUGH = 1, /* true: when num_beams texts are finished */
  LATHE_STOP_NEVER_EARLY = 2  /* "never": when no running beam, however long, can come before the finished ones */
} lathe_early_stopping;

/* Called for every token that a model writes, by the thread that generates: the text of prompt `prompt`, and of its
 * num_return_sequences the one numbered `sequence`, goes on with `id`; `text`, `length` bytes, is what can be said of
 * its text by now, which never ends inside a character, and may be nothing. At a text's end it is called with an id of
 * -1 and what was left to say. A return value other than 0 cancels. */
typedef int32_t (*lathe_stream)(void *user, size_t prompt, size_t sequence, int32_t id, const char *text,
                                size_t length);

typedef struct lathe_api lathe_api;

/* A smaller model of the same vocabulary, in a library of its own, that guesses what comes next, so that the other one
 * reads several tokens in one step (assisted, or speculative, decoding). The guesses change how long it takes: greedy
 * texts are those without an assistant, and draws have the same probabilities, as far as logits do not depend on how
 * many tokens are read in a step: that may change their last bits, which decide between tokens that are equally likely.
 *
 * It guesses no further where a text is longer than the assistant has positions for, or what its encoder reads longer
 * than these or its context's budget (max_tokens); the model goes on alone. */
typedef struct lathe_assistant {
  size_t size;            /* sizeof(lathe_assistant) */
  const lathe_api *api;   /* its library's */
  lathe_context *context; /* of that library, in use by `generate` until it returns */
  /* How many tokens it guesses in a step; 0: num_assistant_tokens. With a heuristic schedule that is not transient it
   * is left at what the next call is to begin with. */
  double tokens;
  /* Added to by each call: steps that had guesses, guesses, and those that were right. */
  int64_t steps, guessed, accepted;
} lathe_assistant;

/* How the number of guesses changes (Transformers' num_assistant_tokens_schedule): with a heuristic one it grows by two
 * where all are right and else falls by one, for all that follows, or for one text. */
typedef enum lathe_assistant_schedule {
  LATHE_ASSISTANT_CONSTANT = 0,
  LATHE_ASSISTANT_HEURISTIC = 1,
  LATHE_ASSISTANT_HEURISTIC_TRANSIENT = 2
} lathe_assistant_schedule;

/* A run of ids, as in a list of words. */
typedef struct lathe_ids {
  const int32_t *ids;
  size_t length;
} lathe_ids;

/* Added to the score of the last of these ids where a text ends with those before it. */
typedef struct lathe_sequence_bias {
  const int32_t *ids;
  size_t length;
  double bias;
} lathe_sequence_bias;

/* How a model writes: what Transformers' generation_config.json says, under its names and with its meaning.
 * lathe_api.generate_defaults sets every member to what the model's own file says, or else to Transformers' default. */
typedef struct lathe_generate_options {
  size_t size;            /* sizeof(lathe_generate_options) */
  int64_t max_new_tokens; /* 0: as max_length says; in any case no more than the model has positions for */
  int64_t max_length;     /* tokens with the prompt, where max_new_tokens is 0 */
  int64_t min_new_tokens; /* no end before so many */
  int64_t min_length;     /* likewise, with the prompt */
  int32_t num_beams;      /* 1: no beam search */
  int32_t num_beam_groups;
  double diversity_penalty; /* between groups of beams */
  double length_penalty;    /* of beam search: scores are divided by the length to the power of this */
  lathe_early_stopping early_stopping;
  int32_t num_return_sequences; /* for each prompt: at most num_beams in beam search; 1 where nothing is drawn */
  int32_t do_sample;            /* 1: tokens are drawn */
  double temperature;           /* of the draw, as the next four; > 0 */
  int64_t top_k;                /* 0: all tokens */
  double top_p;                 /* 1: all tokens */
  double min_p;                 /* 0: all tokens */
  double typical_p;             /* 1: all tokens */
  uint64_t seed;
  double repetition_penalty;    /* 1: none; of tokens that the text has, prompt included */
  double presence_penalty;      /* 0: none; taken from the logit of every token that the model has written */
  double frequency_penalty;     /* 0: none; likewise, for each time that it has */
  int64_t no_repeat_ngram_size; /* 0: any may come again */
  const lathe_ids *bad_words;   /* that are never written */
  size_t n_bad_words;
  int32_t forced_bos_id;  /* the first token behind the decoder's start; -1: none */
  int32_t forced_eos_id;  /* the last token at the greatest length; -1: none */
  const int32_t *eos_ids; /* any of them ends a text */
  size_t n_eos_ids;
  int32_t pad_id; /* what ends rows of sequences that are shorter than others; -1: the first of eos_ids */
  /* A text ends, too, with the token in which one of these ends; of models with a tokenizer. See num_beam_groups. */
  const char *const *stop;
  size_t n_stop;
  lathe_stream stream; /* NULL: none; not in beam search, which writes nothing before its end */
  void *stream_user;
  /* Of each prompt, so many columns from its first token on see each other in both directions, as a prefix language
   * model reads its input. NULL: none. */
  const int32_t *prefix_lens;
  /* Of models with an encoder and a decoder, whose texts are written from what the encoder has read. Lengths and
   * penalties go by what the decoder reads and writes. */
  int32_t decoder_start_id; /* what each text begins with; -1: nothing, so that decoder_ids must be given */
  /* What the text for each prompt begins with in its place, as cu_seqlens says; where none of these begins with
   * decoder_start_id, that stands before each. NULL: decoder_start_id alone. */
  const int32_t *decoder_ids;
  const int32_t *decoder_cu_seqlens;
  /* 1: none; below 1, tokens of what is read (the prompt or, of models with an encoder, what that reads) are less
   * likely. As Transformers has it, of the beams of a prompt, or a group, the first one's only, and of several texts
   * the first. */
  double encoder_repetition_penalty;
  int64_t encoder_no_repeat_ngram_size; /* 0: what is read may come again */
  const lathe_sequence_bias *sequence_bias;
  size_t n_sequence_bias;
  lathe_ids suppress_tokens;       /* that are never written, forced ones included */
  lathe_ids begin_suppress_tokens; /* that are not written first, or not behind forced_bos_id */
  /* exponential_decay_length_penalty: when so many tokens have been written, what ends a text gets likelier with each
   * further one, by this factor to the power of their number; 1: it does not. */
  int64_t decay_start;
  double decay_factor;
  double epsilon_cutoff;      /* of the draw: 0: all tokens, else those with such a probability at least */
  double eta_cutoff;          /* of the draw: 0: all tokens, else the same, or less where many tokens are likely */
  int32_t renormalize_logits; /* 1: of beam search: probabilities add up to 1 after all of these, too */
  /* NULL: none; not in beam search, and one text for each prompt. The next three are of the texts that it assists with;
   * Transformers takes them from the assistant's own file. */
  lathe_assistant *assistant;
  int64_t num_assistant_tokens; /* guesses in a step, at most; 1 or more */
  lathe_assistant_schedule num_assistant_tokens_schedule;
  double assistant_confidence_threshold; /* a guess with a smaller probability is the step's last one; 0: none is */
} lathe_generate_options;

/* A text that a model has written. */
typedef struct lathe_generated {
  size_t length; /* tokens written, without the prompt; one that ended the text is the last */
  int32_t *ids;  /* [length] */
  double score;  /* of beam search: the sum of log-probabilities over length^length_penalty; else 0 */
  void *memory;  /* the library's */
} lathe_generated;

typedef struct lathe_profile_step {
  const char *name;   /* what the step computes, e.g. "encoder_layer/qkv" */
  const char *kernel; /* the kernel that ran it */
  int64_t calls;
  double seconds;
  double busy_seconds; /* of seconds * threads, what the context's threads spent in the kernel */
} lathe_profile_step;

struct lathe_api {
  uint32_t abi_version; /* LATHE_ABI_VERSION; check before touching another field */
  uint32_t size;        /* sizeof(lathe_api) */
  const char *(*name)(void);
  const char *(*build_id)(void); /* 32 hexadecimal digits; the same in the weights file */
  /* How many entries there are; `entries`, if not NULL, is pointed to their descriptions. */
  size_t (*entries)(const lathe_entry_info **entries);

  /* Opens the weights file at `path`; NULL looks for NAME.weights beside the library (beside the executable when
   * linked statically), or uses what is embedded. Maps the file; reads and hashes none of the weights.
   * If the code to be used is that for AMX (see isa), the system is asked once to let the process have its tiles. */
  lathe_status (*open)(const char *path, const lathe_open_options *options, lathe_model **model, lathe_error *error);
  /* The same from memory, which must be 64-byte aligned and outlive the model. */
  lathe_status (*open_memory)(const void *weights, size_t bytes, const lathe_open_options *options, lathe_model **model,
                              lathe_error *error);
  void (*close)(lathe_model *model); /* after every context of it is destroyed; NULL is allowed */

  lathe_status (*context_create)(lathe_model *model, const lathe_context_options *options, lathe_context **context,
                                 lathe_error *error);
  void (*context_destroy)(lathe_context *context);
  /* Makes the context's current or next run end soon with LATHE_CANCELLED, its outputs unfinished. From any thread. */
  void (*cancel)(lathe_context *context);

  /* Sets dtype, rank and shape of each named output for these inputs, of which only the shapes are read, and for
   * attentions, [B, heads, L, L], the numbers of cu_seqlens. `entry` NULL: the first. */
  lathe_status (*infer)(lathe_context *context, const char *entry, const lathe_tensor *inputs, size_t n_inputs,
                        lathe_tensor *outputs, size_t n_outputs, lathe_error *error);
  /* Runs an entry. Inputs: [B, S] padded, or ragged "input_ids" [T] with "cu_seqlens" i32 [B+1]; of models with an
   * encoder and a decoder "decoder_input_ids" and what goes with them likewise. Outputs must have the shapes that
   * `infer` gives and room for them; any subset of the entry's outputs may be asked for. What the arrays hold after a
   * failure is unspecified. */
  lathe_status (*run)(lathe_context *context, const char *entry, const lathe_tensor *inputs, size_t n_inputs,
                      const lathe_tensor *outputs, size_t n_outputs, lathe_error *error);
  /* Tokenizes n texts and writes the model's "sentence_embedding" [n, width] as one packed batch. Texts beyond the
   * token budget are run in several batches; the bits of each row are the same. The model's default prompt, if it has
   * one, stands before each text. */
  lathe_status (*embed_text)(lathe_context *context, const char *const *texts, size_t n, float *embeddings,
                             lathe_error *error);

  /* `pair` may be NULL. Options NULL: the model's own maximum length, longest first. */
  lathe_status (*tokenize)(const lathe_model *model, const char *text, const char *pair,
                           const lathe_tokenize_options *options, lathe_encoding *encoding, lathe_error *error);
  void (*free_encoding)(const lathe_model *model, lathe_encoding *encoding);
  /* Text of ids, as the tokenizer's decoder gives it. Writes at most `capacity` bytes with the NUL; *length gets the
   * length needed without it. */
  lathe_status (*detokenize)(const lathe_model *model, const int32_t *ids, size_t n, int32_t skip_special_tokens,
                             char *text, size_t capacity, size_t *length, lathe_error *error);
  /* The vocabulary's text of one id, or NULL. Lives as long as the model. */
  const char *(*token_text)(const lathe_model *model, int32_t id);

  /* Bytes of working memory that a run of this size uses at most, beyond weights and the caller's own arrays; 0 if
   * there is no such entry or size. Of models with an encoder and a decoder that is of so many tokens on either side.
   * The context keeps what its largest run has used. */
  size_t (*memory)(const lathe_context *context, const char *entry, int64_t tokens, int64_t batch, int64_t longest);
  /* Steps of the runs so far when the context profiles; returns how many there are, writes at most `capacity`. */
  size_t (*profile)(const lathe_context *context, lathe_profile_step *steps, size_t capacity);
  /* The ISA level in use: "avx512", ... */
  const char *(*isa)(const lathe_model *model);

  /* How many prompts the model has; `prompts`, if not NULL, is pointed to them, sorted by name. They live as long as
   * the library. */
  size_t (*prompts)(const lathe_prompt **prompts);
  /* embed_text behind a prompt of the caller's choice. Options NULL: the default one. Where the model pools without the
   * prompt, the tokens that the prompt has by itself, but for a special token at its end, are left out, those that
   * stand before it included. */
  lathe_status (*embed_text_with)(lathe_context *context, const char *const *texts, size_t n,
                                  const lathe_embed_options *options, float *embeddings, lathe_error *error);
  /* n texts, tokenized on the context's threads: encodings[i] is what `tokenize` gives for texts[i] and pairs[i];
   * `pairs`, and any of them, may be NULL. An error names the first text that has one and leaves no encoding. Each is
   * freed by free_encoding. */
  lathe_status (*tokenize_batch)(lathe_context *context, const char *const *texts, const char *const *pairs, size_t n,
                                 const lathe_tokenize_options *options, lathe_encoding *encodings, lathe_error *error);
  /* A text in windows of at most options->max_length tokens, each of which repeats the last `stride` tokens of the one
   * before (where truncation keeps the end of texts, windows come from the end and repeat the first). Of a pair the
   * text that options->truncation names is cut, and the other one is whole in every window. *n_windows gets their
   * number, of which at most `capacity` are written, each to be freed by free_encoding. */
  lathe_status (*tokenize_windows)(const lathe_model *model, const char *text, const char *pair,
                                   const lathe_tokenize_options *options, int64_t stride, lathe_encoding *windows,
                                   size_t capacity, size_t *n_windows, lathe_error *error);

  /* Models that write. A sequence belongs to its context and is destroyed with it at the latest. A new one has no
   * tokens or, with `from`, the first `length` of another one's, whose memory both then share. Of models with an
   * encoder, `encode` creates those without tokens. */
  lathe_status (*sequence_create)(lathe_context *context, const lathe_sequence *from, int64_t length,
                                  lathe_sequence **sequence, lathe_error *error);
  void (*sequence_destroy)(lathe_sequence *sequence); /* NULL is allowed */
  int64_t (*sequence_length)(const lathe_sequence *sequence);
  /* Forgets all tokens from `length` on. */
  lathe_status (*sequence_truncate)(lathe_sequence *sequence, int64_t length, lathe_error *error);
  /* Goes on with n different sequences: the tokens ids[cu_seqlens[i]] up to ids[cu_seqlens[i + 1]] follow those that
   * sequence i has; a prompt is the case of many that follow none. Of the tokens logit_rows[j], by index into `ids`,
   * writes the logits of what comes next, [n_logit_rows, vocab]. A sequence's numbers do not depend on the others'. A
   * step that fails, or is cancelled, leaves the sequences as they were. */
  lathe_status (*decode)(lathe_context *context, lathe_sequence *const *sequences, size_t n, const int32_t *ids,
                         const int32_t *cu_seqlens, const int32_t *logit_rows, size_t n_logit_rows, float *logits,
                         lathe_error *error);
  /* Sets all options to what Transformers takes where the model's file says nothing, and then to what it says. */
  lathe_status (*generate_defaults)(const lathe_model *model, lathe_generate_options *options, lathe_error *error);
  /* Writes texts that begin with the n prompts ids[cu_seqlens[i]] up to ids[cu_seqlens[i + 1]]; models with an encoder
   * read these, and texts begin with what options say of the decoder. Ids for which `mask`,
   * if not NULL, is 0 are padding, which the model does not read; but lengths count it and penalties go by it, as
   * Transformers' do. results has
   * num_return_sequences for each prompt, one prompt behind the other, best first; each is freed by free_generated.
   * Options NULL: generate_defaults. A prompt's texts do not depend on the others, but draws go by its number. */
  lathe_status (*generate)(lathe_context *context, const int32_t *ids, const int32_t *cu_seqlens, const uint8_t *mask,
                           size_t n, const lathe_generate_options *options, lathe_generated *results,
                           lathe_error *error);
  void (*free_generated)(const lathe_model *model, lathe_generated *text);
  /* How many ids the logits of a model that writes are of; 0 of others. */
  int64_t (*vocabulary)(const lathe_model *model);
  /* Bytes of what the context's sequences keep of their tokens: page_bytes of the manifest for every page_tokens of a
   * sequence, those that several share counted once. */
  size_t (*cache_memory)(const lathe_context *context);
  /* Has the first `length` tokens of a sequence, which has none yet, see each other in both directions. One step must
   * add them all, and they are kept or forgotten together. */
  lathe_status (*sequence_set_prefix)(lathe_sequence *sequence, int64_t length, lathe_error *error);
  /* Models with an encoder beside the decoder: reads n texts, ids[cu_seqlens[i]] up to ids[cu_seqlens[i + 1]] without
   * those for which `mask`, if not NULL, is 0, and begins a sequence for each, which `decode` goes on with. What the
   * encoder gave is kept with the sequence and those created from it. Texts beyond the token budget together are read
   * in several runs. */
  lathe_status (*encode)(lathe_context *context, const int32_t *ids, const int32_t *cu_seqlens, const uint8_t *mask,
                         size_t n, lathe_sequence **sequences, lathe_error *error);
  /* The languages that the model's tokenizer has tokens for; returns how many there are, writes at most `capacity`. */
  size_t (*languages)(const lathe_model *model, lathe_language *languages, size_t capacity);
  /* The model that a context was created for. */
  lathe_model *(*context_model)(const lathe_context *context);
};

#ifdef __cplusplus
}
#endif
#endif /* LATHE_ABI_H */
