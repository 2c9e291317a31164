#include "compiler/import/tokenizer/DecodeTokens.h"

#include "compiler/import/tokenizer/SentencePieceModel.h"

#include "runtime/tokenizer/Utf8.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace lathe;

template <typename Step> static bool is(const DecoderStep &step) { return std::holds_alternative<Step>(step); }

static void replaceAll(std::string &text, llvm::StringRef from, llvm::StringRef to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

/// The WordPiece decoder's clean-up of one token, in the order that the library applies it.
static void cleanUp(std::string &text) {
  static constexpr std::pair<llvm::StringRef, llvm::StringRef> replacements[] = {
      {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},   {" n't", "n't"},
      {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (auto [from, to] : replacements)
    replaceAll(text, from, to);
}

static void applyWordPiece(const WordPieceDecoder &step, std::string &text, bool isAtEdge) {
  if (!isAtEdge) {
    if (llvm::StringRef(text).starts_with(step.prefix))
      text.erase(0, step.prefix.size());
    else
      text.insert(0, " ");
  }
  if (step.cleansUp)
    cleanUp(text);
}

static void applyStrip(const StripDecoder &step, std::string &text) {
  llvm::StringRef rest = text;
  for (uint32_t i = 0; i < step.begin && rest.consume_front(step.character);)
    ++i;
  for (uint32_t i = 0; i < step.end && rest.consume_back(step.character);)
    ++i;
  text = rest.str();
}

static void applyOpenEnds(const OpenEndsDecoder &step, std::string &text, bool isAtEdge) {
  if (!isAtEdge)
    text += ' ';
  replaceAll(text, step.mark + " ", "");
}

/// One step on one token; those on the whole text do nothing.
static void apply(const DecoderStep &step, std::string &text, bool isAtEdge) {
  if (is<SpacesDecoder>(step)) {
    if (!isAtEdge)
      text.insert(0, " ");
  } else if (auto *wordPiece = std::get_if<WordPieceDecoder>(&step)) {
    applyWordPiece(*wordPiece, text, isAtEdge);
  } else if (auto *metaspace = std::get_if<MetaspaceDecoder>(&step)) {
    replaceAll(text, metaspace->replacement, isAtEdge && metaspace->dropsFirst ? "" : " ");
  } else if (auto *openEnds = std::get_if<OpenEndsDecoder>(&step)) {
    applyOpenEnds(*openEnds, text, isAtEdge);
  } else if (auto *bpe = std::get_if<BpeDecoder>(&step)) {
    replaceAll(text, bpe->suffix, isAtEdge ? "" : " ");
  } else if (auto *replace = std::get_if<ReplaceDecoder>(&step)) {
    replaceAll(text, replace->from, replace->to);
  } else if (auto *strip = std::get_if<StripDecoder>(&step)) {
    applyStrip(*strip, text);
  }
}

/// The steps before all tokens are one.
static llvm::ArrayRef<DecoderStep> stepsOnTokens(const Decoder &decoder) {
  return llvm::ArrayRef(decoder).take_until(is<FuseDecoder>);
}
static llvm::ArrayRef<DecoderStep> stepsOnText(const Decoder &decoder) {
  return llvm::ArrayRef(decoder).drop_front(stepsOnTokens(decoder).size());
}

std::optional<std::string> lathe::findDecoderProblem(const Decoder &decoder) {
  bool hasBytes = false, seesFirst = false, seesLast = false;
  for (const DecoderStep &step : stepsOnTokens(decoder)) {
    if (is<ByteLevelDecoder>(step) && stepsOnTokens(decoder).size() > 1)
      return "ByteLevel stands beside other decoders; it is accepted alone";
    if (hasBytes)
      return "a decoder behind ByteFallback that is not Fuse";
    hasBytes |= is<ByteFallbackDecoder>(step);
    seesFirst |= is<WordPieceDecoder>(step) || is<MetaspaceDecoder>(step);
    seesLast |= is<BpeDecoder>(step);
    if (auto *replace = std::get_if<ReplaceDecoder>(&step); replace && replace->from.empty())
      return "a Replace of nothing";
    if (auto *bpe = std::get_if<BpeDecoder>(&step); bpe && bpe->suffix.empty())
      return "a BPEDecoder whose suffix is empty";
  }
  if (seesFirst && seesLast)
    return "a BPEDecoder beside decoders that change the first token";
  if (seesLast && hasBytes)
    return "a BPEDecoder beside ByteFallback";
  size_t strips = 0;
  for (const DecoderStep &step : stepsOnText(decoder)) {
    strips += is<StripDecoder>(step);
    if ((!is<StripDecoder>(step) && !is<FuseDecoder>(step)) || strips > 1)
      return "a decoder behind Fuse that is not one Strip";
  }
  if (strips && is<ByteLevelDecoder>(decoder[0]))
    return "a Strip behind ByteLevel";
  return std::nullopt;
}

DecoderPlan lathe::planDecoder(const Decoder &decoder) {
  DecoderPlan plan;
  if (auto *spm = std::get_if<SentencePieceDecoder>(&decoder[0])) {
    plan.kind = DecoderKind::SentencePiece;
    plan.dropsOnce = !spm->dropsAll;
    plan.stripsSpaces = spm->stripsSpaces;
  }
  if (is<OpenEndsDecoder>(decoder[0])) {
    plan.kind = DecoderKind::EndPieces;
    plan.stripsSpaces = true;
  }
  if (llvm::any_of(decoder, is<BpeDecoder>))
    plan.kind = DecoderKind::EndPieces;
  if (llvm::any_of(decoder, is<ByteLevelDecoder>))
    plan.kind = DecoderKind::ByteLevel;
  for (const DecoderStep &step : stepsOnText(decoder))
    if (auto *strip = std::get_if<StripDecoder>(&step)) {
      uint32_t codePoint = 0;
      decodeUtf8(strip->character.data(), strip->character.data() + strip->character.size(), codePoint);
      plan.stripsBegin = {codePoint, strip->begin};
      plan.stripsEnd = {codePoint, strip->end};
    }
  return plan;
}

/// The byte that the library takes a token for: two digits of base 16, or a plus and one.
static std::optional<uint8_t> byteOf(llvm::StringRef token) {
  if (token.size() != 6 || !token.consume_front("<0x") || !token.consume_back(">"))
    return std::nullopt;
  if (token[0] == '+')
    token = token.drop_front();
  unsigned byte = 0;
  if (!llvm::all_of(token, llvm::isHexDigit) || token.getAsInteger(16, byte))
    return std::nullopt;
  return uint8_t(byte);
}

static DecodedToken decodePiece(const SentencePieceDecoder &decoder, const std::string &token, PieceType type) {
  if (type == PieceType::Control)
    return {"", "", std::nullopt};
  if (type == PieceType::Unknown)
    return {decoder.unknownText, decoder.unknownText, std::nullopt};
  if (type == PieceType::Byte)
    return {"", "", byteOf(token)};
  llvm::StringRef begin = token;
  if (decoder.dropsMark)
    begin.consume_front(spaceMark);
  DecodedToken result = {begin.str(), token, std::nullopt};
  replaceAll(result.atEdge, spaceMark, " ");
  replaceAll(result.later, spaceMark, " ");
  return result;
}

DecodedToken lathe::decodeToken(const Decoder &decoder, const std::string &token, uint32_t id) {
  if (auto *spm = std::get_if<SentencePieceDecoder>(&decoder[0]))
    return decodePiece(*spm, token, id < spm->types.size() ? PieceType(spm->types[id]) : PieceType::Normal);
  DecodedToken result = {token, token, std::nullopt};
  if (llvm::any_of(decoder, is<ByteLevelDecoder>))
    return result; // never read: what bytes make is known only together
  for (const DecoderStep &step : stepsOnTokens(decoder)) {
    apply(step, result.atEdge, true);
    apply(step, result.later, false);
  }
  if (llvm::any_of(decoder, is<ByteFallbackDecoder>))
    result.byte = byteOf(result.later);
  return result;
}
