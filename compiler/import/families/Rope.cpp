//===- Rope.cpp - what turns queries and keys, as configs say it --------------===//
#include "compiler/import/families/Rope.h"

#include <cmath>

namespace lathe {

std::vector<float> plainFrequencies(int64_t width, double theta) {
  std::vector<float> frequencies; // in f32, as models are trained
  for (int64_t i = 0; i < width / 2; ++i)
    frequencies.push_back(1 / float(std::pow(double(float(theta)), double(float(2 * i) / float(width)))));
  return frequencies;
}

Rope readRope(JsonFields &fields, const RopeDefaults &defaults) {
  double theta = fields.getFloat("rope_theta", defaults.theta, 1, 1e12);
  for (const char *name : {"rope_scaling", "rope_parameters"})
    fields.readObject(name, [&](JsonFields &rope) {
      theta = rope.getFloat("rope_theta", theta, 1, 1e12);
      const char *kind = rope.has("rope_type") ? "rope_type" : "type";
      if (std::string type = rope.getString(kind, "default"); type != "default")
        rope.reject(kind, "found \"" + type + "\", which is not supported yet; accepted is \"default\"");
    });
  return {.frequencies = plainFrequencies(defaults.width, theta)};
}

} // namespace lathe
