#include "compiler/import/tokenizer/SentencePieceModel.h"

#include "compiler/import/safetensors/MappedFile.h"
#include "compiler/import/safetensors/Quote.h"
#include "compiler/import/tokenizer/JsonView.h"
#include "compiler/import/tokenizer/ProtoReader.h"
#include "compiler/import/tokenizer/TokenizerSpec.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/ConvertUTF.h"
#include <cmath>

using namespace lathe;

/// The fields' numbers are those of sentencepiece_model.proto, and so are the values that absent ones have.
static SentencePiece readPiece(ProtoReader reader) {
  SentencePiece piece;
  while (reader.next())
    switch (reader.field()) {
    case 1:
      piece.text = reader.string().str();
      break;
    case 2:
      piece.score = reader.real();
      break;
    case 3:
      if (reader.integer() < 1 || reader.integer() > 6)
        reader.fail("a piece of type " + llvm::Twine(reader.integer()));
      piece.type = PieceType(reader.integer());
      break;
    }
  return piece;
}

static void readTrainer(ProtoReader reader, SentencePieceModel &model) {
  while (reader.next())
    switch (reader.field()) {
    case 3:
      if (reader.integer() < 1 || reader.integer() > 4)
        reader.fail("a model of type " + llvm::Twine(reader.integer()));
      model.kind = SentencePieceModel::Kind(reader.integer());
      break;
    case 24:
      model.marksEnds = reader.boolean();
      break;
    case 26:
      model.hasSpacePieces = reader.boolean();
      break;
    case 35:
      model.fallsBack = reader.boolean();
      break;
    case 44:
      model.unknownText = reader.string().str();
      break;
    }
}

static void readNormalizer(ProtoReader reader, PieceNormalizer &normalizer) {
  while (reader.next())
    switch (reader.field()) {
    case 2:
      normalizer.charsmap = reader.string().str();
      break;
    case 3:
      normalizer.addsPrefix = reader.boolean();
      break;
    case 4:
      normalizer.removesSpaces = reader.boolean();
      break;
    case 5:
      normalizer.marksSpaces = reader.boolean();
      break;
    }
}

static bool isUtf8(llvm::StringRef text) {
  const auto *byte = reinterpret_cast<const llvm::UTF8 *>(text.begin());
  return llvm::isLegalUTF8String(&byte, byte + text.size());
}

/// What a sound file has in common; or what is wrong.
static std::string findProblem(SentencePieceModel &model) {
  llvm::StringMap<size_t> ids;
  size_t unknowns = 0;
  for (auto [id, piece] : llvm::enumerate(model.pieces)) {
    std::string name = "piece " + std::to_string(id);
    if (piece.text.empty() || !isUtf8(piece.text))
      return name + (piece.text.empty() ? " is empty" : " is not UTF-8");
    auto [place, isNew] = ids.try_emplace(piece.text, id);
    if (!isNew)
      return name + " is " + quote(piece.text) + ", as piece " + std::to_string(place->second) + " is already";
    if (!std::isfinite(piece.score))
      return name + " has a score that is no number";
    if (piece.type == PieceType::Unknown) {
      model.unknown = uint32_t(id);
      ++unknowns;
    }
  }
  if (unknowns != 1)
    return std::to_string(unknowns) + " of its " + std::to_string(model.pieces.size()) +
           " pieces stand for what is unknown; expected one";
  if (!isUtf8(model.unknownText) || llvm::StringRef(model.unknownText).contains('\0'))
    return "what the unknown piece decodes to is no text";
  for (unsigned byte = 0; model.fallsBack && byte < 256; ++byte) {
    auto found = ids.find(byteFallbackToken(uint8_t(byte)));
    if (found == ids.end() || model.pieces[found->second].type != PieceType::Byte)
      return "it falls back to bytes, but has no piece " + quote(byteFallbackToken(uint8_t(byte))) + " of that type";
  }
  return "";
}

llvm::Expected<SentencePieceModel> lathe::readSentencePieceModel(llvm::StringRef path) {
  llvm::Expected<MappedFile> file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  llvm::StringRef bytes = file->text();
  if (bytes.size() > maxJsonBytes)
    return fileError(path, llvm::Twine(bytes.size()) + " bytes; a model may have " + llvm::Twine(maxJsonBytes));
  SentencePieceModel model;
  std::string problem;
  ProtoReader reader(bytes, bytes.data(), problem);
  while (reader.next())
    if (reader.field() == 1)
      model.pieces.push_back(readPiece(reader.message()));
    else if (reader.field() == 2)
      readTrainer(reader.message(), model);
    else if (reader.field() == 3)
      readNormalizer(reader.message(), model.normalizer);
    else if (reader.field() == 5)
      readNormalizer(reader.message(), model.denormalizer);
  if (problem.empty())
    problem = findProblem(model);
  if (!problem.empty())
    return fileError(path, problem);
  return model;
}
