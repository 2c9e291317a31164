//===- PreprocessorConfig.cpp - how a model's images are prepared -------------===//
#include "compiler/import/checkpoint/PreprocessorConfig.h"

#include "compiler/import/safetensors/Quote.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;

namespace lathe {
namespace {

constexpr int64_t mostPixels = 1 << 14; // of a side that a model reads

/// A class of Transformers', with its defaults.
struct Processor {
  StringLiteral name;
  lathe_resample resample;
  bool keepsProportions; ///< a size may be that of the shortest edge, and is where it is one number
  int64_t size;
  bool crops; ///< cuts 224 x 224 out of the middle unless told otherwise
  std::array<double, 3> mean, deviation;
  ArrayRef<StringLiteral> modelTypes; ///< whose processor it is where the file names none
};

constexpr std::array<double, 3> halves = {0.5, 0.5, 0.5};
constexpr std::array<double, 3> clipMean = {0.48145466, 0.4578275, 0.40821073};
constexpr std::array<double, 3> clipDeviation = {0.26862954, 0.26130258, 0.27577711};
constexpr StringLiteral vitTypes[] = {"vit"}, deitTypes[] = {"deit"}, beitTypes[] = {"beit", "data2vec-vision"};
constexpr StringLiteral clipTypes[] = {"clip"}, siglipTypes[] = {"siglip"}, bitTypes[] = {"dinov2"};
constexpr Processor processors[] = {
    {"ViTImageProcessor", LATHE_BILINEAR, false, 224, false, halves, halves, vitTypes},
    {"DeiTImageProcessor", LATHE_BICUBIC, false, 256, true, halves, halves, deitTypes},
    {"BeitImageProcessor", LATHE_BICUBIC, false, 256, true, halves, halves, beitTypes},
    {"CLIPImageProcessor", LATHE_BICUBIC, true, 224, true, clipMean, clipDeviation, clipTypes},
    {"SiglipImageProcessor", LATHE_BICUBIC, false, 224, false, halves, halves, siglipTypes},
    {"BitImageProcessor", LATHE_BICUBIC, true, 224, true, clipMean, clipDeviation, bitTypes}};

class Reader {
public:
  Reader(JsonFields &fields, StringRef modelType) : fields(fields), modelType(modelType) {}

  PreprocessorConfig run() {
    const Processor *found = findProcessor();
    if (!found)
      return {};
    const Processor &processor = *found;
    PreprocessorConfig config;
    if (flag("do_resize", true))
      readResize(processor, config);
    if (processor.crops && flag("do_center_crop", true)) {
      config.crops = true;
      config.cropRows = config.cropColumns = 224;
      readSides("crop_size", config.cropRows, config.cropColumns);
    }
    if (flag("do_rescale", true))
      config.scale = fields.getFloat("rescale_factor", 1.0 / 255, -1e30, 1e30);
    if (flag("do_normalize", true)) {
      config.mean = readChannels("image_mean", processor.mean);
      config.deviation = readChannels("image_std", processor.deviation);
      if (is_contained(config.deviation, 0.0f))
        fields.reject("image_std", "is " + fields.textOf("image_std") + "; accepted: numbers other than 0");
    }
    return config;
  }

private:
  /// Null, where Python would take it for false, is false.
  bool flag(StringRef name, bool otherwise) {
    return fields.has(name) ? fields.getOptionalBool(name).value_or(false) : otherwise;
  }
  bool isGiven(StringRef name) const { return fields.has(name) && fields.textOf(name) != "null"; }

  const Processor *findProcessor() {
    for (StringRef field : {"image_processor_type", "feature_extractor_type"})
      if (isGiven(field)) {
        const std::string given = fields.getString(field);
        StringRef name = given;
        name.consume_back("Fast");
        const std::string wanted = name.consume_back("FeatureExtractor") ? (name + "ImageProcessor").str() : name.str();
        const Processor *found = find_if(processors, [&](const Processor &p) { return p.name == wanted; });
        if (found != std::end(processors))
          return found;
        return reject(field, "is " + quote(given));
      }
    const Processor *found =
        find_if(processors, [&](const Processor &p) { return is_contained(p.modelTypes, modelType); });
    return found != std::end(processors)
               ? found
               : reject("image_processor_type", "is missing, and a model of type " + quote(modelType) + " has none");
  }
  const Processor *reject(StringRef field, const std::string &problem) {
    fields.reject(field, problem + "; accepted: " +
                             join(map_range(processors, [](const Processor &p) { return p.name.str(); }), ", "));
    return nullptr;
  }

  void readResize(const Processor &processor, PreprocessorConfig &config) {
    config.resample = lathe_resample(fields.getInt("resample", processor.resample, LATHE_NEAREST, LATHE_HAMMING));
    config.rows = config.columns = processor.size;
    config.sizing = LATHE_SIZE_EXACT;
    if (processor.keepsProportions && keepsProportions(config.rows))
      config.sizing = LATHE_SIZE_SHORTEST_EDGE;
    else
      readSides("size", config.rows, config.columns);
  }

  /// Whether "size" is that of the shortest edge, or left out. Of images that this makes too long, the processors take
  /// no notice of the longest.
  bool keepsProportions(int64_t &shortest) {
    if (!isGiven("size"))
      return true;
    bool proportions = false;
    if (isObject("size")) {
      fields.readObject("size", [&](JsonFields &size) {
        proportions = size.has("shortest_edge");
        if (proportions)
          readOnly(size, {"shortest_edge", "longest_edge"},
                   [&] { shortest = size.getInt("shortest_edge", std::nullopt, 1, mostPixels); });
      });
    } else if (fields.textOf("size").front() != '[') {
      proportions = true;
      shortest = fields.getInt("size", std::nullopt, 1, mostPixels);
    }
    return proportions;
  }

  /// {"height": ROWS, "width": COLUMNS}, [ROWS, COLUMNS], or one number for both.
  void readSides(StringRef name, int64_t &rows, int64_t &columns) {
    if (!isGiven(name))
      return;
    if (isObject(name)) {
      fields.readObject(name, [&](JsonFields &size) {
        readOnly(size, {"height", "width"}, [&] {
          rows = size.getInt("height", std::nullopt, 1, mostPixels);
          columns = size.getInt("width", std::nullopt, 1, mostPixels);
        });
      });
      return;
    }
    const std::vector<int64_t> sides = fields.getIntOrInts(name, 1, mostPixels);
    if (sides.empty() || sides.size() > 2 || (sides.size() == 1 && fields.textOf(name).front() == '['))
      fields.reject(name, "is " + fields.textOf(name) + "; accepted: one number, or [ROWS, COLUMNS]");
    else
      rows = sides.front(), columns = sides.back();
  }

  bool isObject(StringRef name) const { return fields.textOf(name).front() == '{'; }

  /// Keys that say something else than what is read would be taken for something else by Transformers.
  void readOnly(JsonFields &size, ArrayRef<StringLiteral> accepted, function_ref<void()> read) {
    for (StringRef key : size.names())
      if (!is_contained(accepted, key))
        return size.reject(key, "is of no use here; accepted: " + join(accepted, ", "));
    read();
  }

  /// One number for all channels, or three.
  std::array<float, 3> readChannels(StringRef name, const std::array<double, 3> &otherwise) {
    std::array<double, 3> values = otherwise;
    if (isGiven(name)) {
      if (fields.textOf(name).front() != '[') {
        values.fill(fields.getFloat(name, std::nullopt, -1e30, 1e30));
      } else {
        const std::vector<double> given = fields.getFloats(name, -1e30, 1e30);
        if (given.size() == values.size())
          copy(given, values.begin());
        else
          fields.reject(name, "is " + fields.textOf(name) + "; accepted: a number, or three, for red, green and blue");
      }
    }
    return {float(values[0]), float(values[1]), float(values[2])};
  }

  JsonFields &fields;
  StringRef modelType;
};

} // namespace

Expected<PreprocessorConfig> readPreprocessorConfig(const JsonDocument &document, StringRef modelType) {
  JsonFields fields(document);
  PreprocessorConfig config = Reader(fields, modelType).run();
  if (Error error = fields.takeError())
    return error;
  return config;
}

} // namespace lathe
