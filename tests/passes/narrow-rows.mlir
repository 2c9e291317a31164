// RUN: lathe-opt %s --lathe-narrow-rows --split-input-file | FileCheck %s

// A classifier that reads the first token: of its last layer all behind keys and values is of one row, in a function of
// its own; the layer before it stays.
// CHECK: made = true, pass = "NarrowRows", reason = "", what = "3 linears for one row of each sequence", where = "classify"
// CHECK-LABEL: func.func private @layer(
// CHECK: xf.attention {{.*}} cu_seqlens(
// CHECK-LABEL: func.func private @layer.rows(
// CHECK-SAME: %[[X:.*]]: tensor<?x8xf32>, %[[CU:.*]]: tensor<?xi32>
// CHECK-SAME: xf.gives_sequences, xf.layer_kind = "layer"
// CHECK-DAG: %[[ROWS:.*]] = xf.first_token %[[X]] cu_seqlens(%[[CU]]
// CHECK-DAG: %[[QKV:.*]]:3 = xf.split
// CHECK-DAG: %[[Q:.*]] = xf.first_token %[[QKV]]#0 cu_seqlens(%[[CU]]
// CHECK: %[[A:.*]] = xf.attention %[[Q]], %[[QKV]]#1, %[[QKV]]#2 key_cu_seqlens(%[[CU]]
// CHECK-NEXT: %[[O:.*]] = xf.linear %[[A]], {{.*}} residual(%[[ROWS]]
// CHECK-NEXT: %[[N:.*]] = xf.layer_norm %[[O]]
// CHECK-NEXT: %[[I:.*]] = xf.linear %[[N]], {{.*}} activation gelu
// CHECK-NEXT: %[[Y:.*]] = xf.linear %[[I]], {{.*}} residual(%[[O]]
// CHECK-NEXT: return %[[Y]]
// CHECK-LABEL: func.func @classify(
// CHECK: %[[FIRST:.*]] = xf.layer @layer(
// CHECK-NEXT: %[[LAST:.*]] = xf.layer @layer.rows(%[[FIRST]],
// CHECK-NEXT: %[[NORM:.*]] = xf.layer_norm %[[LAST]]
// CHECK-NEXT: return %[[NORM]]
func.func private @layer(%x: tensor<?x8xf32>, %cu: tensor<?xi32>, %qkv: tensor<24x8xf32> {xf.weight = "qkv"}, %o: tensor<8x8xf32> {xf.weight = "o"}, %i: tensor<12x8xf32> {xf.weight = "i"}, %d: tensor<8x12xf32> {xf.weight = "d"}, %g: tensor<8xf32> {xf.weight = "g"}) -> tensor<?x8xf32> {
  %0 = xf.linear %x, %qkv : tensor<?x8xf32>, tensor<24x8xf32> -> tensor<?x24xf32>
  %1:3 = xf.split %0 : tensor<?x24xf32> -> tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>
  %2 = xf.attention %1#0, %1#1, %1#2 cu_seqlens(%cu : tensor<?xi32>) heads 2 scale 0.5 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  %3 = xf.linear %2, %o residual(%x : tensor<?x8xf32>) : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %4 = xf.layer_norm %3, %g, %g eps 0.00001 : tensor<?x8xf32>, tensor<8xf32>, tensor<8xf32> -> tensor<?x8xf32>
  %5 = xf.linear %4, %i activation gelu : tensor<?x8xf32>, tensor<12x8xf32> -> tensor<?x12xf32>
  %6 = xf.linear %5, %d residual(%3 : tensor<?x8xf32>) : tensor<?x12xf32>, tensor<8x12xf32> -> tensor<?x8xf32>
  return %6 : tensor<?x8xf32>
}
func.func @classify(%x: tensor<?x8xf32> {xf.input = "x"}, %cu: tensor<?xi32> {xf.input = "cu_seqlens"}) -> (tensor<?x8xf32> {xf.output = "logits"}) attributes {xf.entry} {
  %g = xf.load_weight @g : tensor<8xf32>
  %0 = xf.layer @layer(%x, %cu) weights "0." : (tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
  %1 = xf.layer @layer(%0, %cu) weights "1." : (tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
  %2 = xf.layer_norm %1, %g, %g eps 0.00001 : tensor<?x8xf32>, tensor<8xf32>, tensor<8xf32> -> tensor<?x8xf32>
  %3 = xf.first_token %2 cu_seqlens(%cu : tensor<?xi32>) : tensor<?x8xf32> -> tensor<?x8xf32>
  return %3 : tensor<?x8xf32>
}
xf.weight @g = dense<1.0> : tensor<8xf32>
xf.weight @"0.qkv" = dense<1.0> : tensor<24x8xf32>
xf.weight @"0.o" = dense<1.0> : tensor<8x8xf32>
xf.weight @"0.i" = dense<1.0> : tensor<12x8xf32>
xf.weight @"0.d" = dense<1.0> : tensor<8x12xf32>
xf.weight @"0.g" = dense<1.0> : tensor<8xf32>
xf.weight @"1.qkv" = dense<1.0> : tensor<24x8xf32>
xf.weight @"1.o" = dense<1.0> : tensor<8x8xf32>
xf.weight @"1.i" = dense<1.0> : tensor<12x8xf32>
xf.weight @"1.d" = dense<1.0> : tensor<8x12xf32>
xf.weight @"1.g" = dense<1.0> : tensor<8xf32>

// -----
// Where all tokens are read as well, nothing is narrower for one of them.
// CHECK-LABEL: func.func @both(
// CHECK: %[[Y:.*]] = xf.linear %{{.*}}, %{{.*}} :
// CHECK: %[[F:.*]] = xf.first_token %[[Y]]
// CHECK: return %[[Y]], %[[F]]
func.func @both(%x: tensor<?x8xf32> {xf.input = "x"}, %cu: tensor<?xi32> {xf.input = "cu_seqlens"}, %w: tensor<8x8xf32>) -> (tensor<?x8xf32> {xf.output = "all"}, tensor<?x8xf32> {xf.output = "first"}) attributes {xf.entry} {
  %0 = xf.linear %x, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %1 = xf.first_token %0 cu_seqlens(%cu : tensor<?xi32>) : tensor<?x8xf32> -> tensor<?x8xf32>
  return %0, %1 : tensor<?x8xf32>, tensor<?x8xf32>
}

// -----
// Keys of another axis stay, as does what is remembered.
// CHECK-LABEL: func.func @remembers(
// CHECK-SAME: %[[X:[^:]*]]: tensor<?x8xf32> {{.*}}, %[[CU:[^:]*]]: tensor<?xi32> {{.*}}, %[[M:[^:]*]]: tensor<?x8xf32> {{.*}}, %[[KEYS:[^:]*]]: tensor<?xi32>
// CHECK-DAG: %[[F:.*]] = xf.first_token %[[X]] cu_seqlens(%[[CU]]
// CHECK-DAG: %[[K:.*]] = xf.remember %[[M]], %[[X]]
// CHECK: %[[A:.*]] = xf.attention %[[F]], %[[K]], %[[K]] key_cu_seqlens(%[[KEYS]] : tensor<?xi32>) heads
// CHECK: %[[Y:.*]] = xf.linear %[[A]],
// CHECK-NEXT: return %[[Y]], %[[K]]
func.func @remembers(%x: tensor<?x8xf32> {xf.input = "x"}, %cu: tensor<?xi32> {xf.input = "cu_seqlens"}, %m: tensor<?x8xf32> {xf.input = "mems.0"}, %keys: tensor<?xi32> {xf.input = "memory_cu_seqlens"}, %w: tensor<8x8xf32>) -> (tensor<?x8xf32> {xf.output = "y"}, tensor<?x8xf32> {xf.output = "mems.0"}) attributes {xf.entry} {
  %0 = xf.remember %m, %x cu_seqlens(%keys, %cu : tensor<?xi32>, tensor<?xi32>) : tensor<?x8xf32>, tensor<?x8xf32>
  %1 = xf.attention %x, %0, %0 cu_seqlens(%cu : tensor<?xi32>) key_cu_seqlens(%keys : tensor<?xi32>) heads 2 scale 0.5 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  %2 = xf.linear %1, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %3 = xf.first_token %2 cu_seqlens(%cu : tensor<?xi32>) : tensor<?x8xf32> -> tensor<?x8xf32>
  return %3, %0 : tensor<?x8xf32>, tensor<?x8xf32>
}

// -----
// Where keys have columns, a query goes by its own: the row is taken of the result.
// CHECK-LABEL: func.func @remembers_causally(
// CHECK-SAME: %[[X:[^:]*]]: tensor<?x8xf32> {{.*}}, %[[CU:[^:]*]]: tensor<?xi32> {xf.input = "cu_seqlens"}
// CHECK: %[[A:.*]] = xf.attention %[[X]], {{.*}} causal
// CHECK: %[[F:.*]] = xf.first_token %[[A]] cu_seqlens(%[[CU]]
// CHECK: xf.linear %[[F]],
func.func @remembers_causally(%x: tensor<?x8xf32> {xf.input = "x"}, %cu: tensor<?xi32> {xf.input = "cu_seqlens"}, %k: tensor<?x8xf32> {xf.input = "k"}, %keys: tensor<?xi32> {xf.input = "memory_cu_seqlens"}, %columns: tensor<?xi32> {xf.input = "columns"}, %keyColumns: tensor<?xi32> {xf.input = "memory_columns"}, %w: tensor<8x8xf32>) -> (tensor<?x8xf32> {xf.output = "y"}) attributes {xf.entry} {
  %0 = xf.attention %x, %k, %k cu_seqlens(%cu : tensor<?xi32>) key_cu_seqlens(%keys : tensor<?xi32>) columns(%columns : tensor<?xi32>) key_columns(%keyColumns : tensor<?xi32>) causal heads 2 scale 0.5 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  %1 = xf.linear %0, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %2 = xf.first_token %1 cu_seqlens(%cu : tensor<?xi32>) : tensor<?x8xf32> -> tensor<?x8xf32>
  return %2 : tensor<?x8xf32>
}

// -----
// The last token by a mask of its own; attention by distance is of all queries, what is behind it of one.
// CHECK-LABEL: func.func @last(
// CHECK-SAME: %[[X:.*]]: tensor<?x8xf32> {{.*}}, %[[CU:.*]]: tensor<?xi32> {{.*}}, %[[P:.*]]: tensor<?xi32>
// CHECK: %[[A:.*]] = xf.attention {{.*}} causal
// CHECK: %[[L:.*]] = xf.pool last %[[A]] cu_seqlens(%[[CU]] : tensor<?xi32>) except(%[[P]]
// CHECK: %[[Y:.*]] = xf.linear %[[L]],
// CHECK-NEXT: return %[[Y]]
func.func @last(%x: tensor<?x8xf32> {xf.input = "x"}, %cu: tensor<?xi32> {xf.input = "cu_seqlens"}, %p: tensor<?xi32> {xf.input = "prompt"}, %w: tensor<8x8xf32>) -> (tensor<?x8xf32> {xf.output = "y"}) attributes {xf.entry} {
  %0 = xf.attention %x, %x, %x cu_seqlens(%cu : tensor<?xi32>) columns(%p : tensor<?xi32>) causal heads 2 scale 0.5 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  %1 = xf.linear %0, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %2 = xf.pool last %1 cu_seqlens(%cu : tensor<?xi32>) except(%p : tensor<?xi32>) : tensor<?x8xf32> -> tensor<?x8xf32>
  return %2 : tensor<?x8xf32>
}

// -----
// Means are of all tokens.
// CHECK-NOT: NarrowRows
// CHECK-LABEL: func.func @mean(
// CHECK: xf.linear %{{.*}}
// CHECK: xf.pool mean
func.func @mean(%x: tensor<?x8xf32> {xf.input = "x"}, %cu: tensor<?xi32> {xf.input = "cu_seqlens"}, %w: tensor<8x8xf32>) -> (tensor<?x8xf32> {xf.output = "y"}) attributes {xf.entry} {
  %0 = xf.linear %x, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %1 = xf.pool mean %0 cu_seqlens(%cu : tensor<?xi32>) : tensor<?x8xf32> -> tensor<?x8xf32>
  return %1 : tensor<?x8xf32>
}

// -----
// Of a layer that was called once, the narrower one is left.
// CHECK-NOT: func.func private @only(
// CHECK: func.func private @only.rows(
func.func private @only(%x: tensor<?x8xf32>, %cu: tensor<?xi32>, %w: tensor<8x8xf32> {xf.weight = "w"}) -> tensor<?x8xf32> {
  %0 = xf.linear %x, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}
func.func @once(%x: tensor<?x8xf32> {xf.input = "x"}, %cu: tensor<?xi32> {xf.input = "cu_seqlens"}) -> (tensor<?x8xf32> {xf.output = "y"}) attributes {xf.entry} {
  %0 = xf.layer @only(%x, %cu) weights "0." : (tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
  %1 = xf.first_token %0 cu_seqlens(%cu : tensor<?xi32>) : tensor<?x8xf32> -> tensor<?x8xf32>
  return %1 : tensor<?x8xf32>
}
xf.weight @"0.w" = dense<1.0> : tensor<8x8xf32>
