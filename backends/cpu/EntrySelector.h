//===- EntrySelector.h - one entry on its way from tensors to launches --------===//
//
// What the files behind the pass SelectKernels share: SelectKernels.cpp decides where values lie and takes layers
// apart, ProductKernels.cpp chooses kernels for what has weights and precisions, AttentionKernels.cpp for attention,
// OpKernels.cpp for all other ops.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_BACKENDS_CPU_ENTRYSELECTOR_H
#define LATHE_BACKENDS_CPU_ENTRYSELECTOR_H

#include "backends/cpu/KernelCalls.h"

namespace lathe {

inline int64_t widthOf(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType()).getShape().back();
}

/// Rewrites one entry.
class EntrySelector {
public:
  /// Contents that a linear reads in a precision, and so are stored in its layout for lookups in the same one too.
  using PanelTables = llvm::DenseSet<std::pair<mlir::Attribute, std::optional<xf::Precision>>>;
  /// Of all entries.
  static PanelTables findPanelTables(mlir::ModuleOp module);

  EntrySelector(mlir::ModuleOp module, WeightTable &weights, const PanelTables &panelTables, mlir::func::FuncOp entry)
      : module(module), entry(entry), calls(module, mlir::OpBuilder(entry->getContext()), weights),
        panelTables(panelTables) {}

  mlir::LogicalResult run();

  /// Bytes of a page that layers' attention takes: of all that are not lowered yet, and of each of the stack that is
  /// being lowered. The last layer's lie first, so that an entry with that layer alone finds them.
  struct PageBytes {
    int64_t behind = 0, perLayer = 0;
  };

private:
  // Values on their way to memory.
  void findOutputs();
  Buffer bufferFor(mlir::Value value, xf::Rows rows, int64_t width);
  Buffer bufferFor(mlir::Value value, xf::Rows rows) { return bufferFor(value, rows, widthOf(value)); }
  /// The same for kernels whose rows may be apart: as columns of a join that alone reads the value.
  Buffer bufferInJoin(mlir::Value value, xf::Rows rows);
  Buffer get(mlir::Value value) { return buffers.find(value)->second; } // no reference: the map grows
  /// How products read a value: rounded, and before that its columns multiplied with a weight of that name, if any.
  struct FactorForm {
    xf::Precision precision;
    llvm::StringRef smoothing = "";
  };
  /// What a linear reads; nothing where that is f32.
  static std::optional<FactorForm> formOfX(xf::LinearOp linear);
  /// The value as a factor of products: as its producer stored it, or rounded now; without a form, as it is.
  /// With a `range` the steps of int8 are those of that range.
  Buffer getFactor(mlir::Value value, std::optional<FactorForm> form, mlir::Value range = nullptr);
  void forgetFactors(mlir::Value value);
  Buffer allocateFactor(xf::Precision precision, xf::Rows rows, int64_t width);
  /// The form in which products read a value as it is or as what a layer is given; of several, one.
  std::optional<FactorForm> formOfReaders(mlir::Value value);
  /// Where a kernel that can store its result as a factor, too, is to do so, and in which form by the kernel's name for
  /// it; nowhere if no product reads the value.
  struct RoundedBuffer {
    llvm::StringRef form = "none";
    Buffer buffer = {};
    mlir::Value smoothing = nullptr; ///< the factors of columns, where there are such
  };
  RoundedBuffer roundedBufferFor(mlir::Value value, xf::Rows rows);
  /// A weight that is the same in every layer; null for no name.
  mlir::Value sharedVector(llvm::StringRef name);
  xf::Rows rowsOf(xf::LayerOp layer);
  void passFactors(xf::LayerOp layer);
  void carryFactors(xf::LayersOp layers);
  /// Where a product's result is to be computed: in bf16 where it is narrow, or nothing but products in bf16 reads it.
  Buffer bufferForProduct(mlir::Value value, xf::Rows rows, bool isNarrow = false);
  mlir::Value memref(mlir::Value value) { return value ? get(value).memref : mlir::Value(); }
  mlir::Value stride(mlir::Value value) { return calls.integer(value ? get(value).stride : 0); }
  std::string nameOf(mlir::Value weight) { return weightRefs[weight].names.front(); }
  /// The contents of a weight that no layer function's argument stands for.
  mlir::Attribute contentOf(llvm::StringRef weight) { return module.lookupSymbol<xf::WeightOp>(weight).getContent(); }

  // Structure.
  mlir::func::FuncOp createScheduled();
  xf::Rows axisOfInput(unsigned index);
  mlir::LogicalResult lowerBlock(mlir::Block &block);
  mlir::LogicalResult lower(mlir::Operation *op);
  mlir::LogicalResult inlineLayer(llvm::StringRef callee, mlir::OperandRange inputs, Buffer carried, Buffer result,
                                  mlir::ValueRange others = {});
  mlir::LogicalResult lowerLayer(xf::LayerOp layer);
  mlir::LogicalResult lowerLayers(xf::LayersOp layers);
  void lowerReturn(mlir::func::ReturnOp ret);

  /// The value without gaps between its rows: itself, or a copy of a view.
  Buffer contiguous(mlir::Value value);
  /// Number of f32 values in a contiguous buffer.
  mlir::Value elementsOf(const Buffer &buffer);

  // One per op: which kernel, with which arguments.
  xf::WorkFormula bytesLookedUp(mlir::Value table, mlir::Value ids, int64_t rowBytes);
  mlir::LogicalResult lowerLookups(mlir::Value result, mlir::ValueRange ids, mlir::ValueRange tables, mlir::Value gain,
                                   mlir::Value bias, double eps, std::optional<xf::Precision> precision,
                                   bool orZeros = false);
  void lowerBlend(xf::BlendOp op);
  void lowerLinear(xf::LinearOp op);
  /// Whether of each 16 columns of a product nothing but the greatest is wanted.
  static bool keepsGreatest(mlir::Value value);
  void lowerSplit(xf::SplitOp op);
  void lowerJoin(xf::JoinOp op);
  void lowerHeads(mlir::Operation *op, mlir::Value x, mlir::Value result, bool split);
  void lowerMatmul(xf::MatmulOp op);
  /// Scores that are there only where their key, or their query, is marked.
  void lowerMarkedScores(mlir::Value scores, mlir::Value result, llvm::StringRef name, llvm::StringRef slot,
                         mlir::Value marks);
  /// What scores get by distance: for a kernel's parameters and slots.
  struct DistanceArguments {
    llvm::SmallVector<mlir::NamedAttribute> parameters;
    llvm::SmallVector<std::pair<llvm::StringRef, mlir::Value>> slots;
  };
  DistanceArguments distances(mlir::Value columns, mlir::Value bias, xf::BucketsAttr buckets,
                              mlir::Value keyColumns = {});
  void addWindow(DistanceArguments &arguments, std::optional<int64_t> reach, bool causal, mlir::Value prefix,
                 mlir::Value globals = {}, int64_t block = 1);
  void addSlopes(DistanceArguments &arguments, mlir::Value slopes);
  void addCap(std::optional<llvm::APFloat> cap, llvm::SmallVectorImpl<mlir::NamedAttribute> &params,
              llvm::SmallVectorImpl<std::pair<llvm::StringRef, mlir::Value>> &slots);
  void addPairs(DistanceArguments &arguments, mlir::Value pairs);
  void addTerms(DistanceArguments &arguments, mlir::Value queryTerms, mlir::Value keyTerms, mlir::Value index,
                int64_t heads);
  void lowerDistanceScores(mlir::Value scores, mlir::Value result, const DistanceArguments &distances,
                           llvm::StringRef step);
  void lowerSoftmax(xf::SoftmaxOp op);
  mlir::LogicalResult lowerAttention(xf::AttentionOp op);
  /// Where attention of the queries `q` is to store its result.
  Buffer bufferForHeads(mlir::Value result, const Buffer &q, bool inBf16, bool isNarrow);
  void lowerRemember(xf::RememberOp op);
  void lowerAppendCache(xf::AppendCacheOp op);
  void lowerPagedAttention(xf::PagedAttentionOp op);
  /// What lies in pages: keys and values of so many heads.
  struct CachedKeys {
    mlir::Value pages, cached;
    int64_t heads, headDim;
    bool inBf16, inBytes; ///< as attention reads them; as pages hold them
  };
  static int64_t pageBytesOf(const CachedKeys &keys);
  /// Those that an op reads or adds to, if it does.
  static std::optional<CachedKeys> cachedKeysOf(mlir::Operation *op);
  /// An encoder's are in pages of their own.
  PageBytes &pagesOf(mlir::Operation *op);
  /// Of the whole entry.
  void countPages();
  /// Where in a page the keys of this layer's op begin.
  mlir::Value placeInPage(mlir::Operation *op, const CachedKeys &keys);
  void appendToCache(const CachedKeys &keys, const Buffer &k, const Buffer &v, mlir::Value cuSeqlens,
                     mlir::Value layer);
  void lowerRandomFeatures(xf::RandomFeaturesOp op);
  mlir::LogicalResult lowerLinearAttention(xf::LinearAttentionOp op);
  mlir::LogicalResult lowerChunkAttention(xf::ChunkAttentionOp op);
  void lowerAxisIds(xf::AxisIdsOp op);
  void lowerAngles(xf::AnglesOp op);
  void lowerRotate(xf::RotateOp op);
  void lowerLayerNorm(xf::LayerNormOp op);
  void lowerHeadNorm(xf::HeadNormOp op);
  void lowerNormalize(xf::NormalizeOp op);
  void lowerArgmax(xf::ArgmaxOp op);
  void lowerUnary(mlir::Value x, mlir::Value result, llvm::StringRef function, double factor);
  void lowerAdd(xf::AddOp op);
  mlir::LogicalResult lowerRows(mlir::Operation *op);
  void lowerPool(llvm::StringRef mode, mlir::Value x, mlir::Value cuSeqlens, mlir::Value result,
                 mlir::Value columns = {}, mlir::Value except = {});

  mlir::ModuleOp module;
  mlir::func::FuncOp entry;
  KernelCalls calls;
  llvm::DenseMap<mlir::Value, Buffer> buffers;
  /// Values that have such a form, in bf16 some that have no other.
  struct Factor {
    Buffer buffer = {};
    llvm::StringRef smoothing = "";
  };
  llvm::DenseMap<std::pair<mlir::Value, xf::Precision>, Factor> factors;
  llvm::DenseMap<mlir::Value, WeightRef> weightRefs;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<int64_t, 1>> outputsOf; ///< the entry's results that a value is
  llvm::DenseMap<xf::Rows, mlir::Value> attentionMasks;                 ///< of a dense entry, by token axis
  const PanelTables &panelTables;
  /// Of a sequence's own tokens, and of the encoder's that it reads.
  PageBytes ownPages, sourcePages;
};

} // namespace lathe

#endif
