//===- ModelBuilder.h - the words that model families are written in ----------===//
//
// A family's file says what its paper's figure says, in terms of these functions; they emit dense, unfused xf ops,
// check every weight against the checkpoint, and note which weights were used. A wrong or missing weight is remembered
// as an error and a well-typed value returned, so that families need no error handling of their own.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_IMPORT_MODELBUILDER_H
#define LATHE_COMPILER_IMPORT_MODELBUILDER_H

#include "compiler/import/checkpoint/WeightNames.h"
#include "ir/xf/XfDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

#include <functional>
#include <optional>

namespace lathe {

class ModelBuilder;
struct ActivationFunction;

/// Images as tokens: the fields of an #xf.image.
struct ImageForm {
  int64_t channels = 3, height = 0, width = 0, patchHeight = 0, patchWidth = 0;
  int64_t lead = 0; ///< tokens before the patches
  int64_t gridHeight = 0, gridWidth = 0;
  xf::Resize resize = xf::Resize::None;

  /// Those of an image of the usual size.
  int64_t patches() const { return gridHeight * gridWidth; }
};

/// What a query's scores get besides its products with keys: each part where there is one.
struct ScoreRules {
  std::optional<double> cap; ///< of scaled products, before all else
  mlir::Value columns;       ///< for what goes by the distance of query and key
  mlir::Value keyColumns;    ///< of keys, where these have others
  mlir::Value bias;          ///< a table [buckets, heads]
  xf::BucketsAttr buckets;
  std::optional<int64_t> reach;            ///< the most columns that a key may be away
  std::optional<int64_t> block;            ///< or blocks of so many columns
  bool causal = false;                     ///< keys behind the query are not seen
  mlir::Value prefix;                      ///< but for those in columns below this
  mlir::Value globals;                     ///< not 0 for tokens that all others see, so many times, and that see none
  mlir::Value chosen;                      ///< 0 for queries that see no key
  mlir::Value pairs;                       ///< a table [heads * places, places], by columns
  mlir::Value slopes;                      ///< of heads: what scores fall by for a column's distance
  mlir::Value queryTerms, keyTerms, index; ///< as xf.add_terms has them
  int64_t products = 1;                    ///< how many of them a score sums up: it is divided by their root, too
  std::optional<double> scale;             ///< of products, in place of 1 / sqrt(head_dim * products)
};

/// Where places of chunk attention are and which keys are seen from them (see xf.chunk_attention).
struct ChunkRules {
  xf::ChunksAttr chunks;
  mlir::Value rowColumns;
  mlir::Value columns;          ///< places by column
  mlir::Value rotations;        ///< or by the hash that these make
  mlir::Value given;            ///< or those in their place that the caller gives
  std::vector<int64_t> factors; ///< of the number of buckets
  bool causal = false;
};

/// A function under construction: the entry, or a kind of layer. Weight names are relative to the layer.
class BlockBuilder {
public:
  virtual ~BlockBuilder() = default;

  /// Rows of `<table>.weight` [rows, hidden]; with `orZeros` an id of -1 has zeros.
  mlir::Value lookup(mlir::Value ids, llvm::StringRef table, int64_t rows, int64_t hidden, bool orZeros = false);
  /// `<name>.weight`: a table of biases, which layers share where the model has it.
  mlir::Value table(llvm::StringRef name, int64_t rows, int64_t width);
  /// Sums of the rows of `<grid>.weight` by weights of its rows and its columns.
  mlir::Value blend(mlir::Value rowWeights, mlir::Value columnWeights, llvm::StringRef grid, int64_t hidden);
  mlir::Value add(mlir::Value lhs, mlir::Value rhs);
  /// x W^T + b with `<name>.weight` [width, K] and, if `biased`, `<name>.bias` [width].
  mlir::Value linear(mlir::Value x, llvm::StringRef name, int64_t width, bool biased = true);
  /// The same with a weight and a bias under names of their own; an empty `bias` is none.
  mlir::Value linear(mlir::Value x, llvm::StringRef weight, llvm::StringRef bias, int64_t width);
  /// The same with a weight that is stored the other way round, [K, width], as by Transformers' Conv1D.
  mlir::Value transposedLinear(mlir::Value x, llvm::StringRef name, int64_t width);
  mlir::Value transposedLinear(mlir::Value x, llvm::StringRef weight, llvm::StringRef bias, int64_t width);
  mlir::Value layerNorm(mlir::Value x, llvm::StringRef name, double eps, bool biased = true);
  /// By the root of the mean of squares, with a gain.
  mlir::Value rmsNorm(mlir::Value x, llvm::StringRef name, double eps);
  /// The same of each head's columns, with one gain for all: queries and keys before they meet.
  mlir::Value headNorm(mlir::Value x, llvm::StringRef name, int64_t heads, double eps);
  /// x times a weight [1]: a number in which layers differ.
  mlir::Value scale(mlir::Value x, llvm::StringRef weight);
  mlir::Value scale(mlir::Value x, double factor);
  /// x * a weight [width of x].
  mlir::Value scaleColumns(mlir::Value x, llvm::StringRef weight);
  /// x * `<name>.weight` + `<name>.bias`, both [width of x].
  mlir::Value scaleAndShift(mlir::Value x, llvm::StringRef name);
  /// The columns of each head rotated by what `angles` gave, the first ones where it has fewer.
  mlir::Value rotate(mlir::Value x, mlir::Value angles, int64_t heads);
  mlir::Value activate(mlir::Value x, xf::Activation activation);
  /// cap * tanh(x / cap)
  mlir::Value softCap(mlir::Value x, double cap);
  /// A function of Hugging Face's by its formula (Activations.h).
  mlir::Value activate(mlir::Value x, const ActivationFunction &function);
  /// softmax(Q K^T / sqrt(head_dim)) V as separate ops; heads side by side in all of them and in the result. Keys and
  /// values, with the mask, may be of another token axis than queries.
  mlir::Value attention(mlir::Value q, mlir::Value k, mlir::Value v, mlir::Value mask, int64_t heads,
                        const ScoreRules &rules = {});
  /// The same of one input, by three linear layers as wide as that.
  mlir::Value selfAttention(mlir::Value x, mlir::Value mask, int64_t heads, llvm::StringRef query, llvm::StringRef key,
                            llvm::StringRef value, const ScoreRules &rules = {});
  /// Logarithms of positive random features of each head of queries and of keys, by a weight [features, head_dim].
  std::pair<mlir::Value, mlir::Value> randomFeatures(mlir::Value q, mlir::Value k, llvm::StringRef projection,
                                                     int64_t heads, int64_t features);
  /// sum_j (phi(q) . phi(k_j)) v_j / sum_j (phi(q) . phi(k_j)) with features by a map: attention that has no scores.
  mlir::Value linearAttention(xf::FeatureMap map, mlir::Value q, mlir::Value k, mlir::Value v, mlir::Value mask,
                              int64_t heads, bool causal);
  /// softmax(Q K^T / sqrt(head_dim)) V of the keys in neighbouring chunks.
  mlir::Value chunkAttention(mlir::Value q, mlir::Value k, mlir::Value v, mlir::Value mask, int64_t heads,
                             const ChunkRules &rules);
  xf::ChunksAttr chunks(int64_t length, int64_t before, int64_t after, int64_t above, int64_t multiple);
  /// ids / stride % extent
  mlir::Value axisIds(mlir::Value ids, int64_t stride, int64_t extent);
  /// Distances by a scheme of #xf.buckets.
  xf::BucketsAttr buckets(xf::BucketScheme scheme, int64_t count, int64_t distance);
  mlir::Value firstToken(mlir::Value x);
  /// log(softmax(x)) of each row.
  mlir::Value logSoftmax(mlir::Value x);
  /// Side by side along the last axis.
  mlir::Value join(llvm::ArrayRef<mlir::Value> values);
  /// The inverse: so many parts of one width, or parts of these widths.
  llvm::SmallVector<mlir::Value> split(mlir::Value x, int64_t parts);
  llvm::SmallVector<mlir::Value> split(mlir::Value x, llvm::ArrayRef<int64_t> widths);
  mlir::Value normalize(mlir::Value x, double eps);

  // What formulas are written with, where there is no word for them. Shapes meet as XfPrimitiveOps.td says.
  mlir::Value constant(double value);
  mlir::Value map(xf::MapKind kind, mlir::Value x);
  mlir::Value combine(xf::CombineKind kind, mlir::Value lhs, mlir::Value rhs);
  mlir::Value combine(xf::CombineKind kind, mlir::Value lhs, double rhs) { return combine(kind, lhs, constant(rhs)); }
  mlir::Value combine(xf::CombineKind kind, double lhs, mlir::Value rhs) { return combine(kind, constant(lhs), rhs); }
  mlir::Value select(mlir::Value condition, mlir::Value x, mlir::Value y);

protected:
  BlockBuilder(ModelBuilder &model, mlir::OpBuilder builder)
      : model(model), builder(builder), loc(builder.getUnknownLoc()) {}
  /// `shape` is that in which a weight is read; the checkpoint has it the other way round where it is transposed.
  virtual mlir::Value weight(llvm::StringRef name, llvm::ArrayRef<int64_t> shape, bool transposed = false) = 0;

  mlir::Value linear(mlir::Value x, mlir::Value w, llvm::StringRef bias, int64_t width);
  mlir::Value lookup(mlir::Value ids, mlir::Value table, bool orZeros);

  llvm::SmallVector<mlir::Value, 1> probabilities; ///< [batch, heads, seq, seq], of every attention in this function
  ModelBuilder &model;
  mlir::OpBuilder builder;
  mlir::Location loc; ///< of primitives: the name of the formula they are part of
};

enum class FirstColumn { Unused, Zero, Error };

/// How an output reaches the caller.
struct OutputForm {
  FirstColumn firstColumn = FirstColumn::Unused;
  bool squeezed = false;                          ///< of width 1, and without an axis for it
  std::optional<int64_t> keptRows = std::nullopt; ///< of memories, [rows, batch, width]: see MemoryForm
  bool byChoice = false;                          ///< [batch, choices, ...]
};

/// What layers remember of the tokens before a run.
struct MemoryForm {
  int64_t omitted = 0; ///< rows of zeros that each sequence has where the caller gives none
  int64_t kept = 0;    ///< the most rows of each sequence that are given for the next run, the last ones; 0: all
  bool isGiven = true; ///< whether any are
};

/// Builds a module with one entry function, or several.
class ModelBuilder : public BlockBuilder {
public:
  /// The checkpoint behind `weights` must outlive the module, which refers to its bytes. With `givesAttentions` layers
  /// give their attention's probabilities away, too.
  ModelBuilder(mlir::MLIRContext *context, const WeightNames &weights, llvm::StringRef entryName,
               bool givesAttentions = false);

  /// What follows is an entry of this name, whose inputs and outputs are its own; what came before is another one,
  /// which is complete. Families of one entry have no need of it.
  void beginEntry(llvm::StringRef name);
  /// A caller may give two entries' inputs at once, and gets their results and how alike these are (#xf.similarity).
  void compare(llvm::StringRef text, llvm::StringRef image, double scale, double bias, xf::Fit fit);

  /// The entry's inputs, [batch, seq] or of the second token axis [batch, target_seq]; ids lie in [0, limit).
  mlir::Value inputIds(int64_t limit, xf::Rows axis = xf::Rows::Tokens);
  mlir::Value tokenTypeIds(int64_t limit);
  /// The same where leaving them out means that there are none: then each is -1.
  mlir::Value tokenTypeIdsIfAny(int64_t limit);
  mlir::Value langsIfAny(int64_t limit);
  /// A caller that gives no mask means as many tokens of each row as it has ids other than this one.
  void countTokensWithoutMask(int64_t paddingId);
  /// Of ids in [first, first + count) what is beyond `first`, of others -1: cluster `number` of the vocabulary.
  mlir::Value clusterIds(int64_t number, int64_t first, int64_t count);
  /// What layer `number` attends to, on the second token axis: of each sequence the rows of mems.`number`, which come
  /// before its tokens, and then those of x, which the layer is given; and, on the same axis, the mask, the columns,
  /// from below 0 on, and the types, which are 0 for what comes before.
  mlir::Value remember(mlir::Value x, int64_t number, const MemoryForm &form);
  mlir::Value memoryMask();
  mlir::Value memoryColumns();
  mlir::Value memoryTypeIds(int64_t limit);
  /// The ids beside each token in the caller's row, masked or not; -1 where none is.
  mlir::Value previousIds(int64_t limit);
  mlir::Value nextIds(int64_t limit);
  /// Columns, unless the caller gives other positions; with a `paddingId`, see xf.padding_id. `limit` also bounds the
  /// length of sequences.
  mlir::Value positionIds(int64_t limit, std::optional<int64_t> paddingId = std::nullopt,
                          xf::Rows axis = xf::Rows::Tokens);
  /// Sequences are no longer than this, though there are positions beyond.
  void limitLength(int64_t longest);
  /// The number of tokens before each in its sequence, unless the caller gives other positions.
  mlir::Value tokenPositions(int64_t limit);
  mlir::Value mask(xf::Rows axis = xf::Rows::Tokens);
  /// Each token's column in the caller's rows, whatever its position is.
  mlir::Value columns(xf::Rows axis = xf::Rows::Tokens);
  /// Rotations that the caller may give for a layer, counted over all, as a matrix of heads * head_dim rows: `shape` is
  /// [heads, head_dim, rounds, columns].
  mlir::Value randomRotations(int64_t layer, llvm::ArrayRef<int64_t> shape);
  /// How many columns each of the caller's rows has, masked ones included.
  mlir::Value rowColumns();
  /// The number of tokens before each in its sequence; `limit` bounds the length of sequences.
  mlir::Value tokenColumns(int64_t limit);
  /// A caller that gives no decoder_input_ids means input_ids, each a column further right, behind `firstId` or,
  /// without one, behind the row's last id that is not `paddingId`.
  void shiftTargets(std::optional<int64_t> firstId, int64_t paddingId);
  /// Of targets: 0 for the one in the column of the row's last input_ids that is this one, and 1 for all others.
  mlir::Value exceptEnd(int64_t endId);
  /// Vectors of an image where they stand before a text, [batch, seq, width], and zeros where tokens do; and what tells
  /// which it is: 0 and -1. With these, inputIds are -1 where vectors are.
  mlir::Value inputModal(int64_t width);
  mlir::Value modalIds();
  /// The product of images' patches with the kernel of the convolution `name`, whose stride is its size, [batch, seq,
  /// width]; of tokens that are no patches it is 0, and what `name` has as a bias, which they get, too, where there are
  /// none.
  mlir::Value patchLinear(const ImageForm &image, llvm::StringRef name, int64_t width, bool biased);
  /// Of images: which of the tokens before the patches each is, and for every patch how many of these there are.
  mlir::Value leadIds();
  /// 1 for the tokens before the patches, and 0 for these; and the other way round.
  mlir::Value leadMask();
  mlir::Value patchMask();
  /// What a patch takes of each row, and of each column, of the grid of positions.
  mlir::Value gridRows(const ImageForm &image);
  mlir::Value gridColumns(const ImageForm &image);
  /// The column, or the number among tokens, in which each sequence's prefix ends: what causal attention lets all see.
  mlir::Value prefix();
  mlir::Value tokenPrefix();
  /// 1 for tokens that see all others and are seen by them. Where the caller leaves them out they are those of
  /// `omitted`, or none; separators are told by their id.
  mlir::Value globalMask(std::optional<xf::Globals> omitted, int64_t separatorId);
  /// How often each token counts as a key to all others where rows are cut into blocks of columns: those of the first
  /// `repeats` times, those of the last once, the others not; in rows of at most 3 + 2 * repeats blocks all of them
  /// once.
  mlir::Value blockGlobals(int64_t block, int64_t repeats);
  /// 1 for tokens behind the first column up to the row's first separator, and 0 for the others.
  mlir::Value questionMask(int64_t separatorId);
  /// A caller that gives no token types means 0 up to that separator, or for a first column without one, and 1 behind.
  void tellTypesBySeparator(int64_t separatorId);
  /// Whether that was said.
  bool tellsTypes() const { return typesAreTold; }
  /// 1 for the tokens of prompts that pooling leaves out.
  mlir::Value promptMask();
  /// 0 for the last token of the caller's row whose id is not this one, or else the first, and 1 for all others.
  mlir::Value exceptLast(int64_t paddingId);
  /// The same for the first whose id is this one or, without one, the row's greatest, or else for the row's first.
  mlir::Value exceptFirst(std::optional<int64_t> id);
  /// The same for the token that the caller names by its column in mc_token_ids, or else the row's last column.
  mlir::Value exceptChosen();
  /// A weight of the module that no checkpoint has; layers find it under its name as if it were the checkpoint's.
  void defineWeight(llvm::StringRef name, llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<float> values);
  mlir::Value constantVector(llvm::StringRef name, llvm::ArrayRef<float> values);
  /// The numbers of a tensor of the checkpoint, to compute with while importing.
  std::vector<float> valuesOf(llvm::StringRef name, llvm::ArrayRef<int64_t> shape);
  /// Makes row i of a weight, or number i of a vector, row `order[i]` of the checkpoint's tensor: where files have
  /// queries, keys and values of each head together, or pairs to be rotated side by side. The module has a copy of the
  /// bytes.
  void reorderRows(llvm::StringRef name, llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> order);
  /// Makes some rows of a matrix of `all` rows, or numbers of a vector, a weight of their own, from the first on; the
  /// `shape` is that in which it is stored, and the other way round that in which it is read, if `transposed`.
  void defineRows(llvm::StringRef part, llvm::StringRef name, int64_t all, int64_t first, llvm::ArrayRef<int64_t> shape,
                  bool transposed = false);
  /// The checkpoint has that weight in another shape, with the same numbers in the same order.
  void storedAs(llvm::StringRef name, llvm::ArrayRef<int64_t> shape);
  /// A number as the type that a tensor of the checkpoint is stored in has it.
  double roundedLike(llvm::StringRef name, double value);
  /// By how much `positions` rotate pairs of columns: pair i by position * frequencies[i]. The frequencies are a weight
  /// called `name` that no checkpoint has; cosines and sines are times `factor`.
  mlir::Value angles(mlir::Value positions, llvm::StringRef name, llvm::ArrayRef<float> frequencies, double factor = 1);
  /// One vector of each sequence's tokens; without those that a mask has, if one is given.
  mlir::Value pool(mlir::Value x, xf::PoolMode mode, mlir::Value except = {}, xf::Rows axis = xf::Rows::Tokens);
  /// Rows of `<table>.weight` [skipped + rows, hidden], of which the first are never looked up.
  mlir::Value lookupBehind(mlir::Value ids, llvm::StringRef table, int64_t skipped, int64_t rows, int64_t hidden);

  /// A kind of layer: a function that layers of one shape share.
  class LayerKind {
    friend class ModelBuilder;
    friend class LayerBuilder;
    struct Weight {
      std::string name; ///< behind a layer's prefix
      llvm::SmallVector<int64_t> shape;
      bool transposed;
    };
    mlir::func::FuncOp function;
    std::vector<Weight> weights; ///< in the order of the function's arguments
  };

  using LayerFunction = llvm::function_ref<mlir::Value(BlockBuilder &, mlir::Value x, mlir::Value mask)>;
  using SharingLayerFunction =
      llvm::function_ref<mlir::Value(BlockBuilder &, mlir::Value x, llvm::ArrayRef<mlir::Value> shared)>;
  /// `count` layers that share one function @`name`; layer i's weights are named `prefix` + i + ".". Returns every
  /// layer's result; a layer in the checkpoint beyond `count`, which is the config's num_hidden_layers, is an error.
  llvm::SmallVector<mlir::Value> layers(llvm::StringRef name, llvm::StringRef prefix, int64_t count, mlir::Value x,
                                        mlir::Value mask, LayerFunction build);
  /// The same for layers whose weights stand behind these prefixes; layers with one prefix share their weights.
  llvm::SmallVector<mlir::Value> layers(llvm::StringRef name, llvm::ArrayRef<std::string> prefixes, mlir::Value x,
                                        mlir::Value mask, LayerFunction build);
  /// The same for layers that are given more than a mask: `build` gets what stands for `shared` inside the function.
  llvm::SmallVector<mlir::Value> sharingLayers(llvm::StringRef name, llvm::ArrayRef<std::string> prefixes,
                                               mlir::Value x, llvm::ArrayRef<mlir::Value> shared,
                                               SharingLayerFunction build);
  /// Where layers of several kinds alternate: a kind, built from the weights behind one layer's prefix; and one layer.
  LayerKind layerKind(llvm::StringRef name, llvm::StringRef prefix, mlir::Value x, llvm::ArrayRef<mlir::Value> shared,
                      SharingLayerFunction build);
  mlir::Value layer(const LayerKind &kind, llvm::StringRef prefix, mlir::Value x, llvm::ArrayRef<mlir::Value> shared);
  /// `prefix` + i + "." for all i below `count`, the config's `field`, with the check of `layers` that there are no
  /// more.
  std::vector<std::string> layerPrefixes(llvm::StringRef prefix, int64_t count,
                                         llvm::StringRef field = "num_hidden_layers");
  /// Notes an error if the checkpoint has "<prefix>N." for an N from `count` on, which the config's `field` rules out.
  void rejectBeyond(llvm::StringRef prefix, int64_t count, llvm::StringRef field);

  /// What the entry's layers so far gave of attention's probabilities, [batch, heads, seq, seq] each.
  llvm::ArrayRef<mlir::Value> attentions() const { return givenAttentions; }

  /// Declares an output. Its rows are tokens for [batch, seq, width], sequences for [batch, width], pairs of tokens for
  /// [batch, heads, seq, seq].
  void output(llvm::StringRef name, mlir::Value value, OutputForm form = {});
  /// Inputs are [batch, choices, seq]: each choice is a sequence.
  void takeChoices();
  /// The output "logits" says which token comes next.
  void generates();

  bool hasWeight(llvm::StringRef name) const { return weights.find(name) != nullptr; }
  /// Weights that this task leaves alone but the family knows: no warning is due.
  void expectUnused(llvm::ArrayRef<llvm::StringRef> prefixes) {
    for (llvm::StringRef prefix : prefixes)
      expectedPrefixes.push_back(prefix.str());
  }

  /// Ends the last entry. Afterwards the module is complete, or the first error is returned.
  llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>> finish();
  /// Names of the checkpoint that nothing used, sorted: first those nobody expected, then those `expectUnused` named.
  std::vector<std::string> unknownWeights() const;
  std::vector<std::string> unusedWeights() const;

private:
  friend class BlockBuilder;
  friend class LayerBuilder;

  /// An entry without inputs, at the module's end.
  void createEntry(llvm::StringRef name);
  /// Has the entry give its outputs.
  void endEntry();
  mlir::Value weight(llvm::StringRef name, llvm::ArrayRef<int64_t> shape, bool transposed) override;
  /// The checkpoint's tensor of that name, if it can be a weight of this shape, or is `storedAs` another; else notes an
  /// error.
  const TensorView *findWeight(llvm::StringRef name, llvm::ArrayRef<int64_t> shape);
  /// The module's xf.weight of that name, made and checked at its first use.
  void requireWeight(llvm::StringRef name, llvm::ArrayRef<int64_t> shape, bool transposed);
  /// The value of a weight that the module has, or would have but for an error.
  mlir::Value load(llvm::StringRef name, llvm::ArrayRef<int64_t> shape);
  /// Makes the module's xf.weight of that name, of a part of a tensor's bytes, unless it is there.
  void addWeight(llvm::StringRef name, llvm::ArrayRef<int64_t> stored, DType dtype, llvm::ArrayRef<uint8_t> bytes,
                 bool transposed);
  mlir::Value input(llvm::StringRef name, mlir::Type element, int64_t limit, xf::Rows axis = xf::Rows::Tokens);
  mlir::Value input(llvm::StringRef name, mlir::RankedTensorType type, int64_t limit);
  /// An input of rows of numbers, [batch, seq, width].
  mlir::Value rows(llvm::StringRef name, int64_t width);
  /// An input whose omission means -1 for each token.
  mlir::Value optional(mlir::Value input);
  void reject(const llvm::Twine &message);
  bool isExpected(llvm::StringRef name) const;

  const WeightNames &weights;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  bool givesAttentions;
  bool typesAreTold = false;
  struct Output {
    std::string name;
    mlir::Value value;
    OutputForm form;
  };
  // Of the entry under construction:
  mlir::func::FuncOp entry;
  llvm::StringMap<mlir::Value> inputs;
  std::vector<Output> outputs;
  llvm::SmallVector<mlir::Value> givenAttentions;
  // Of the module:
  llvm::StringSet<> used, read;                             ///< read: while importing
  llvm::StringMap<llvm::SmallVector<int64_t>> defined;      ///< shapes of weights that no checkpoint has
  llvm::StringMap<llvm::SmallVector<int64_t>> storedShapes; ///< of weights that are read in another one
  std::vector<std::string> expectedPrefixes;
  std::string firstError;
};

} // namespace lathe

#endif
