#include "compiler/import/tokenizer/PlainSentencePiece.h"

#include "compiler/import/safetensors/Quote.h"
#include "compiler/import/tokenizer/JsonView.h"
#include "compiler/import/tokenizer/ReadCharsmap.h"
#include "compiler/import/tokenizer/UnsupportedTokenizer.h"
#include "runtime/tokenizer/Utf8.h"

#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <limits>

using namespace lathe;

/// Calls `use` with both parts of each cut between two characters.
static void forEachCut(const std::string &text, llvm::function_ref<void(std::string, std::string)> use) {
  for (size_t at = 1; at < text.size(); ++at)
    if (!isContinuationByte(text[at]))
      use(text.substr(0, at), text.substr(at));
}

static size_t countCharacters(llvm::StringRef text) {
  return size_t(llvm::count_if(text, [](char byte) { return !isContinuationByte(byte); }));
}

std::vector<std::pair<std::string, std::string>> lathe::mergesByScore(const std::vector<std::string> &vocabulary,
                                                                      const llvm::StringMap<uint32_t> &ids,
                                                                      const std::vector<double> &scores) {
  struct Merge {
    std::string left, right;
    double score;
    size_t leftSize, rightSize, place;
  };
  std::vector<Merge> merges;
  for (auto [id, token] : llvm::enumerate(vocabulary)) {
    size_t first = merges.size();
    forEachCut(token, [&, id = id](std::string left, std::string right) {
      if (ids.contains(left) && ids.contains(right))
        merges.push_back({left, right, scores[id], countCharacters(left), countCharacters(right), 0});
    });
    std::sort(merges.begin() + ptrdiff_t(first), merges.end(), [&](const Merge &a, const Merge &b) {
      return std::pair(ids.lookup(a.left), ids.lookup(a.right)) < std::pair(ids.lookup(b.left), ids.lookup(b.right));
    });
  }
  for (auto [place, merge] : llvm::enumerate(merges))
    merge.place = place;
  llvm::sort(merges, [](const Merge &a, const Merge &b) { // of equal ones the first stays first
    return std::tuple(a.score, a.leftSize, a.rightSize, b.place) >
           std::tuple(b.score, b.leftSize, b.rightSize, a.place);
  });
  std::vector<std::pair<std::string, std::string>> result;
  for (Merge &merge : merges)
    result.push_back({std::move(merge.left), std::move(merge.right)});
  return result;
}

namespace {
class PlainConverter {
public:
  PlainConverter(const SentencePieceModel &model, llvm::StringRef path) : model(model), path(path) {}

  llvm::Expected<TokenizerSpec> convert();

private:
  bool has(PieceType type) const {
    return llvm::any_of(model.pieces, [&](const SentencePiece &piece) { return piece.type == type; });
  }
  llvm::Error unsupported(const llvm::Twine &reason) const {
    return llvm::make_error<UnsupportedTokenizer>(path, reason);
  }
  void setUnigram();
  llvm::Error setBpe();
  void cutAtMarks(bool whereverTheyAre);

  const SentencePieceModel &model;
  llvm::StringRef path;
  TokenizerSpec spec;
};
} // namespace

/// The library adds scores up in single precision.
void PlainConverter::setUnigram() {
  UnigramModel unigram;
  unigram.unknown = model.pieces[model.unknown].text;
  unigram.unknownId = model.unknown;
  unigram.fallsBack = model.fallsBack;
  unigram.addsFloats = true;
  float least = std::numeric_limits<float>::max();
  for (const SentencePiece &piece : model.pieces) {
    if (piece.type == PieceType::Normal)
      least = std::min(least, piece.score);
    unigram.scores.push_back(double(piece.score));
  }
  unigram.unknownScore = double(least - 10.0f);
  spec.model = std::move(unigram);
}

/// Any two neighbours that make a piece are merged, those of the highest score first, of equal ones the first in the
/// text. Symbols of the user take no part.
llvm::Error PlainConverter::setBpe() {
  BpeModel bpe;
  bpe.unknown = model.pieces[model.unknown].text;
  bpe.fusesUnknown = true;
  bpe.fallsBack = model.fallsBack;
  std::vector<const SentencePiece *> byScore;
  if (model.kind == SentencePieceModel::Bpe)
    for (const SentencePiece &piece : model.pieces)
      if (piece.type == PieceType::Normal)
        byScore.push_back(&piece);
  llvm::sort(byScore, [](auto *a, auto *b) { return a->score != b->score ? a->score > b->score : a < b; });
  auto isNormal = [&](const std::string &text) {
    std::optional<uint32_t> id = spec.idOf(text);
    return id && model.pieces[*id].type == PieceType::Normal;
  };
  uint32_t rank = 0;
  float score = 0;
  std::string lonely; // a character in pieces, but none itself
  for (const SentencePiece *piece : byScore) {
    if (piece->score != score)
      ++rank;
    score = piece->score;
    forEachCut(piece->text, [&](std::string left, std::string right) {
      bool hasLeft = isNormal(left), hasRight = isNormal(right);
      if (hasLeft && hasRight) {
        bpe.merges.push_back({left, right});
        bpe.ranks.push_back(rank);
      } else if ((hasLeft || countCharacters(left) == 1) && (hasRight || countCharacters(right) == 1)) {
        lonely = hasLeft ? right : left;
      }
    });
  }
  if (!lonely.empty())
    return unsupported("the character " + quote(lonely) +
                       " stands in pieces, but is none itself; accepted are models with a piece for each character");
  if (has(PieceType::Unused))
    return unsupported("the BPE model has pieces of type 5 (unused), which are accepted in Unigram models only");
  spec.model = std::move(bpe);
  return llvm::Error::success();
}

/// Words begin with the mark of a space, or end with it. Cutting there first changes nothing where no piece has marks
/// elsewhere, and saves time.
void PlainConverter::cutAtMarks(bool whereverTheyAre) {
  bool isSafe = llvm::all_of(model.pieces, [&](const SentencePiece &piece) {
    llvm::StringRef text = piece.text;
    model.marksEnds ? text.consume_back(spaceMark) : text.consume_front(spaceMark);
    return !text.contains(spaceMark);
  });
  if (isSafe || whereverTheyAre)
    spec.preTokenizer.push_back(
        SplitStep{{spaceMark, true}, model.marksEnds ? SplitBehavior::WithPrevious : SplitBehavior::WithNext});
}

llvm::Expected<TokenizerSpec> PlainConverter::convert() {
  for (const SentencePiece &piece : model.pieces) {
    spec.ids[piece.text] = uint32_t(spec.vocabulary.size());
    spec.vocabulary.push_back(piece.text);
    spec.isHidden.push_back(piece.type != PieceType::Normal && piece.type != PieceType::UserDefined);
    if (piece.type == PieceType::UserDefined)
      spec.userSymbols.push_back(piece.text);
  }
  spec.modelTokens = uint32_t(spec.vocabulary.size());
  switch (model.kind) {
  case SentencePieceModel::Unigram:
    setUnigram();
    break;
  case SentencePieceModel::Bpe:
  case SentencePieceModel::Char:
    if (llvm::Error error = setBpe())
      return error;
    cutAtMarks(/*whereverTheyAre=*/false);
    break;
  case SentencePieceModel::Word:
    if (model.hasSpacePieces || model.fallsBack || !spec.userSymbols.empty())
      return unsupported("a model of words with pieces of spaces alone, bytes, or symbols of the user; accepted: none "
                         "of these");
    spec.model = WordLevelModel{model.pieces[model.unknown].text, /*fusesUnknown=*/true};
    cutAtMarks(/*whereverTheyAre=*/true);
    break;
  }

  const PieceNormalizer &normalizer = model.normalizer, &denormalizer = model.denormalizer;
  SentencePieceStep step;
  llvm::Expected<CharsmapStep> charsmap = readCharsmap(normalizer.charsmap, /*allKeys=*/true);
  if (!charsmap)
    return fileError(path, llvm::toString(charsmap.takeError()));
  step.charsmap = std::move(*charsmap);
  step.flags = (normalizer.addsPrefix ? spmAddsMark : 0) | (normalizer.removesSpaces ? spmRemovesSpaces : 0) |
               (normalizer.marksSpaces ? spmMarksSpaces : 0) | (model.marksEnds ? spmMarksEnds : 0);
  spec.normalizer = {std::move(step)};
  spec.endsAtNext = true;

  SentencePieceDecoder decoder;
  charsmap = readCharsmap(denormalizer.charsmap, /*allKeys=*/true);
  if (!charsmap)
    return fileError(path, "of its denormalizer " + llvm::toString(charsmap.takeError()));
  bool changesSpaces = denormalizer.addsPrefix || denormalizer.removesSpaces || denormalizer.marksSpaces;
  if (changesSpaces && !charsmap->replacements.empty())
    return unsupported("the model's denormalizer changes spaces; accepted is one that does not");
  decoder.replacements = std::move(charsmap->replacements);
  decoder.unknownText = model.unknownText;
  decoder.dropsMark = normalizer.addsPrefix || normalizer.removesSpaces;
  decoder.dropsAll = normalizer.removesSpaces;
  for (const SentencePiece &piece : model.pieces)
    decoder.types.push_back(uint8_t(piece.type));
  spec.decoder = {std::move(decoder)};
  spec.single = {{templateFirst, 0}};
  spec.pair = {{templateFirst, 0}, {templateSecond, 1}};
  return std::move(spec);
}

llvm::Expected<TokenizerSpec> lathe::plainSentencePiece(const SentencePieceModel &model, llvm::StringRef path,
                                                        const TokenizerConfig &config) {
  llvm::Expected<TokenizerSpec> spec = PlainConverter(model, path).convert();
  if (spec)
    spec->truncatesLeft = config.truncatesLeft.value_or(false);
  return spec;
}

Model lathe::modelOfPieces(const SentencePieceModel &model, const TokenizerSpec &spec, std::vector<double> scores,
                           uint32_t unknownId, bool fallsBack) {
  if (model.kind == SentencePieceModel::Unigram) {
    UnigramModel unigram;
    unigram.unknown = spec.vocabulary[unknownId];
    unigram.unknownId = unknownId;
    unigram.fallsBack = fallsBack;
    unigram.scores = std::move(scores);
    return unigram;
  }
  BpeModel bpe;
  bpe.unknown = model.pieces[model.unknown].text;
  bpe.fusesUnknown = true;
  bpe.fallsBack = fallsBack;
  bpe.merges = mergesByScore(spec.vocabulary, spec.ids, scores);
  return bpe;
}
