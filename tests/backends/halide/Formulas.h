// Norms and activations that no builder covers, as importers would write them. Tests check them, benchmarks time them.
#ifndef LATHE_TESTS_BACKENDS_HALIDE_FORMULAS_H
#define LATHE_TESTS_BACKENDS_HALIDE_FORMULAS_H

#include <vector>

namespace lathe::test {

struct FormulaText {
  const char *name, *arguments, *body, *results;
};

inline const std::vector<FormulaText> formulas = {
    // Ba et al. 2016, of a sum; a builder has it too.
    {"residual_layer_norm", "%x: ROWS, %r: ROWS, %gain: VECTOR, %bias: VECTOR", R"(
      %s = xf.add %x, %r : ROWS
      %mean = xf.reduce mean %s : ROWS -> ONE
      %d = xf.combine sub %s, %mean : ROWS, ONE -> ROWS
      %dd = xf.combine mul %d, %d : ROWS, ROWS -> ROWS
      %variance = xf.reduce mean %dd : ROWS -> ONE
      %eps = xf.constant 1.0e-5 : NUMBER
      %v = xf.combine add %variance, %eps : ONE, NUMBER -> ONE
      %scale = xf.map rsqrt %v : ONE
      %n = xf.combine mul %d, %scale : ROWS, ONE -> ROWS
      %ng = xf.combine mul %n, %gain : ROWS, VECTOR -> ROWS
      %y = xf.combine add %ng, %bias : ROWS, VECTOR -> ROWS)",
     "%y : ROWS"},
    // Zhang and Sennrich 2019, with the gain around one that some models store.
    {"rms_norm", "%x: ROWS, %gain: VECTOR", R"(
      %xx = xf.combine mul %x, %x : ROWS, ROWS -> ROWS
      %mean = xf.reduce mean %xx : ROWS -> ONE
      %eps = xf.constant 1.0e-6 : NUMBER
      %v = xf.combine add %mean, %eps : ONE, NUMBER -> ONE
      %scale = xf.map rsqrt %v : ONE
      %n = xf.combine mul %x, %scale : ROWS, ONE -> ROWS
      %one = xf.constant 1.0 : NUMBER
      %g = xf.combine add %gain, %one : VECTOR, NUMBER -> VECTOR
      %y = xf.combine mul %n, %g : ROWS, VECTOR -> ROWS)",
     "%y : ROWS"},
    // Nguyen and Salazar 2019: rows of one length.
    {"scale_norm", "%x: ROWS, %g: NUMBER", R"(
      %xx = xf.combine mul %x, %x : ROWS, ROWS -> ROWS
      %square = xf.reduce sum %xx : ROWS -> ONE
      %length = xf.map sqrt %square : ONE
      %eps = xf.constant 1.0e-5 : NUMBER
      %l = xf.combine max %length, %eps : ONE, NUMBER -> ONE
      %f = xf.combine div %g, %l : NUMBER, ONE -> ONE
      %y = xf.combine mul %x, %f : ROWS, ONE -> ROWS)",
     "%y : ROWS"},
    // Pre-norm: the sum goes on beside its norm, so there are two results.
    {"residual_rms_norm", "%x: ROWS, %r: ROWS, %gain: VECTOR", R"(
      %s = xf.add %x, %r : ROWS
      %ss = xf.combine mul %s, %s : ROWS, ROWS -> ROWS
      %mean = xf.reduce mean %ss : ROWS -> ONE
      %eps = xf.constant 1.0e-6 : NUMBER
      %v = xf.combine add %mean, %eps : ONE, NUMBER -> ONE
      %scale = xf.map rsqrt %v : ONE
      %n = xf.combine mul %s, %scale : ROWS, ONE -> ROWS
      %y = xf.combine mul %n, %gain : ROWS, VECTOR -> ROWS)",
     "%s, %y : ROWS, ROWS"},
    // A norm that nobody has met: by the range of a row, with what lies beyond its mean bent back.
    {"range_norm", "%x: ROWS, %gain: VECTOR", R"(
      %most = xf.reduce max %x : ROWS -> ONE
      %least = xf.reduce min %x : ROWS -> ONE
      %range = xf.combine sub %most, %least : ONE, ONE -> ONE
      %one = xf.constant 1.0 : NUMBER
      %divisor = xf.combine add %range, %one : ONE, NUMBER -> ONE
      %mean = xf.reduce mean %x : ROWS -> ONE
      %d = xf.combine sub %x, %mean : ROWS, ONE -> ROWS
      %size = xf.map abs %d : ROWS
      %bent = xf.map log1p %size : ROWS
      %sign = xf.map sign %d : ROWS
      %b = xf.combine mul %bent, %sign : ROWS, ROWS -> ROWS
      %n = xf.combine div %b, %divisor : ROWS, ONE -> ROWS
      %y = xf.combine mul %n, %gain : ROWS, VECTOR -> ROWS)",
     "%mean, %y : ONE, ROWS"},
    {"softmax", "%x: ROWS", R"(
      %most = xf.reduce max %x : ROWS -> ONE
      %d = xf.combine sub %x, %most : ROWS, ONE -> ROWS
      %e = xf.map exp %d : ROWS
      %sum = xf.reduce sum %e : ROWS -> ONE
      %y = xf.combine div %e, %sum : ROWS, ONE -> ROWS)",
     "%y : ROWS"},
    {"mish", "%x: ROWS", R"(
      %e = xf.map exp %x : ROWS
      %softplus = xf.map log1p %e : ROWS
      %t = xf.map tanh %softplus : ROWS
      %y = xf.combine mul %x, %t : ROWS, ROWS -> ROWS)",
     "%y : ROWS"},
    {"leaky_relu", "%x: ROWS", R"(
      %zero = xf.constant 0.0 : NUMBER
      %slope = xf.constant 0.01 : NUMBER
      %positive = xf.combine less %zero, %x : NUMBER, ROWS -> ROWS
      %leak = xf.combine mul %x, %slope : ROWS, NUMBER -> ROWS
      %y = xf.select %positive, %x, %leak : ROWS, ROWS, ROWS -> ROWS)",
     "%y : ROWS"},
    // A gate beside its activation, each with a name of its own outside.
    {"gated_gelu", "%x: ROWS, %gate: ROWS", R"(
      %a = xf.activate gelu %gate : ROWS
      %b = xf.activate gelu_tanh %gate : ROWS
      %c = xf.activate silu %gate : ROWS
      %d = xf.activate relu %c : ROWS
      %e = xf.activate tanh %d : ROWS
      %ab = xf.combine add %a, %b : ROWS, ROWS -> ROWS
      %abe = xf.combine sub %ab, %e : ROWS, ROWS -> ROWS
      %half = xf.scale %abe by 0.5 : ROWS
      %y = xf.combine mul %x, %half : ROWS, ROWS -> ROWS)",
     "%y : ROWS"},
};

} // namespace lathe::test
#endif // LATHE_TESTS_BACKENDS_HALIDE_FORMULAS_H
