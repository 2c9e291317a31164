// One test per rule of the verifiers of embeddings, linears, norms, poolings and elementwise ops.
// RUN: lathe-opt %s --verify-diagnostics --split-input-file

// every tensor has an axis
func.func @f(%x: tensor<f32>) {
  // expected-error @+1 {{operand #0 must be tensor with at least one axis of 32-bit float values, but got 'tensor<f32>'}}
  %0 = xf.activate relu %x : tensor<f32>
  return
}

// -----
// every tensor is f32
func.func @f(%x: tensor<4xf16>) {
  // expected-error @+1 {{operand #0 must be tensor with at least one axis of 32-bit float values, but got 'tensor<4xf16>'}}
  %0 = xf.softmax %x : tensor<4xf16>
  return
}

// -----
// activate: known functions
func.func @f(%x: tensor<?x4xf32>) {
  // expected-error @+2 {{expected ::lathe::xf::Activation to be one of: gelu, gelu_tanh, relu, silu, tanh}}
  // expected-error @+1 {{failed to parse Xf_ActivationAttr}}
  %0 = xf.activate swish %x : tensor<?x4xf32>
  return
}

// -----
// lookup: result is ids' shape and the table's width
func.func @f(%ids: tensor<?x?xi32>, %table: tensor<10x4xf32>) {
  // expected-error @+1 {{result is a 'tensor<?x4xf32>'; expected 'tensor<?x?x4xf32>'}}
  %0 = xf.lookup %ids in %table : tensor<?x?xi32>, tensor<10x4xf32> -> tensor<?x4xf32>
  return
}

// -----
// embed: ids and tables come in pairs
func.func @f(%ids: tensor<?xi32>, %table: tensor<10x4xf32>) {
  // expected-error @+1 {{has 2 ids for 1 tables; expected one of each}}
  %0 = xf.embed ids(%ids, %ids : tensor<?xi32>, tensor<?xi32>) tables(%table : tensor<10x4xf32>) -> tensor<?x4xf32>
  return
}

// -----
// embed: the norm is whole
func.func @f(%ids: tensor<?xi32>, %table: tensor<10x4xf32>) {
  // expected-error @+1 {{has some of gain, bias and eps; expected none, all, or all but a bias}}
  %0 = xf.embed ids(%ids : tensor<?xi32>) tables(%table : tensor<10x4xf32>) {eps = 1.0 : f64} -> tensor<?x4xf32>
  return
}

// -----
// embed: result
func.func @f(%ids: tensor<?xi32>, %ids2: tensor<5xi32>, %table: tensor<10x4xf32>) {
  // expected-error @+1 {{result is a 'tensor<?x4xf32>'; expected 'tensor<5x4xf32>'}}
  %0 = xf.embed ids(%ids, %ids2 : tensor<?xi32>, tensor<5xi32>) tables(%table, %table : tensor<10x4xf32>, tensor<10x4xf32>) -> tensor<?x4xf32>
  return
}

// -----
// embed: tables are equally wide
func.func @f(%ids: tensor<?xi32>, %table: tensor<10x4xf32>, %wide: tensor<10x5xf32>) {
  // expected-error @+1 {{table is a 'tensor<10x5xf32>'; expected rows of 4}}
  %0 = xf.embed ids(%ids, %ids : tensor<?xi32>, tensor<?xi32>) tables(%table, %wide : tensor<10x4xf32>, tensor<10x5xf32>) -> tensor<?x4xf32>
  return
}

// -----
// embed: gain
func.func @f(%ids: tensor<?xi32>, %table: tensor<10x4xf32>, %v: tensor<4xf32>, %w: tensor<5xf32>) {
  // expected-error @+1 {{gain is a 'tensor<5xf32>'; expected 'tensor<4xf32>'}}
  %0 = xf.embed ids(%ids : tensor<?xi32>) tables(%table : tensor<10x4xf32>) norm(%w : tensor<5xf32>) bias(%v : tensor<4xf32>) eps 1.0 -> tensor<?x4xf32>
  return
}

// -----
// embed: bias
func.func @f(%ids: tensor<?xi32>, %table: tensor<10x4xf32>, %v: tensor<4xf32>, %w: tensor<5xf32>) {
  // expected-error @+1 {{bias is a 'tensor<5xf32>'; expected 'tensor<4xf32>'}}
  %0 = xf.embed ids(%ids : tensor<?xi32>) tables(%table : tensor<10x4xf32>) norm(%v : tensor<4xf32>) bias(%w : tensor<5xf32>) eps 1.0 -> tensor<?x4xf32>
  return
}

// -----
// linear: K
func.func @f(%x: tensor<?x4xf32>, %w: tensor<8x5xf32>) {
  // expected-error @+1 {{x has K = 4, but the weight [N, K] is a 'tensor<8x5xf32>'}}
  %0 = xf.linear %x, %w : tensor<?x4xf32>, tensor<8x5xf32> -> tensor<?x8xf32>
  return
}

// -----
// linear: result
func.func @f(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>) {
  // expected-error @+1 {{result is a 'tensor<?x9xf32>'; expected 'tensor<?x8xf32>'}}
  %0 = xf.linear %x, %w : tensor<?x4xf32>, tensor<8x4xf32> -> tensor<?x9xf32>
  return
}

// -----
// linear: bias
func.func @f(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>, %b: tensor<4xf32>) {
  // expected-error @+1 {{bias is a 'tensor<4xf32>'; expected 'tensor<8xf32>'}}
  %0 = xf.linear %x, %w bias(%b : tensor<4xf32>) : tensor<?x4xf32>, tensor<8x4xf32> -> tensor<?x8xf32>
  return
}

// -----
// linear: range without int8
func.func @f(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>, %r: tensor<2xf32>) -> tensor<?x8xf32> {
  // expected-error@+1 {{has a range of x, which only products in int8 have}}
  %0 = xf.linear %x, %w in bf16 range(%r : tensor<2xf32>) : tensor<?x4xf32>, tensor<8x4xf32> -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// -----
// linear: narrow in f32
func.func @f(%x: tensor<?x4xf32>, %w: tensor<4x4xf32>) -> tensor<?x4xf32> {
  // expected-error@+1 {{is in f32; narrow results have products in bf16, int8 and int4}}
  %0 = xf.linear %x, %w narrow : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
  %1 = xf.linear %0, %w in int8 : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

// -----
// linear: narrow, but not for bytes alone
func.func @f(%x: tensor<?x4xf32>, %w: tensor<4x4xf32>) -> tensor<?x4xf32> {
  // expected-error@+1 {{is narrow, which is for what products read in bytes alone; but it is read by 'xf.linear'}}
  %0 = xf.linear %x, %w in int8 narrow : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
  %1 = xf.linear %0, %w residual(%0 : tensor<?x4xf32>) in int8 : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

// -----
// attention: narrow, but not for bytes
func.func @f(%x: tensor<?x4xf32>, %cu: tensor<?xi32>) -> tensor<?x4xf32> {
  // expected-error@+1 {{is narrow, which is for what products read in bytes alone; but it is read by 'func.return'}}
  %0 = xf.attention %x, %x, %x cu_seqlens(%cu : tensor<?xi32>) heads 2 scale 0.5 in bf16 narrow : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// -----
// linear: smoothing without bytes
xf.weight @s = dense<1.0> : tensor<4xf32>
func.func @f(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>) -> tensor<?x8xf32> {
  %s = xf.load_weight @s : tensor<4xf32>
  // expected-error@+1 {{smooths x, which is for products that read it in bytes}}
  %0 = xf.linear %x, %w in bf16 smoothing(%s : tensor<4xf32>) : tensor<?x4xf32>, tensor<8x4xf32> -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// -----
// linear: smoothing of a layer's own
func.func @f(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>, %s: tensor<4xf32>) -> tensor<?x8xf32> {
  // expected-error@+1 {{smooths x by what is no loaded weight}}
  %0 = xf.linear %x, %w in int8 smoothing(%s : tensor<4xf32>) : tensor<?x4xf32>, tensor<8x4xf32> -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// -----
// linear: smoothing of other columns
xf.weight @s = dense<1.0> : tensor<8xf32>
func.func @f(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>) -> tensor<?x8xf32> {
  %s = xf.load_weight @s : tensor<8xf32>
  // expected-error@+1 {{smoothing is a 'tensor<8xf32>'; expected 'tensor<4xf32>'}}
  %0 = xf.linear %x, %w in int8 smoothing(%s : tensor<8xf32>) : tensor<?x4xf32>, tensor<8x4xf32> -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// -----
// linear: importance without int4
func.func @f(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>, %i: tensor<4xf32>) -> tensor<?x8xf32> {
  // expected-error@+1 {{has importances of columns, which int4 alone has}}
  %0 = xf.linear %x, %w in int8 importance(%i : tensor<4xf32>) : tensor<?x4xf32>, tensor<8x4xf32> -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// -----
// linear: importance of other columns
func.func @f(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>, %i: tensor<8xf32>) -> tensor<?x8xf32> {
  // expected-error@+1 {{importance is a 'tensor<8xf32>'; expected 'tensor<4xf32>'}}
  %0 = xf.linear %x, %w in int4 groups of 32 importance(%i : tensor<8xf32>) : tensor<?x4xf32>, tensor<8x4xf32> -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// -----
// linear: residual
func.func @f(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>) {
  // expected-error @+1 {{residual is a 'tensor<?x4xf32>'; expected 'tensor<?x8xf32>'}}
  %0 = xf.linear %x, %w residual(%x : tensor<?x4xf32>) : tensor<?x4xf32>, tensor<8x4xf32> -> tensor<?x8xf32>
  return
}

// -----
// concat: there are parts
func.func @f() {
  // expected-error @+1 {{has no parts}}
  %0 = "xf.concat"() : () -> tensor<4xf32>
  return
}

// -----
// concat: rank
func.func @f(%a: tensor<4x4xf32>) {
  // expected-error @+1 {{part is a 'tensor<4x4xf32>', the whole a 'tensor<4xf32>'; expected the same rank}}
  %0 = xf.concat %a : tensor<4x4xf32> -> tensor<4xf32>
  return
}

// -----
// concat: other extents
func.func @f(%a: tensor<4x4xf32>, %b: tensor<4x5xf32>) {
  // expected-error @+1 {{part is a 'tensor<4x5xf32>'; expected 'tensor<4x4xf32>'}}
  %0 = xf.concat %a, %b : tensor<4x4xf32>, tensor<4x5xf32> -> tensor<8x4xf32>
  return
}

// -----
// concat: the sum
func.func @f(%a: tensor<4x4xf32>) {
  // expected-error @+1 {{parts have 8 along axis 0, the whole 9}}
  %0 = xf.concat %a, %a : tensor<4x4xf32>, tensor<4x4xf32> -> tensor<9x4xf32>
  return
}

// -----
// join: the sum is that of the last axis
func.func @f(%a: tensor<?x4xf32>) {
  // expected-error @+1 {{parts have 8 along axis 1, the whole 4}}
  %0 = xf.join %a, %a : tensor<?x4xf32>, tensor<?x4xf32> -> tensor<?x4xf32>
  return
}

// -----
// split: the sum
func.func @f(%a: tensor<?x12xf32>) {
  // expected-error @+1 {{parts have 8 along axis 1, the whole 12}}
  %0:2 = xf.split %a : tensor<?x12xf32> -> tensor<?x4xf32>, tensor<?x4xf32>
  return
}

// -----
// layer_norm: result
func.func @f(%x: tensor<?x4xf32>, %v: tensor<4xf32>) {
  // expected-error @+1 {{result is a 'tensor<?x5xf32>'; expected 'tensor<?x4xf32>'}}
  %0 = xf.layer_norm %x, %v, %v eps 1.0 : tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32> -> tensor<?x5xf32>
  return
}

// -----
// layer_norm: the root of squares has no bias
func.func @f(%x: tensor<?x4xf32>, %v: tensor<4xf32>) {
  // expected-error @+1 {{goes by the root of squares and has a bias}}
  %0 = xf.layer_norm %x, %v, %v eps 1.0 rms : tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32> -> tensor<?x4xf32>
  return
}

// -----
// layer_norm: gain
func.func @f(%x: tensor<?x4xf32>, %v: tensor<4xf32>, %w: tensor<5xf32>) {
  // expected-error @+1 {{gain is a 'tensor<5xf32>'; expected 'tensor<4xf32>'}}
  %0 = xf.layer_norm %x, %w, %v eps 1.0 : tensor<?x4xf32>, tensor<5xf32>, tensor<4xf32> -> tensor<?x4xf32>
  return
}

// -----
// layer_norm: bias
func.func @f(%x: tensor<?x4xf32>, %v: tensor<4xf32>, %w: tensor<5xf32>) {
  // expected-error @+1 {{bias is a 'tensor<5xf32>'; expected 'tensor<4xf32>'}}
  %0 = xf.layer_norm %x, %v, %w eps 1.0 : tensor<?x4xf32>, tensor<4xf32>, tensor<5xf32> -> tensor<?x4xf32>
  return
}

// -----
// layer_norm: residual
func.func @f(%x: tensor<?x4xf32>, %r: tensor<?x5xf32>, %v: tensor<4xf32>) {
  // expected-error @+1 {{residual is a 'tensor<?x5xf32>'; expected 'tensor<?x4xf32>'}}
  %0 = xf.layer_norm %x residual(%r : tensor<?x5xf32>), %v, %v eps 1.0 : tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32> -> tensor<?x4xf32>
  return
}

// -----
// first_token: dense or packed
func.func @f(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{takes [batch, seq, width], or [tokens, width] with cu_seqlens; found 'tensor<?x4xf32>' without cu_seqlens}}
  %0 = xf.first_token %x : tensor<?x4xf32> -> tensor<?x4xf32>
  return
}

// -----
// first_token: result
func.func @f(%x: tensor<?x?x4xf32>) {
  // expected-error @+1 {{result is a 'tensor<?x?x4xf32>'; expected 'tensor<?x4xf32>'}}
  %0 = xf.first_token %x : tensor<?x?x4xf32> -> tensor<?x?x4xf32>
  return
}

// -----
// pool: mask or cu_seqlens
func.func @f(%x: tensor<?x4xf32>, %mask: tensor<?x?xi1>, %cu: tensor<?xi32>) {
  // expected-error @+1 {{has both a mask and cu_seqlens; expected one of them}}
  %0 = xf.pool mean %x mask(%mask : tensor<?x?xi1>) cu_seqlens(%cu : tensor<?xi32>) : tensor<?x4xf32> -> tensor<?x4xf32>
  return
}

// -----
// pool: result
func.func @f(%x: tensor<?x?x4xf32>) {
  // expected-error @+1 {{result is a 'tensor<?x5xf32>'; expected 'tensor<?x4xf32>'}}
  %0 = xf.pool max %x : tensor<?x?x4xf32> -> tensor<?x5xf32>
  return
}

// -----
// pool: columns for the mode that has them
func.func @f(%x: tensor<?x4xf32>, %cu: tensor<?xi32>, %t: tensor<?xi32>) {
  // expected-error @+1 {{has columns, or the mode that weighs tokens by them, without the other}}
  %0 = xf.pool mean %x cu_seqlens(%cu : tensor<?xi32>) columns(%t : tensor<?xi32>) : tensor<?x4xf32> -> tensor<?x4xf32>
  return
}

// -----
// pool: the mode that needs columns
func.func @f(%x: tensor<?x4xf32>, %cu: tensor<?xi32>) {
  // expected-error @+1 {{has columns, or the mode that weighs tokens by them, without the other}}
  %0 = xf.pool weighted_mean %x cu_seqlens(%cu : tensor<?xi32>) : tensor<?x4xf32> -> tensor<?x4xf32>
  return
}

// -----
// pool: columns
func.func @f(%x: tensor<?x4xf32>, %cu: tensor<?xi32>, %t: tensor<?x?xi32>) {
  // expected-error @+1 {{columns is a 'tensor<?x?xi32>' for 'tensor<?x4xf32>'; expected a number for each token}}
  %0 = xf.pool weighted_mean %x cu_seqlens(%cu : tensor<?xi32>) columns(%t : tensor<?x?xi32>) : tensor<?x4xf32> -> tensor<?x4xf32>
  return
}

// -----
// pool: except
func.func @f(%x: tensor<?x?x4xf32>, %t: tensor<?xi32>) {
  // expected-error @+1 {{except is a 'tensor<?xi32>' for 'tensor<?x?x4xf32>'; expected a number for each token}}
  %0 = xf.pool last %x except(%t : tensor<?xi32>) : tensor<?x?x4xf32> -> tensor<?x4xf32>
  return
}

// -----
// linear: groups in int4 alone
func.func @f(%x: tensor<?x4xf32>, %w: tensor<4x4xf32>) {
  // expected-error @+1 {{has groups, which int4 alone has}}
  %0 = xf.linear %x, %w in int8 groups of 64 : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
  return
}

// -----
// linear: groups in int4
func.func @f(%x: tensor<?x4xf32>, %w: tensor<4x4xf32>) {
  // expected-error @+1 {{has no groups, which int4 needs}}
  %0 = xf.linear %x, %w in int4 : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
  return
}

// -----
// linear: size of groups
func.func @f(%x: tensor<?x4xf32>, %w: tensor<4x4xf32>) {
  // expected-error @+1 {{has groups of 16; accepted are 32, 64, 128}}
  %0 = xf.linear %x, %w in int4 groups of 16 : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
  return
}

// -----
// lookup: precision
func.func @f(%ids: tensor<?xi32>, %t: tensor<10x4xf32>) {
  // expected-error @+1 {{rounds a table to int4; accepted are bf16 and int8}}
  %0 = xf.lookup %ids in %t rounded int4 : tensor<?xi32>, tensor<10x4xf32> -> tensor<?x4xf32>
  return
}

// -----
// embed: precision
func.func @f(%ids: tensor<?xi32>, %t: tensor<10x4xf32>) {
  // expected-error @+1 {{rounds a table to int4; accepted are bf16 and int8}}
  %0 = xf.embed ids(%ids : tensor<?xi32>) tables(%t : tensor<10x4xf32>) rounded int4 -> tensor<?x4xf32>
  return
}

// -----
// angles: a cosine and a sine for each frequency
func.func @f(%ids: tensor<?xi32>, %f: tensor<3xf32>) {
  // expected-error @+1 {{result is a 'tensor<?x3xf32>'; expected 'tensor<?x6xf32>'}}
  %0 = xf.angles %ids, %f : tensor<?xi32>, tensor<3xf32> -> tensor<?x3xf32>
  return
}

// -----
// rotate: pairs of columns
func.func @f(%x: tensor<?x9xf32>, %a: tensor<?x3xf32>) {
  // expected-error @+1 {{rotates 3 columns of heads of 3; expected pairs in each}}
  %0 = xf.rotate %x by %a heads 3 : tensor<?x9xf32>, tensor<?x3xf32>
  return
}

// -----
// rotate: whole heads
func.func @f(%x: tensor<?x9xf32>, %a: tensor<?x2xf32>) {
  // expected-error @+1 {{has 2 heads for a width of 9; expected a divisor of it}}
  %0 = xf.rotate %x by %a heads 2 : tensor<?x9xf32>, tensor<?x2xf32>
  return
}

// -----
// head_norm: whole heads
func.func @f(%x: tensor<?x9xf32>, %g: tensor<3xf32>) {
  // expected-error @+1 {{has 2 heads for a width of 9; expected a divisor of it}}
  %0 = xf.head_norm %x, %g heads 2 eps 1.0e-6 : tensor<?x9xf32>, tensor<3xf32>
  return
}

// -----
// head_norm: one gain for all heads
func.func @f(%x: tensor<?x9xf32>, %g: tensor<9xf32>) {
  // expected-error @+1 {{gain is a 'tensor<9xf32>'; expected 'tensor<3xf32>'}}
  %0 = xf.head_norm %x, %g heads 3 eps 1.0e-6 : tensor<?x9xf32>, tensor<9xf32>
  return
}

// -----
// rotate: an angle for each pair
func.func @f(%x: tensor<?x12xf32>, %a: tensor<?x6xf32>) {
  // expected-error @+1 {{rotates 6 columns of heads of 4; expected pairs in each}}
  %0 = xf.rotate %x by %a heads 3 : tensor<?x12xf32>, tensor<?x6xf32>
  return
}


// -----
// argmax: rows
func.func @f(%x: tensor<?x?xf32>) {
  // expected-error @+1 {{looks at 'tensor<?x?xf32>'; accepted are rows of 1 to 16777216 numbers}}
  %0 = xf.argmax %x : tensor<?x?xf32> -> tensor<?x2xf32>
  return
}

// -----
// argmax: result
func.func @f(%x: tensor<?x7xf32>) {
  // expected-error @+1 {{gives two numbers for each row of 'tensor<?x7xf32>'; found 'tensor<?x1xf32>'}}
  %0 = xf.argmax %x : tensor<?x7xf32> -> tensor<?x1xf32>
  return
}

// -----
// blend: a row for each place of the grid
func.func @f(%rows: tensor<?x2xf32>, %columns: tensor<?x3xf32>, %grid: tensor<5x4xf32>) {
  // expected-error @+1 {{grid is a 'tensor<5x4xf32>'; expected 2 x 3 rows}}
  %0 = xf.blend %rows, %columns in %grid : tensor<?x2xf32>, tensor<?x3xf32>, tensor<5x4xf32> -> tensor<?x4xf32>
  return
}

// -----
// image: at least a patch
// expected-error @+1 {{has images of 3 x 16; expected at least a patch, 4 x 4}}
func.func @f(%x: tensor<?x?x16xf32> {xf.image = #xf.image<channels = 1, height = 3, width = 16, patchHeight = 4, patchWidth = 4, lead = 1, gridHeight = 1, gridWidth = 4, resize = bicubic>}) {
  return
}

// -----
// image: a position for each patch
// expected-error @+1 {{has a grid of 2 x 2 positions for 1 x 4 patches; expected as many, or a way to resize it}}
func.func @f(%x: tensor<?x?x16xf32> {xf.image = #xf.image<channels = 1, height = 4, width = 16, patchHeight = 4, patchWidth = 4, lead = 1, gridHeight = 2, gridWidth = 2, resize = none>}) {
  return
}
