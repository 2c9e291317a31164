// Tensors from files to the library and back.
#include "compiler/driver/TensorArrays.h"
#include "compiler/import/safetensors/SafetensorsWriter.h"
#include "tests/driver/Errors.h"
#include "tests/support/TemporaryDirectory.h"

namespace lathe::test {
namespace {

template <typename T> llvm::ArrayRef<uint8_t> bytesOf(const std::vector<T> &values) {
  return {reinterpret_cast<const uint8_t *>(values.data()), values.size() * sizeof(T)};
}

TEST(InputTensors, KeepTypesShapesAndValues) {
  TemporaryDirectory work;
  std::vector<int64_t> wide = {-1, int64_t(1) << 40};
  std::vector<int32_t> narrow = {-7, 8};
  ASSERT_EQ(messageOf(writeSafetensors((work / "in").string(), {{"input_ids", DType::I64, {1, 2}, bytesOf(wide)},
                                                                {"mask", DType::I32, {2}, bytesOf(narrow)}})),
            "");
  InputTensors inputs = llvm::cantFail(InputTensors::read((work / "in").string()));
  EXPECT_EQ(inputs.tokens(), 2);
  EXPECT_EQ(inputs.find("input_ids")->at(0), -1);
  EXPECT_EQ(inputs.find("input_ids")->at(1), int64_t(1) << 40);
  EXPECT_EQ(inputs.find("mask")->at(0), -7);
  EXPECT_EQ(inputs.find("absent"), nullptr);
  std::vector<lathe_tensor> views = inputs.views();
  ASSERT_EQ(views.size(), 2u);
  EXPECT_EQ(views[0].dtype, LATHE_I64);
  EXPECT_EQ(views[0].rank, 2);
  EXPECT_EQ(views[0].shape[1], 2);
  EXPECT_EQ(views[1].dtype, LATHE_I32);
  EXPECT_EQ(static_cast<int32_t *>(views[1].data)[1], 8);

  ASSERT_EQ(messageOf(inputs.write((work / "again").string())), "");
  EXPECT_EQ(llvm::cantFail(InputTensors::read((work / "again").string())).find("input_ids")->bytes,
            inputs.find("input_ids")->bytes);
}

TEST(InputTensors, OtherTypesAndRanksAreNamed) {
  TemporaryDirectory work;
  std::string path = (work / "in").string();
  std::vector<float> floats = {1};
  ASSERT_EQ(messageOf(writeSafetensors(path, {{"input_ids", DType::F32, {1}, bytesOf(floats)}})), "");
  expectError(InputTensors::read(path), {path, "input_ids", "F32", "I32", "I64"});
  std::vector<int32_t> ids = {1};
  ASSERT_EQ(messageOf(writeSafetensors(path, {{"deep", DType::I32, {1, 1, 1, 1, 1, 1, 1}, bytesOf(ids)}})), "");
  expectError(InputTensors::read(path), {"deep", "7 dimensions"});
  expectError(InputTensors::read((work / "absent").string()), {"absent"});
}

TEST(Outputs, AreWrittenWholeOrNotAtAll) {
  TemporaryDirectory work;
  std::vector<FloatTensor> outputs;
  outputs.push_back(llvm::cantFail(makeFloatTensor("y", {2, 1})));
  outputs[0].data[0] = 0.5f;
  outputs[0].data[1] = -1;
  std::string path = (work / "out").string();
  ASSERT_EQ(messageOf(writeOutputs(path, outputs)), "");
  SafetensorsFile file = llvm::cantFail(SafetensorsFile::open(path));
  ASSERT_EQ(file.tensors().size(), 1u);
  EXPECT_EQ(file.tensors()[0].name, "y");
  EXPECT_EQ(file.tensors()[0].dtype, DType::F32);
  EXPECT_EQ(file.tensors()[0].bytes, bytesOf(std::vector<float>{0.5f, -1}));
  expectError(writeOutputs((work / "no/such/place").string(), outputs), {"no/such/place"});
}

} // namespace
} // namespace lathe::test
