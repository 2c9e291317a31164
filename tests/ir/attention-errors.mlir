// One test per rule of the verifiers of XfAttentionOps.td.
// RUN: lathe-opt %s --verify-diagnostics --split-input-file

// split_heads: ranks
func.func @f(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{goes between [batch, seq, heads * head_dim] and [batch, heads, seq, head_dim]; found 'tensor<?x4xf32>' and 'tensor<?x2x?x2xf32>'}}
  %0 = xf.split_heads %x : tensor<?x4xf32> -> tensor<?x2x?x2xf32>
  return
}

// -----
// split_heads: static heads
func.func @f(%x: tensor<?x?x4xf32>) {
  // expected-error @+1 {{heads, head_dim and the width must be static}}
  %0 = xf.split_heads %x : tensor<?x?x4xf32> -> tensor<?x?x?x2xf32>
  return
}

// -----
// split_heads: heads * head_dim
func.func @f(%x: tensor<?x?x4xf32>) {
  // expected-error @+1 {{has 2 heads of 3 on one side and 4 on the other}}
  %0 = xf.split_heads %x : tensor<?x?x4xf32> -> tensor<?x2x?x3xf32>
  return
}

// -----
// merge_heads: batch and seq stay
func.func @f(%x: tensor<?x2x5x2xf32>) {
  // expected-error @+1 {{has 2 heads of 2 on one side and 4 on the other}}
  %0 = xf.merge_heads %x : tensor<?x2x5x2xf32> -> tensor<?x?x4xf32>
  return
}

// -----
// matmul: ranks
func.func @f(%a: tensor<?x?x4xf32>) {
  // expected-error @+1 {{multiplies [batch, heads, M, K] with [batch, heads, K, N]; found 'tensor<?x?x4xf32>'}}
  %0 = xf.matmul %a, %a : tensor<?x?x4xf32>, tensor<?x?x4xf32> -> tensor<?x?x4xf32>
  return
}

// -----
// matmul: K
func.func @f(%a: tensor<?x2x5x4xf32>, %b: tensor<?x2x3x6xf32>) {
  // expected-error @+1 {{do not agree in batch, heads or K}}
  %0 = xf.matmul %a, %b : tensor<?x2x5x4xf32>, tensor<?x2x3x6xf32> -> tensor<?x2x5x6xf32>
  return
}

// -----
// matmul: K of a transposed operand is its last extent
func.func @f(%a: tensor<?x2x5x4xf32>, %b: tensor<?x2x4x6xf32>) {
  // expected-error @+1 {{do not agree in batch, heads or K}}
  %0 = xf.matmul %a, transposed %b : tensor<?x2x5x4xf32>, tensor<?x2x4x6xf32> -> tensor<?x2x5x6xf32>
  return
}

// -----
// matmul: heads
func.func @f(%a: tensor<?x2x5x4xf32>, %b: tensor<?x3x4x6xf32>) {
  // expected-error @+1 {{do not agree in batch, heads or K}}
  %0 = xf.matmul %a, %b : tensor<?x2x5x4xf32>, tensor<?x3x4x6xf32> -> tensor<?x2x5x6xf32>
  return
}

// -----
// matmul: result
func.func @f(%a: tensor<?x2x5x4xf32>, %b: tensor<?x2x4x6xf32>) {
  // expected-error @+1 {{result is a 'tensor<?x2x5x7xf32>'; expected 'tensor<?x2x5x6xf32>'}}
  %0 = xf.matmul %a, %b : tensor<?x2x5x4xf32>, tensor<?x2x4x6xf32> -> tensor<?x2x5x7xf32>
  return
}

// -----
// mask_scores: ranks
func.func @f(%s: tensor<?x2x?x?xf32>, %mask: tensor<?xi1>) {
  // expected-error @+1 {{masks scores [batch, heads, queries, keys] with [batch, keys]; found 'tensor<?x2x?x?xf32>' and 'tensor<?xi1>'}}
  %0 = xf.mask_scores %s, %mask : tensor<?x2x?x?xf32>, tensor<?xi1>
  return
}

// -----
// mask_scores: keys
func.func @f(%s: tensor<?x2x?x5xf32>, %mask: tensor<?x6xi1>) {
  // expected-error @+1 {{do not agree in batch or keys}}
  %0 = xf.mask_scores %s, %mask : tensor<?x2x?x5xf32>, tensor<?x6xi1>
  return
}

// -----
// mask_scores: a mask holds booleans
func.func @f(%s: tensor<?x2x?x?xf32>, %mask: tensor<?x?xf32>) {
  // expected-error @+1 {{operand #1 must be ranked tensor of 1-bit signless integer values}}
  %0 = xf.mask_scores %s, %mask : tensor<?x2x?x?xf32>, tensor<?x?xf32>
  return
}

// -----
// attention: dense without cu_seqlens is [batch, seq, width]
func.func @f(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{takes [batch, seq, width], or [tokens, width] with cu_seqlens; found 'tensor<?x4xf32>' without cu_seqlens}}
  %0 = xf.attention %x, %x, %x heads 2 scale 1.0 : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> -> tensor<?x4xf32>
  return
}

// -----
// attention: packed is [tokens, width]
func.func @f(%x: tensor<?x?x4xf32>, %cu: tensor<?xi32>) {
  // expected-error @+1 {{found 'tensor<?x?x4xf32>' with cu_seqlens}}
  %0 = xf.attention %x, %x, %x cu_seqlens(%cu : tensor<?xi32>) heads 2 scale 1.0 : tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32> -> tensor<?x?x4xf32>
  return
}

// -----
// attention: mask or cu_seqlens
func.func @f(%x: tensor<?x4xf32>, %mask: tensor<?x?xi1>, %cu: tensor<?xi32>) {
  // expected-error @+1 {{has both a mask and cu_seqlens; expected one of them}}
  %0 = xf.attention %x, %x, %x mask(%mask : tensor<?x?xi1>) cu_seqlens(%cu : tensor<?xi32>) heads 2 scale 1.0 : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> -> tensor<?x4xf32>
  return
}

// -----
// attention: the mask's shape
func.func @f(%x: tensor<?x5x4xf32>, %mask: tensor<?x6xi1>) {
  // expected-error @+1 {{mask is a 'tensor<?x6xi1>' for 'tensor<?x5x4xf32>'; expected [batch, seq]}}
  %0 = xf.attention %x, %x, %x mask(%mask : tensor<?x6xi1>) heads 2 scale 1.0 : tensor<?x5x4xf32>, tensor<?x5x4xf32>, tensor<?x5x4xf32> -> tensor<?x5x4xf32>
  return
}

// -----
// attention: keys and values are alike
func.func @f(%x: tensor<?x5x4xf32>, %v: tensor<?x6x4xf32>) {
  // expected-error @+1 {{query 'tensor<?x5x4xf32>', key 'tensor<?x5x4xf32>' and value 'tensor<?x6x4xf32>' do not agree}}
  %0 = xf.attention %x, %x, %v heads 2 scale 1.0 : tensor<?x5x4xf32>, tensor<?x5x4xf32>, tensor<?x6x4xf32> -> tensor<?x5x4xf32>
  return
}

// -----
// attention: heads divide the width
func.func @f(%x: tensor<?x?x4xf32>) {
  // expected-error @+1 {{has 3 heads for a width of 4}}
  %0 = xf.attention %x, %x, %x heads 3 scale 1.0 : tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32> -> tensor<?x?x4xf32>
  return
}

// -----
// attention: keys have heads that divide the queries'
func.func @f(%x: tensor<?x?x12xf32>, %k: tensor<?x?x8xf32>) {
  // expected-error @+1 {{has keys 8 wide for 3 heads of 4; expected heads that divide the queries'}}
  %0 = xf.attention %x, %k, %k heads 3 scale 1.0 : tensor<?x?x12xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32> -> tensor<?x?x12xf32>
  return
}

// -----
// attention: values have as many heads as keys, though perhaps of another width
func.func @f(%x: tensor<?x?x16xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x3xf32>) {
  // expected-error @+1 {{has values 3 wide for 2 heads; expected as many of one width}}
  %0 = xf.attention %x, %k, %v heads 4 scale 1.0 : tensor<?x?x16xf32>, tensor<?x?x8xf32>, tensor<?x?x3xf32> -> tensor<?x?x16xf32>
  return
}

// -----
// split_heads: as many heads as x has, or a multiple
func.func @f(%x: tensor<?x?x8xf32>) {
  // expected-error @+1 {{has 3 heads of 4 on one side and 8 on the other}}
  %0 = xf.split_heads %x : tensor<?x?x8xf32> -> tensor<?x3x?x4xf32>
  return
}

// -----
// attention: heads are positive
func.func @f(%x: tensor<?x?x4xf32>) {
  // expected-error @+1 {{has 0 heads for a width of 4}}
  %0 = xf.attention %x, %x, %x heads 0 scale 1.0 : tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32> -> tensor<?x?x4xf32>
  return
}

// -----
// attention: the result has the queries' shape
func.func @f(%x: tensor<?x?x4xf32>) {
  // expected-error @+1 {{result is a 'tensor<?x?x8xf32>'; expected 'tensor<?x?x4xf32>'}}
  %0 = xf.attention %x, %x, %x heads 2 scale 1.0 : tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32> -> tensor<?x?x8xf32>
  return
}

// -----
// attention: a bias has buckets
func.func @f(%x: tensor<?x?x4xf32>, %columns: tensor<?x?xi32>, %table: tensor<32x2xf32>) {
  // expected-error @+1 {{has a bias or buckets without the other}}
  %0 = xf.attention %x, %x, %x columns(%columns : tensor<?x?xi32>) bias(%table : tensor<32x2xf32>) heads 2 scale 1.0 : tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32> -> tensor<?x?x4xf32>
  return
}

// -----
// attention: a window goes by columns
func.func @f(%x: tensor<?x?x4xf32>) {
  // expected-error @+1 {{has columns, or what needs them, without the other}}
  %0 = xf.attention %x, %x, %x reach 3 heads 2 scale 1.0 : tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32> -> tensor<?x?x4xf32>
  return
}

// -----
// attention: a window's reach
func.func @f(%x: tensor<?x?x4xf32>, %columns: tensor<?x?xi32>) {
  // expected-error @+1 {{has a reach of -1; expected 0 or more}}
  %0 = xf.attention %x, %x, %x columns(%columns : tensor<?x?xi32>) reach -1 heads 2 scale 1.0 : tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32> -> tensor<?x?x4xf32>
  return
}

// -----
// attention: a column for each token
func.func @f(%x: tensor<?x5x4xf32>, %columns: tensor<?x6xi32>) {
  // expected-error @+1 {{columns are a 'tensor<?x6xi32>' for queries 'tensor<?x5x4xf32>' and keys 'tensor<?x5x4xf32>'; expected one for each of both}}
  %0 = xf.attention %x, %x, %x columns(%columns : tensor<?x6xi32>) reach 1 heads 2 scale 1.0 : tensor<?x5x4xf32>, tensor<?x5x4xf32>, tensor<?x5x4xf32> -> tensor<?x5x4xf32>
  return
}

// -----
// attention: a bias for each bucket and head
func.func @f(%x: tensor<?x?x4xf32>, %columns: tensor<?x?xi32>, %table: tensor<31x2xf32>) {
  // expected-error @+1 {{table is a 'tensor<31x2xf32>'; expected a row for each of 32 buckets, of 2 heads}}
  %0 = xf.attention %x, %x, %x columns(%columns : tensor<?x?xi32>) bias(%table : tensor<31x2xf32>) buckets <two_sided, 32, 128> heads 2 scale 1.0 : tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32> -> tensor<?x?x4xf32>
  return
}

// -----
// bias_scores: a bias for each head
func.func @f(%s: tensor<?x2x?x?xf32>, %columns: tensor<?x?xi32>, %table: tensor<32x3xf32>) {
  // expected-error @+1 {{table is a 'tensor<32x3xf32>'; expected a row for each of 32 buckets, of 2 heads}}
  %0 = xf.bias_scores %s, %table at %columns buckets <two_sided, 32, 128> : tensor<?x2x?x?xf32>, tensor<32x3xf32>, tensor<?x?xi32>
  return
}

// -----
// bias_scores: ranks
func.func @f(%s: tensor<?x2x?xf32>, %columns: tensor<?x?xi32>, %table: tensor<32x2xf32>) {
  // expected-error @+1 {{has scores [batch, heads, seq, seq] and columns [batch, seq]; found 'tensor<?x2x?xf32>' and 'tensor<?x?xi32>'}}
  %0 = xf.bias_scores %s, %table at %columns buckets <two_sided, 32, 128> : tensor<?x2x?xf32>, tensor<32x2xf32>, tensor<?x?xi32>
  return
}

// -----
// window_scores: columns
func.func @f(%s: tensor<?x2x5x5xf32>, %columns: tensor<?x6xi32>) {
  // expected-error @+1 {{scores 'tensor<?x2x5x5xf32>' and columns 'tensor<?x6xi32>' do not agree in batch or seq}}
  %0 = xf.window_scores %s at %columns reach 1 : tensor<?x2x5x5xf32>, tensor<?x6xi32>
  return
}

// -----
// window_scores: nothing narrows
func.func @f(%s: tensor<?x2x?x?xf32>, %columns: tensor<?x?xi32>) {
  // expected-error @+1 {{has neither a reach nor causal; expected one of them, or both}}
  %0 = xf.window_scores %s at %columns : tensor<?x2x?x?xf32>, tensor<?x?xi32>
  return
}

// -----
// window_scores: reach
func.func @f(%s: tensor<?x2x?x?xf32>, %columns: tensor<?x?xi32>) {
  // expected-error @+1 {{has a reach of -2; expected 0 or more}}
  %0 = xf.window_scores %s at %columns reach -2 : tensor<?x2x?x?xf32>, tensor<?x?xi32>
  return
}

// -----
// buckets: halves of halves
func.func @f(%s: tensor<?x2x?x?xf32>, %columns: tensor<?x?xi32>, %table: tensor<32x2xf32>) {
  // expected-error @+1 {{has 32 buckets for distances up to 8; expected an even count of at least 4, and a distance beyond its quarter}}
  %0 = xf.bias_scores %s, %table at %columns buckets <two_sided, 32, 8> : tensor<?x2x?x?xf32>, tensor<32x2xf32>, tensor<?x?xi32>
  return
}

// -----
// add_terms: terms have an index
func.func @f(%s: tensor<?x2x?x?xf32>, %columns: tensor<?x?xi32>, %index: tensor<7xf32>) {
  // expected-error @+1 {{has terms or their index without the other}}
  %0 = xf.add_terms %s at %columns by %index : tensor<?x2x?x?xf32>, tensor<?x?xi32>, tensor<7xf32>
  return
}

// -----
// add_terms: as many for each head
func.func @f(%s: tensor<?x2x?x?xf32>, %t: tensor<?x?x5xf32>, %columns: tensor<?x?xi32>, %index: tensor<7xf32>) {
  // expected-error @+1 {{terms are a 'tensor<?x?x5xf32>'; expected as many for each token and each of 2 heads}}
  %0 = xf.add_terms %s query(%t : tensor<?x?x5xf32>) at %columns by %index : tensor<?x2x?x?xf32>, tensor<?x?xi32>, tensor<7xf32>
  return
}

// -----
// add_terms: an index to both sides of 0
func.func @f(%s: tensor<?x2x?x?xf32>, %t: tensor<?x?x6xf32>, %columns: tensor<?x?xi32>, %index: tensor<8xf32>) {
  // expected-error @+1 {{index is a 'tensor<8xf32>'; expected one more than twice the largest distance}}
  %0 = xf.add_terms %s key(%t : tensor<?x?x6xf32>) at %columns by %index : tensor<?x2x?x?xf32>, tensor<?x?xi32>, tensor<8xf32>
  return
}

// -----
// cap_scores: ranks
func.func @f(%x: tensor<?x?x8xf32>) {
  // expected-error @+1 {{caps scores [batch, heads, queries, keys]; found 'tensor<?x?x8xf32>'}}
  %0 = xf.cap_scores %x at 30.0 : tensor<?x?x8xf32>
  return
}

// -----
// cap_scores: cap
func.func @f(%s: tensor<?x2x?x?xf32>) {
  // expected-error @+1 {{has a cap of 0.000000e+00; expected more than 0}}
  %0 = xf.cap_scores %s at 0.0 : tensor<?x2x?x?xf32>
  return
}

// -----
// attention: cap
func.func @f(%x: tensor<?x?x4xf32>) {
  // expected-error @+1 {{has a cap of -1.000000e+00; expected more than 0}}
  %0 = xf.attention %x, %x, %x heads 2 scale 1.0 cap -1.0 : tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32> -> tensor<?x?x4xf32>
  return
}

// -----
// slope_scores: a slope for each head
func.func @f(%s: tensor<?x2x?x?xf32>, %columns: tensor<?x?xi32>, %slopes: tensor<3xf32>) {
  // expected-error @+1 {{slopes are a 'tensor<3xf32>'; expected one for each of 2 heads}}
  %0 = xf.slope_scores %s, %slopes at %columns : tensor<?x2x?x?xf32>, tensor<3xf32>, tensor<?x?xi32>
  return
}

// -----
// attention: a slope for each head
func.func @f(%x: tensor<?x?x4xf32>, %columns: tensor<?x?xi32>, %slopes: tensor<3xf32>) {
  // expected-error @+1 {{slopes are a 'tensor<3xf32>'; expected one for each of 2 heads}}
  %0 = xf.attention %x, %x, %x columns(%columns : tensor<?x?xi32>) slopes(%slopes : tensor<3xf32>) heads 2 scale 1.0 : tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32> -> tensor<?x?x4xf32>
  return
}

// -----
// window_scores: a prefix of what is causal
func.func @f(%s: tensor<?x2x?x?xf32>, %columns: tensor<?x?xi32>, %prefix: tensor<?xi32>) {
  // expected-error @+1 {{has a prefix, but is not causal: queries see the keys behind them anyway}}
  %0 = xf.window_scores %s at %columns reach 2 prefix(%prefix : tensor<?xi32>) : tensor<?x2x?x?xf32>, tensor<?x?xi32>
  return
}

// -----
func.func @f(%x: tensor<?x8xf32>, %cu: tensor<?xi32>, %columns: tensor<?xi32>) {
  // expected-error@+1 {{has key_cu_seqlens; expected no mask, columns of keys and of queries with cu_seqlens or of neither, and no cache}}
  %0 = xf.attention %x, %x, %x cu_seqlens(%cu : tensor<?xi32>) key_cu_seqlens(%cu : tensor<?xi32>) columns(%columns : tensor<?xi32>) causal heads 2 scale 1.0 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----
func.func @f(%k: tensor<?x8xf32>, %v: tensor<?x4xf32>, %cu: tensor<?xi32>, %pages: tensor<?xi64>) {
  // expected-error@+1 {{key 'tensor<?x8xf32>' and value 'tensor<?x4xf32>' do not agree; expected two of [tokens, key_heads * head_dim]}}
  xf.append_cache %k, %v cu_seqlens(%cu : tensor<?xi32>) cache(%pages, %cu : tensor<?xi64>, tensor<?xi32>) head_dim 4 : tensor<?x8xf32>, tensor<?x4xf32>
  return
}

// -----
func.func @f(%k: tensor<?x8xf32>, %cu: tensor<?xi32>, %pages: tensor<?xi64>) {
  // expected-error@+1 {{has heads of 3 in keys 8 wide}}
  xf.append_cache %k, %k cu_seqlens(%cu : tensor<?xi32>) cache(%pages, %cu : tensor<?xi64>, tensor<?xi32>) head_dim 3 : tensor<?x8xf32>, tensor<?x8xf32>
  return
}

// -----
func.func @f(%q: tensor<?x8xf32>, %cu: tensor<?xi32>, %pages: tensor<?xi64>) {
  // expected-error@+1 {{has 4 heads, of keys 3, for a width of 8; expected divisors}}
  %0 = xf.paged_attention %q cu_seqlens(%cu : tensor<?xi32>) cache(%pages, %cu : tensor<?xi64>, tensor<?xi32>) heads 4 of 3 scale 1.0 : tensor<?x8xf32>
  return
}

// -----
func.func @f(%q: tensor<?x?x8xf32>, %cu: tensor<?xi32>, %pages: tensor<?xi64>) {
  // expected-error@+1 {{takes [tokens, heads * head_dim]; found 'tensor<?x?x8xf32>'}}
  %0 = xf.paged_attention %q cu_seqlens(%cu : tensor<?xi32>) cache(%pages, %cu : tensor<?xi64>, tensor<?xi32>) heads 4 of 2 scale 1.0 : tensor<?x?x8xf32>
  return
}

// -----
func.func @f(%q: tensor<?x8xf32>, %cu: tensor<?xi32>, %pages: tensor<?xi64>) {
  // expected-error@+1 {{has causal, columns, or what goes by them, without the others}}
  %0 = xf.paged_attention %q cu_seqlens(%cu : tensor<?xi32>) cache(%pages, %cu : tensor<?xi64>, tensor<?xi32>) causal heads 4 of 2 scale 1.0 : tensor<?x8xf32>
  return
}

// -----
// random_features: whole heads
func.func @f(%x: tensor<?x9xf32>, %w: tensor<5x3xf32>) {
  // expected-error@+1 {{has 2 heads for a width of 9; expected a divisor of it}}
  %0 = xf.random_features %x, %w heads 2 : tensor<?x9xf32>, tensor<5x3xf32> -> tensor<?x10xf32>
  return
}

// -----
// bias_pairs: a square for each head
func.func @f(%s: tensor<?x2x?x?xf32>, %columns: tensor<?x?xi32>, %pairs: tensor<5x3xf32>) {
  // expected-error @+1 {{table is a 'tensor<5x3xf32>'; expected a square for each of 2 heads}}
  %0 = xf.bias_pairs %s, %pairs at %columns : tensor<?x2x?x?xf32>, tensor<5x3xf32>, tensor<?x?xi32>
  return
}

// -----
// random_features: a projection of a head
func.func @f(%x: tensor<?x9xf32>, %w: tensor<5x9xf32>) {
  // expected-error@+1 {{projection is a 'tensor<5x9xf32>'; expected 'tensor<5x3xf32>'}}
  %0 = xf.random_features %x, %w heads 3 : tensor<?x9xf32>, tensor<5x9xf32> -> tensor<?x15xf32>
  return
}

// -----
// window_scores: blocks are of a window
func.func @f(%s: tensor<?x2x?x?xf32>, %columns: tensor<?x?xi32>) {
  // expected-error @+1 {{has a block of 4; expected 1 or more, with a reach, and not causal}}
  %0 = xf.window_scores %s at %columns block 4 causal : tensor<?x2x?x?xf32>, tensor<?x?xi32>
  return
}

// -----
// window_scores: blocks have columns
func.func @f(%s: tensor<?x2x?x?xf32>, %columns: tensor<?x?xi32>) {
  // expected-error @+1 {{has a block of 0; expected 1 or more, with a reach, and not causal}}
  %0 = xf.window_scores %s at %columns reach 1 block 0 : tensor<?x2x?x?xf32>, tensor<?x?xi32>
  return
}

// -----
// window_scores: globals are beyond a reach
func.func @f(%s: tensor<?x2x?x?xf32>, %columns: tensor<?x?xi32>) {
  // expected-error @+1 {{has globals; expected a reach that they are no part of, and not causal}}
  %0 = xf.window_scores %s at %columns reach 2 causal globals(%columns : tensor<?x?xi32>) : tensor<?x2x?x?xf32>, tensor<?x?xi32>
  return
}

// -----
// random_features: as many as the projection has, for each head
func.func @f(%x: tensor<?x9xf32>, %w: tensor<5x3xf32>) {
  // expected-error@+1 {{result is a 'tensor<?x5xf32>'; expected 'tensor<?x15xf32>'}}
  %0 = xf.random_features %x, %w heads 3 : tensor<?x9xf32>, tensor<5x3xf32> -> tensor<?x5xf32>
  return
}

// -----
// window_scores: a number for each token
func.func @f(%s: tensor<?x2x5x5xf32>, %columns: tensor<?x5xi32>, %globals: tensor<?x6xi32>) {
  // expected-error @+1 {{globals are a 'tensor<?x6xi32>'; expected a number for each token, as 'tensor<?x5xi32>'}}
  %0 = xf.window_scores %s at %columns reach 2 globals(%globals : tensor<?x6xi32>) : tensor<?x2x5x5xf32>, tensor<?x5xi32>
  return
}

// -----
// linear_attention: dense or packed
func.func @f(%q: tensor<?x8xf32>) {
  // expected-error@+1 {{takes [batch, seq, width], or [tokens, width] with cu_seqlens; found 'tensor<?x8xf32>' without cu_seqlens}}
  %0 = xf.linear_attention elu %q, %q, %q heads 2 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>
  return
}

// -----
// choose_queries: a number for each query
func.func @f(%s: tensor<?x2x5x7xf32>, %chosen: tensor<?x7xi32>) {
  // expected-error @+1 {{chooses among scores [batch, heads, queries, keys] by [batch, queries]; found 'tensor<?x2x5x7xf32>' and 'tensor<?x7xi32>'}}
  %0 = xf.choose_queries %s of %chosen : tensor<?x2x5x7xf32>, tensor<?x7xi32>
  return
}

// -----
// linear_attention: features of queries and keys are the same
func.func @f(%q: tensor<?x8xf32>, %k: tensor<?x6xf32>, %cu: tensor<?xi32>) {
  // expected-error@+1 {{query 'tensor<?x8xf32>', key 'tensor<?x6xf32>' and value 'tensor<?x8xf32>' do not agree; expected the same rows in all of them}}
  %0 = xf.linear_attention elu %q, %k, %q cu_seqlens(%cu : tensor<?xi32>) heads 2 : tensor<?x8xf32>, tensor<?x6xf32>, tensor<?x8xf32>
  return
}

// -----
// attention: globals go with a reach alone
func.func @f(%x: tensor<?x?x4xf32>, %columns: tensor<?x?xi32>, %slopes: tensor<2xf32>) {
  // expected-error @+1 {{has globals; expected nothing but a reach to go by distance}}
  %0 = xf.attention %x, %x, %x columns(%columns : tensor<?x?xi32>) reach 1 globals(%columns : tensor<?x?xi32>) slopes(%slopes : tensor<2xf32>) heads 2 scale 1.0 : tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32> -> tensor<?x?x4xf32>
  return
}

// -----
// attention: chosen queries go without distances
func.func @f(%x: tensor<?x?x4xf32>, %columns: tensor<?x?xi32>) {
  // expected-error @+1 {{has chosen queries; expected no columns, no key_cu_seqlens and no cache}}
  %0 = xf.attention %x, %x, %x columns(%columns : tensor<?x?xi32>) reach 1 chosen(%columns : tensor<?x?xi32>) heads 2 scale 1.0 : tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32> -> tensor<?x?x4xf32>
  return
}

// -----
// attention: a number for each query
func.func @f(%x: tensor<?x5x4xf32>, %chosen: tensor<?x6xi32>) {
  // expected-error @+1 {{chosen are a 'tensor<?x6xi32>' for queries 'tensor<?x5x4xf32>'; expected a number for each}}
  %0 = xf.attention %x, %x, %x chosen(%chosen : tensor<?x6xi32>) heads 2 scale 1.0 : tensor<?x5x4xf32>, tensor<?x5x4xf32>, tensor<?x5x4xf32> -> tensor<?x5x4xf32>
  return
}

// -----
// attention: pairs for each head
func.func @f(%x: tensor<?x?x4xf32>, %columns: tensor<?x?xi32>, %pairs: tensor<3x3xf32>) {
  // expected-error @+1 {{table is a 'tensor<3x3xf32>'; expected a square for each of 2 heads}}
  %0 = xf.attention %x, %x, %x columns(%columns : tensor<?x?xi32>) pairs(%pairs : tensor<3x3xf32>) heads 2 scale 1.0 : tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32> -> tensor<?x?x4xf32>
  return
}

// -----
// linear_attention: whole heads
func.func @f(%q: tensor<?x8xf32>, %v: tensor<?x6xf32>, %cu: tensor<?xi32>) {
  // expected-error@+1 {{has 4 heads for features 8 and values 6 wide; expected a divisor of both}}
  %0 = xf.linear_attention elu %q, %q, %v cu_seqlens(%cu : tensor<?xi32>) heads 4 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x6xf32>
  return
}

// -----
// window_scores: keys with columns of their own have no block
func.func @f(%s: tensor<?x2x?x?xf32>, %columns: tensor<?x?xi32>, %keys: tensor<?x?xi32>) {
  // expected-error @+1 {{has key_columns and a block; expected one of them}}
  %0 = xf.window_scores %s at %columns key_columns(%keys : tensor<?x?xi32>) reach 1 block 7 : tensor<?x2x?x?xf32>, tensor<?x?xi32>
  return
}

// -----
// chunk_attention: dense or packed
func.func @chunk_attention(%x: tensor<?x8xf32>, %cu: tensor<?xi32>, %rows: tensor<?xi32>, %columns: tensor<?xi32>) {
  // expected-error @+1 {{takes [batch, seq, width], or [tokens, width] with cu_seqlens; found 'tensor<?x8xf32>' without cu_seqlens}}
  %0 = xf.chunk_attention %x, %x, %x row_columns %rows columns(%columns : tensor<?xi32>) chunks <length = 4, before = 1, after = 0, above = 4, multiple = 4> heads 2 scale 0.5 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi32>
  return
}

// -----
// window_scores: keys with columns of their own have no prefix
func.func @f(%s: tensor<?x2x?x?xf32>, %columns: tensor<?x?xi32>, %keys: tensor<?x?xi32>, %prefix: tensor<?xi32>) {
  // expected-error @+1 {{has key_columns and a prefix; expected one of them}}
  %0 = xf.window_scores %s at %columns key_columns(%keys : tensor<?x?xi32>) causal prefix(%prefix : tensor<?xi32>) : tensor<?x2x?x?xf32>, tensor<?x?xi32>
  return
}

// -----
// chunk_attention: whole heads
func.func @chunk_attention(%x: tensor<?x8xf32>, %cu: tensor<?xi32>, %rows: tensor<?xi32>, %columns: tensor<?xi32>) {
  // expected-error @+1 {{has 3 heads for keys 8 and values 8 wide; expected a divisor of both}}
  %0 = xf.chunk_attention %x, %x, %x row_columns %rows cu_seqlens(%cu : tensor<?xi32>) columns(%columns : tensor<?xi32>) chunks <length = 4, before = 1, after = 0, above = 4, multiple = 4> heads 3 scale 0.5 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi32>
  return
}

// -----
// add_terms: keys with columns of their own have no terms
func.func @f(%s: tensor<?x2x?x?xf32>, %t: tensor<?x?x6xf32>, %columns: tensor<?x?xi32>, %keys: tensor<?x?xi32>, %index: tensor<7xf32>) {
  // expected-error @+1 {{has key_columns and key terms; expected one of them}}
  %0 = xf.add_terms %s key(%t : tensor<?x?x6xf32>) at %columns key_columns(%keys : tensor<?x?xi32>) by %index : tensor<?x2x?x?xf32>, tensor<?x?xi32>, tensor<7xf32>
  return
}

// -----
// chunk_attention: places are columns or ranks
func.func @chunk_attention(%x: tensor<?x8xf32>, %cu: tensor<?xi32>, %rows: tensor<?xi32>, %columns: tensor<?xi32>) {
  // expected-error @+1 {{takes columns, or rotations with factors; expected one of these}}
  %0 = xf.chunk_attention %x, %x, %x row_columns %rows cu_seqlens(%cu : tensor<?xi32>) chunks <length = 4, before = 1, after = 0, above = 4, multiple = 4> heads 2 scale 0.5 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi32>
  return
}

// -----
// attention: a query for each sequence has no column
func.func @f(%q: tensor<?x8xf32>, %x: tensor<?x8xf32>, %cu: tensor<?xi32>, %columns: tensor<?xi32>) {
  // expected-error @+1 {{has key_cu_seqlens; expected no mask, columns of keys and of queries with cu_seqlens or of neither, and no cache}}
  %0 = xf.attention %q, %x, %x key_cu_seqlens(%cu : tensor<?xi32>) columns(%columns : tensor<?xi32>) key_columns(%columns : tensor<?xi32>) causal heads 2 scale 1.0 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----
// chunk_attention: rows are cut into whole chunks
func.func @chunk_attention(%x: tensor<?x8xf32>, %cu: tensor<?xi32>, %rows: tensor<?xi32>, %columns: tensor<?xi32>) {
  // expected-error @+1 {{expected a length of at least 1, rows that are cut into whole chunks}}
  %0 = xf.chunk_attention %x, %x, %x row_columns %rows cu_seqlens(%cu : tensor<?xi32>) columns(%columns : tensor<?xi32>) chunks <length = 4, before = 1, after = 0, above = 4, multiple = 6> heads 2 scale 0.5 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi32>
  return
}

// -----
// attention: keys with columns of their own have no slopes
func.func @f(%x: tensor<?x8xf32>, %cu: tensor<?xi32>, %columns: tensor<?xi32>, %slopes: tensor<2xf32>) {
  // expected-error @+1 {{has key_columns; expected a reach, causality or terms of queries, and nothing else by distance}}
  %0 = xf.attention %x, %x, %x cu_seqlens(%cu : tensor<?xi32>) key_cu_seqlens(%cu : tensor<?xi32>) columns(%columns : tensor<?xi32>) key_columns(%columns : tensor<?xi32>) causal slopes(%slopes : tensor<2xf32>) heads 2 scale 1.0 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----
// chunk_attention: factors are even
func.func @chunk_attention(%x: tensor<?x8xf32>, %cu: tensor<?xi32>, %rows: tensor<?xi32>, %columns: tensor<?xi32>, %r: tensor<8x4xf32>) {
  // expected-error @+1 {{has a factor of 3; expected even ones of at least 2}}
  %0 = xf.chunk_attention %x, %x, %x row_columns %rows cu_seqlens(%cu : tensor<?xi32>) rotations(%r : tensor<8x4xf32>) factors [4, 3] chunks <length = 4, before = 1, after = 0, above = 4, multiple = 4> heads 2 scale 0.5 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi32>
  return
}

// -----
// remember: rows of one width
func.func @f(%memory: tensor<?x?x8xf32>, %x: tensor<?x?x4xf32>) {
  // expected-error @+1 {{expected rows of one width, packed with the offsets of both}}
  %0 = xf.remember %memory, %x : tensor<?x?x8xf32>, tensor<?x?x4xf32>
  return
}

// -----
// chunk_attention: rotations are of rounds
func.func @chunk_attention(%x: tensor<?x8xf32>, %cu: tensor<?xi32>, %rows: tensor<?xi32>, %columns: tensor<?xi32>, %r: tensor<8x4xf32>) {
  // expected-error @+1 {{rotations are a 'tensor<8x4xf32>'; expected 8 x a multiple of 3}}
  %0 = xf.chunk_attention %x, %x, %x row_columns %rows cu_seqlens(%cu : tensor<?xi32>) rotations(%r : tensor<8x4xf32>) factors [2, 4] chunks <length = 4, before = 1, after = 0, above = 4, multiple = 4> heads 2 scale 0.5 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi32>
  return
}

// -----
// remember: offsets of both
func.func @f(%memory: tensor<?x8xf32>, %x: tensor<?x8xf32>, %cu: tensor<?xi32>) {
  // expected-error @+1 {{has 1 offsets; expected those of memories and of tokens, or none}}
  %0 = xf.remember %memory, %x cu_seqlens(%cu : tensor<?xi32>) : tensor<?x8xf32>, tensor<?x8xf32>
  return
}

// -----
// chunk_attention: given rotations are as wide as those in whose place they count
func.func @chunk_attention(%x: tensor<?x8xf32>, %cu: tensor<?xi32>, %rows: tensor<?xi32>, %r: tensor<8x4xf32>, %given: tensor<?x5xf32>) {
  // expected-error @+1 {{given is a 'tensor<?x5xf32>'; expected 'tensor<?x4xf32>'}}
  %0 = xf.chunk_attention %x, %x, %x row_columns %rows cu_seqlens(%cu : tensor<?xi32>) rotations(%r : tensor<8x4xf32>) given(%given : tensor<?x5xf32>) factors [2, 6] chunks <length = 4, before = 1, after = 0, above = 4, multiple = 4> heads 2 scale 0.5 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi32>
  return
}

// -----
// axis_ids: an extent
func.func @axis_ids(%ids: tensor<?xi32>) {
  // expected-error @+1 {{has stride 3 and extent 0; expected at least 1}}
  %0 = xf.axis_ids %ids stride 3 extent 0 : tensor<?xi32>
  return
}
