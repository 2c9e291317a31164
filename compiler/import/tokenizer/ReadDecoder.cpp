// The decoders of a tokenizer.json.
#include "compiler/import/tokenizer/DecodeTokens.h"
#include "compiler/import/tokenizer/TokenizerJson.h"

using namespace lathe;

void TokenizerJson::readDecoderStep(JsonView view) {
  std::string type = view["type"].string();
  Decoder &steps = spec.decoder;
  if (type == "Sequence") {
    for (const JsonView &inner : view["decoders"].elements())
      readDecoderStep(inner);
  } else if (type == "WordPiece") {
    steps.push_back(WordPieceDecoder{view["prefix"].string(), view["cleanup"].boolean()});
  } else if (type == "ByteLevel") {
    steps.push_back(ByteLevelDecoder());
  } else if (type == "Metaspace") {
    steps.push_back(MetaspaceDecoder{readMark(view["replacement"]), readPrependScheme(view) != PrependScheme::Never});
  } else if (type == "BPEDecoder") {
    steps.push_back(BpeDecoder{view["suffix"].string()});
  } else if (type == "Replace") {
    Pattern pattern = readPattern(view["pattern"]);
    if (!pattern.isLiteral)
      return failKind(view["pattern"], "is a Regex; a decoder's pattern may be a String");
    steps.push_back(ReplaceDecoder{pattern.text, view["content"].string()});
  } else if (type == "Strip") {
    steps.push_back(
        StripDecoder{readMark(view["content"]), view["start"].number(INT32_MAX), view["stop"].number(INT32_MAX)});
  } else if (type == "ByteFallback") {
    steps.push_back(ByteFallbackDecoder());
  } else if (type == "Fuse") {
    steps.push_back(FuseDecoder());
  } else {
    rejectKind(view["type"],
               "BPEDecoder, ByteFallback, ByteLevel, Fuse, Metaspace, Replace, Strip, WordPiece, a Sequence "
               "of them, or no decoder");
  }
}

void TokenizerJson::readDecoder(JsonView view) {
  spec.decoder.clear();
  if (view.isNull())
    spec.decoder.push_back(SpacesDecoder());
  else
    readDecoderStep(view);
  if (spec.decoder.empty()) // a Sequence of nothing
    spec.decoder.push_back(FuseDecoder());
  if (std::optional<std::string> wrong = findDecoderProblem(spec.decoder))
    failKind(view, "is not accepted: " + *wrong);
}
