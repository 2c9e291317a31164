//===- XfDialect.td - the transformer dialect -------------------*- tablegen -*-===//
#ifndef LATHE_IR_XF_DIALECT_TD
#define LATHE_IR_XF_DIALECT_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Xf_Dialect : Dialect {
  let name = "xf";
  let cppNamespace = "::lathe::xf";
  let summary = "Transformer models as their papers draw them";
  let description = [{
    Ops on tensors at the level of a transformer's figure: lookups, linears, attention, norms, pooling.

    Two forms share the ops. The *dense* form, which every importer produces, has activations `[batch, seq, hidden]`,
    a mask `[batch, seq]`, and attention as separate ops. The *packed* form, which the graph passes produce, has one
    token axis `[tokens, hidden]` and `cu_seqlens [batch + 1]`; padding is gone. In both, the extents of batch, seq and
    tokens are dynamic and every other extent is static.

    An entry may have a second token axis, the *targets*: what a decoder reads beside an encoder's tokens, dense `[batch,
    target_seq]`, packed `[targets]` with `cu_seqlens` of its own. Both have the same sequences in the same order. Inputs
    of that axis begin with `decoder_`; which axis any other value lies on follows from them (TokenAxes).

    Names of dimensions: batch, seq, tokens, hidden, heads, head_dim, vocab; a linear maps K inputs to N outputs.
  }];
  let useDefaultAttributePrinterParser = 1;
  let extraClassDeclaration = [{
    /// Function argument attribute: the input of the ABI that the argument stands for ("input_ids", ...).
    static constexpr llvm::StringLiteral inputAttr = "xf.input";
    /// Function argument attribute: values of the input lie in [0, limit); of input_modal it is the width.
    static constexpr llvm::StringLiteral limitAttr = "xf.limit";
    /// Function argument attribute of position_ids: where they are left out, positions count the ids that differ from
    /// this one, beginning behind it; this id itself has its own number as position (RoBERTa). Of except_last: the id of
    /// padding. Of except_first: the id that ends texts, or -1 where that is the greatest.
    static constexpr llvm::StringLiteral paddingIdAttr = "xf.padding_id";
    /// Function argument attribute of position_ids: where they are left out, a token's position is the number of tokens
    /// before it in its sequence (OPT). Of token_columns: their column is (BLOOM).
    static constexpr llvm::StringLiteral countsTokensAttr = "xf.counts_tokens";
    /// Function argument attribute of pixel_values: how images become rows of patches, an #xf.image.
    static constexpr llvm::StringLiteral imageAttr = "xf.image";
    /// Likewise: how images of bytes become what the entry reads, an #xf.front_end; absent where nobody says.
    static constexpr llvm::StringLiteral frontEndAttr = "xf.front_end";
    /// Function argument attribute of random_rotations: the shape that the caller gives them in.
    static constexpr llvm::StringLiteral shapeAttr = "xf.shape";
    /// Layer function argument attribute: the weight's name behind the layer's prefix.
    static constexpr llvm::StringLiteral weightAttr = "xf.weight";
    /// Function result attribute: the output's name in the ABI ("last_hidden_state", ...).
    static constexpr llvm::StringLiteral outputAttr = "xf.output";
    /// Function result attribute: what the output has a row of, as xf.buffer says it: "tokens", "targets", "sequences",
    /// or "scores" of [batch, heads, seq, seq].
    static constexpr llvm::StringLiteral rowsAttr = "xf.rows";
    /// Function result attribute: the output, of width 1, has no last axis in the caller's arrays.
    static constexpr llvm::StringLiteral squeezedAttr = "xf.squeezed";
    /// Function result attribute: of an entry with choices, the output is [batch, choices, ...], and not a row of all
    /// choices' sequences for each.
    static constexpr llvm::StringLiteral byChoiceAttr = "xf.by_choice";
    /// Function result attribute: what the output does where column 0 is masked ("zero" or "error").
    static constexpr llvm::StringLiteral firstColumnAttr = "xf.first_column";
    /// Function attribute: this function is an entry point of the model.
    static constexpr llvm::StringLiteral entryAttr = "xf.entry";
    /// Entry attribute: inputs are [batch, choices, seq], a sequence for each choice.
    static constexpr llvm::StringLiteral choicesAttr = "xf.choices";
    /// Function attribute: the longest sequence that positions are defined for.
    static constexpr llvm::StringLiteral positionLimitAttr = "xf.position_limit";
    /// Entry attributes of a scheduled entry: bytes as a formula of the run's size (lathe_size_formula), by name.
    static constexpr llvm::StringLiteral arenaAttr = "xf.arena";
    static constexpr llvm::StringLiteral scratchAttr = "xf.scratch";
    /// Entry attribute of a scheduled entry: its outputs, dictionaries of what were result attributes, and the width.
    static constexpr llvm::StringLiteral outputsAttr = "xf.outputs";
    /// Entry attributes of a lowered entry: its inputs (what were argument attributes), and its launches by number.
    static constexpr llvm::StringLiteral inputsAttr = "xf.inputs";
    static constexpr llvm::StringLiteral stepsAttr = "xf.steps";
    /// Entry attribute: its output "logits", a row for each token, says which token comes next.
    static constexpr llvm::StringLiteral generatesAttr = "xf.generates";
    /// Entry attribute: the entry was made of another one by `DeriveDecode`, which says its part in that.
    static constexpr llvm::StringLiteral derivedAttr = "xf.derived";
    /// Entry attribute of a scheduled entry: bytes of a page of the cache that it adds to, for all layers.
    static constexpr llvm::StringLiteral pageBytesAttr = "xf.page_bytes";
    /// Attribute of a layer function that a pass made of another (LayerKind.h): that one's name.
    static constexpr llvm::StringLiteral layerKindAttr = "xf.layer_kind";
    /// Attribute of a layer function: it is given tokens, and gives a row for each sequence (NarrowRows).
    static constexpr llvm::StringLiteral givesSequencesAttr = "xf.gives_sequences";
    /// Entry attribute: the entry keeps padding (the graph passes did not pack it).
    static constexpr llvm::StringLiteral denseAttr = "xf.dense";
    /// Argument attribute, an integer: the id of every token where the caller omits the input; 0 without it.
    static constexpr llvm::StringLiteral omittedAttr = "xf.omitted";
    /// Argument attribute of global_attention_mask, of xf::Globals: which tokens are global where the caller omits it;
    /// without it none. Where separators tell, they are the id xf.padding_id.
    static constexpr llvm::StringLiteral globalsAttr = "xf.globals";
    /// Argument attributes of block_globals, integers: columns of a block, and how often its first one counts
    /// (LATHE_BLOCK_GLOBALS in program.h).
    static constexpr llvm::StringLiteral blockAttr = "xf.block";
    static constexpr llvm::StringLiteral repeatsAttr = "xf.repeats";
    /// Argument attributes of decoder_input_ids: where they are left out, they are input_ids, each a column further
    /// right; in the first column stands this id, or without it the row's last one that differs from xf.padding_id.
    static constexpr llvm::StringLiteral shiftedAttr = "xf.shifted";
    static constexpr llvm::StringLiteral firstIdAttr = "xf.first_id";
    /// Argument attribute of mems.N: how many rows of zeros each sequence remembers where the caller gives none.
    static constexpr llvm::StringLiteral memoryRowsAttr = "xf.memory_rows";
    /// Argument attribute of cluster_ids.N: the id that counts as 0; ids outside the cluster are -1.
    static constexpr llvm::StringLiteral firstIdOfAttr = "xf.first_id_of";
    /// Result attribute of mems.N: of each sequence's rows, the most that are given, its last ones; 0: all.
    static constexpr llvm::StringLiteral keptRowsAttr = "xf.kept_rows";
    /// Function attribute: what a function of one row computes, as text (backends/halide/RowProgram.h).
    static constexpr llvm::StringLiteral rowProgramAttr = "xf.row_program";
    /// Module attribute: two entries whose results are compared, an #xf.similarity.
    static constexpr llvm::StringLiteral similarityAttr = "xf.similarity";
    /// Module attribute: what each fusion pass did or declined, with reasons (see passes/graph/FusionLog.h).
    static constexpr llvm::StringLiteral fusionsAttr = "xf.fusions";
  }];
  let hasOperationAttrVerify = 0;
}

class Xf_Op<string mnemonic, list<Trait> traits = []> : Op<Xf_Dialect, mnemonic, traits>;

/// An op that computes its results from its operands and nothing else.
class Xf_PureOp<string mnemonic, list<Trait> traits = []> : Xf_Op<mnemonic, !listconcat([Pure], traits)>;

def Xf_Activation : I32EnumAttr<"Activation", "an elementwise activation", [
    I32EnumAttrCase<"Gelu", 0, "gelu">,
    I32EnumAttrCase<"GeluTanh", 1, "gelu_tanh">,
    I32EnumAttrCase<"Relu", 2, "relu">,
    I32EnumAttrCase<"Silu", 3, "silu">,
    I32EnumAttrCase<"Tanh", 4, "tanh">]> {
  let cppNamespace = "::lathe::xf";
  let genSpecializedAttr = 0;
}
def Xf_ActivationAttr : EnumAttr<Xf_Dialect, Xf_Activation, "activation">;

def Xf_Precision : I32EnumAttr<"Precision", "what products are computed from", [
    I32EnumAttrCase<"BF16", 0, "bf16">,
    I32EnumAttrCase<"INT8", 1, "int8">,
    I32EnumAttrCase<"INT4", 2, "int4">]> {
  let cppNamespace = "::lathe::xf";
  let genSpecializedAttr = 0;
  let description = [{
    Without one, f32. `bf16`: both factors rounded to bf16, sums in f32. `int8`: weights in -127 to 127 times a scale for each
    row; x in 255 steps from the least to the largest number of its row and 0; sums exact, what follows them in f32.
    `int4`, of linears alone: x as in int8; weights are 16 steps for each group of a row, as `ir/xf/Int4.h` says.
  }];
}
def Xf_PrecisionAttr : EnumAttr<Xf_Dialect, Xf_Precision, "precision">;

def Xf_PoolMode : I32EnumAttr<"PoolMode", "how a sequence of token vectors becomes one", [
    I32EnumAttrCase<"Mean", 0, "mean">,
    I32EnumAttrCase<"Max", 1, "max">,
    I32EnumAttrCase<"MeanSqrt", 2, "mean_sqrt">,
    I32EnumAttrCase<"WeightedMean", 3, "weighted_mean">,
    I32EnumAttrCase<"First", 4, "first">,
    I32EnumAttrCase<"Last", 5, "last">]> {
  let cppNamespace = "::lathe::xf";
  let genSpecializedAttr = 0;
}
def Xf_PoolModeAttr : EnumAttr<Xf_Dialect, Xf_PoolMode, "pool_mode">;

def Xf_Globals : I32EnumAttr<"Globals", "which tokens are global where nobody says", [
    I32EnumAttrCase<"FirstColumn", 0, "first_column">,
    I32EnumAttrCase<"BeforeSeparators", 1, "before_separators">,
    I32EnumAttrCase<"BehindSeparators", 2, "behind_separators">]> {
  let cppNamespace = "::lathe::xf";
  let genSpecializedAttr = 0;
  let description = [{
    `before_separators`: those in columns before a row's first separator, `behind_separators`: those behind the column
    next to it, where a second one is expected. A row then has three of them (Beltagy et al. 2020).
  }];
}
def Xf_GlobalsAttr : EnumAttr<Xf_Dialect, Xf_Globals, "globals">;
def Xf_FeatureMap : I32EnumAttr<"FeatureMap", "features of queries and keys, each made of one number", [
    I32EnumAttrCase<"Elu", 0, "elu">,
    I32EnumAttrCase<"Exp", 1, "exp">]> {
  let cppNamespace = "::lathe::xf";
  let genSpecializedAttr = 0;
  let description = "`elu`: elu(x) + 1 (Katharopoulos et al. 2020). `exp`: e^x, x being a feature's logarithm.";
}
def Xf_FeatureMapAttr : EnumAttr<Xf_Dialect, Xf_FeatureMap, "feature_map">;

def Xf_BucketScheme : I32EnumAttr<"BucketScheme", "how distances share the rows of a table", [
    I32EnumAttrCase<"TwoSided", 0, "two_sided">,
    I32EnumAttrCase<"OneSided", 1, "one_sided">]> {
  let cppNamespace = "::lathe::xf";
  let genSpecializedAttr = 0;
}

def Xf_BucketsAttr : AttrDef<Xf_Dialect, "Buckets"> {
  let mnemonic = "buckets";
  let summary = "which row of a table stands for a distance: `<scheme, count, distance>`";
  let description = [{
    A distance is the key's column less the query's. `two_sided` (Raffel et al. 2020): half of the `count` buckets for keys
    behind the query, half for the others; of each half the first half one for each distance, the others ever more of
    them, logarithmically, up to `distance`, from which on all are in the last. So `distance` and all beyond it, to either
    side, are as `distance` is. `one_sided`: all buckets for keys behind the query, shared likewise; keys ahead of it are as
    near as can be.
  }];
  let parameters = (ins EnumParameter<Xf_BucketScheme>:$scheme, "int64_t":$count, "int64_t":$distance);
  let assemblyFormat = "`<` $scheme `,` $count `,` $distance `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The bucket of a distance, in [0, count).
    int64_t bucketOf(int64_t distance) const;
  }];
}

def Xf_Resize : I32EnumAttr<"Resize", "how positions are made for images of other sizes", [
    I32EnumAttrCase<"None", 0, "none">,
    I32EnumAttrCase<"Bicubic", 1, "bicubic">,
    I32EnumAttrCase<"BicubicAntialiased", 2, "bicubic_antialiased">]> {
  let cppNamespace = "::lathe::xf";
  let genSpecializedAttr = 0;
}

def Xf_ImageAttr : AttrDef<Xf_Dialect, "Image"> {
  let mnemonic = "image";
  let summary = "how an image becomes tokens";
  let description = [{
    An image `[channels, height, width]` is `lead` tokens that stand for no part of it, whose rows are zeros, and then its
    patches, row by row. A patch's row has the numbers of each channel, row and column in this order. What is left at the
    right and at the bottom where the patch's size does not divide the image's belongs to no patch.

    Positions are a grid of `gridHeight` x `gridWidth`, which is interpolated to as many rows and columns as an image has
    patches: `bicubic` as torch does it, or with antialiasing; with `none` images are `height` x `width` and the grid has as
    many places as they have patches.
  }];
  let parameters = (ins "int64_t":$channels, "int64_t":$height, "int64_t":$width, "int64_t":$patchHeight,
                        "int64_t":$patchWidth, "int64_t":$lead, "int64_t":$gridHeight, "int64_t":$gridWidth,
                        EnumParameter<Xf_Resize>:$resize);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Tokens of an image of that size, or of the usual one.
    int64_t tokensOf(int64_t height, int64_t width) const {
      return getLead() + height / getPatchHeight() * (width / getPatchWidth());
    }
    int64_t tokens() const { return tokensOf(getHeight(), getWidth()); }
    /// Numbers of a patch.
    int64_t rowWidth() const { return getChannels() * getPatchHeight() * getPatchWidth(); }
  }];
}

def Xf_Fit : I32EnumAttr<"Fit", "how many of several texts fit an image", [
    I32EnumAttrCase<"One", 0, "one">,
    I32EnumAttrCase<"Each", 1, "each">]> {
  let cppNamespace = "::lathe::xf";
  let genSpecializedAttr = 0;
}

def Xf_SimilarityAttr : AttrDef<Xf_Dialect, "Similarity"> {
  let mnemonic = "similarity";
  let summary = "how alike what two entries give is";
  let description = [{
    The entry `text` gives `text_embeds`, a row for each of T texts, and the entry `image` `image_embeds`, one for each of I
    images. `logits_per_image` [I, T] are `scale` times the products of their rows, plus `bias`, and `logits_per_text` the
    same, [T, I]; 0 for a text without tokens. What they mean: of all texts `one` fits an image, so that a softmax of its row
    says which; or `each` fits or does not, which a sigmoid says.
  }];
  let parameters = (ins "::mlir::StringAttr":$text, "::mlir::StringAttr":$image, "::mlir::FloatAttr":$scale, "::mlir::FloatAttr":$bias,
                        EnumParameter<Xf_Fit>:$fit);
  let assemblyFormat = "`<` struct(params) `>`";
}

def Xf_Sizing : I32EnumAttr<"Sizing", "what becomes of an image's size", [
    I32EnumAttrCase<"Kept", 0, "kept">,
    I32EnumAttrCase<"Exact", 1, "exact">,
    I32EnumAttrCase<"ShortestEdge", 2, "shortest_edge">]> {
  let cppNamespace = "::lathe::xf";
  let genSpecializedAttr = 0;
}

def Xf_Resample : I32EnumAttr<"Resample", "how pixels become others, by Pillow's numbers", [
    I32EnumAttrCase<"Nearest", 0, "nearest">,
    I32EnumAttrCase<"Lanczos", 1, "lanczos">,
    I32EnumAttrCase<"Bilinear", 2, "bilinear">,
    I32EnumAttrCase<"Bicubic", 3, "bicubic">,
    I32EnumAttrCase<"Box", 4, "box">,
    I32EnumAttrCase<"Hamming", 5, "hamming">]> {
  let cppNamespace = "::lathe::xf";
  let genSpecializedAttr = 0;
}

def Xf_FrontEndAttr : AttrDef<Xf_Dialect, "FrontEnd"> {
  let mnemonic = "front_end";
  let summary = "how an image of bytes becomes what a model reads";
  let description = [{
    An image, u8 `[rows, columns, 3]`, is resized, `exact`ly to `rows` x `columns` or with `rows` as its `shortest_edge`;
    `imageRows` x `imageColumns` are cut from its middle where it `crops`, and else are what it must have become; and a
    byte of channel c becomes `(scale * byte - mean[c]) / deviation[c]`, the product in f64, all else in f32.
  }];
  let parameters = (ins EnumParameter<Xf_Sizing>:$sizing, EnumParameter<Xf_Resample>:$resample, "int64_t":$rows,
                        "int64_t":$columns, "bool":$crops, "int64_t":$imageRows, "int64_t":$imageColumns,
                        "::mlir::FloatAttr":$scale, "::mlir::DenseF32ArrayAttr":$mean,
                        "::mlir::DenseF32ArrayAttr":$deviation);
  let assemblyFormat = "`<` struct(params) `>`";
}

def Xf_ChunksAttr : AttrDef<Xf_Dialect, "Chunks"> {
  let mnemonic = "chunks";
  let summary = "how places of a row are cut, and which chunks a chunk's queries see";
  let description = [{
    Chunks of `length` places each, of which queries see their own, so many `before` and so many `after` it. A row of more
    than `above` places has as many as the next multiple of `multiple`.
  }];
  let parameters = (ins "int64_t":$length, "int64_t":$before, "int64_t":$after, "int64_t":$above, "int64_t":$multiple);
  let assemblyFormat = "`<` struct(params) `>`";
  let extraClassDeclaration = [{
    /// Places of a row of so many columns.
    int64_t placesOf(int64_t columns) const {
      return columns > getAbove() ? (columns + getMultiple() - 1) / getMultiple() * getMultiple() : columns;
    }
  }];
}

def Xf_HasAxis : CPred<"::llvm::cast<::mlir::RankedTensorType>($_self).getRank() > 0">;
def Xf_Tensor : RankedTensorOf<[F32], [Xf_HasAxis], "tensor with at least one axis">;
def Xf_Ids : RankedTensorOf<[I32]>;
def Xf_Mask : RankedTensorOf<[I1]>;
def Xf_CuSeqlens : 1DTensorOf<[I32]>;
def Xf_Lengths : 1DTensorOf<[I32]>;
def Xf_Pages : 1DTensorOf<[I64]>;
def Xf_Vector : 1DTensorOf<[F32]>;
def Xf_Matrix : 2DTensorOf<[F32]>;

#endif // LATHE_IR_XF_DIALECT_TD
