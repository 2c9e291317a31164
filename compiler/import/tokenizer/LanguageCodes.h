// Which languages a translator's vocabulary has tokens for, where its files do not list them.
#ifndef LATHE_COMPILER_IMPORT_TOKENIZER_LANGUAGECODES_H
#define LATHE_COMPILER_IMPORT_TOKENIZER_LANGUAGECODES_H

namespace lathe {

/// Codes with spaces between, in the order of their tokens. mBART-50's begin with mBART's; NLLB's name languages and
/// their scripts; the models of WMT 2021 have M2M-100's form.
extern const char *const mbartLanguages, *const mbart50Languages, *const nllbLanguages, *const m2m100Languages,
                                                                                            *const wmt21Languages;

} // namespace lathe

#endif // LATHE_COMPILER_IMPORT_TOKENIZER_LANGUAGECODES_H
