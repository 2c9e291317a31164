// Where extended grapheme clusters end (Unicode Standard Annex 29, 16.0).
#ifndef LATHE_RUNTIME_TOKENIZER_GRAPHEMES_H
#define LATHE_RUNTIME_TOKENIZER_GRAPHEMES_H

#include "runtime/tokenizer/Tokenizer.h"

namespace lathe {

/// The end of the cluster that begins at `begin` < `end`; the text must be UTF-8. `classes` gives GraphemeClass.
const char *endOfGrapheme(const ClassMap &classes, const char *begin, const char *end);

} // namespace lathe

#endif
