// RUN: lathe-opt %s --lathe-pack-tokens --split-input-file | FileCheck %s

// [batch, seq] is one axis; the mask has become cu_seqlens; everything that asked for the mask asks for that.
// CHECK: made = true, pass = "PackTokens", reason = "", what = "the token axis", where = "encode"
// CHECK-LABEL: func.func private @layer
// CHECK-SAME: tensor<?x8xf32>, %[[CU:.*]]: tensor<?xi32>) -> tensor<?x8xf32>
// CHECK: xf.attention {{.*}} cu_seqlens(%[[CU]] : tensor<?xi32>) heads 2
// CHECK-LABEL: func.func @encode
// CHECK-SAME: %{{.*}}: tensor<?xi32> {xf.input = "input_ids"}, %[[CU:.*]]: tensor<?xi32> {xf.input = "cu_seqlens"}) -> (tensor<?x8xf32> {{.*}}, tensor<?x8xf32>
// CHECK: xf.lookup {{.*}} : tensor<?xi32>, tensor<10x8xf32> -> tensor<?x8xf32>
// CHECK: xf.layer @layer({{.*}}, %[[CU]]) weights "0." : (tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
// CHECK: xf.first_token {{.*}} cu_seqlens(%[[CU]] : tensor<?xi32>) : tensor<?x8xf32> -> tensor<?x8xf32>
// CHECK: xf.pool mean {{.*}} cu_seqlens(%[[CU]] : tensor<?xi32>)
// CHECK: xf.join {{.*}} : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x16xf32>
// CHECK-NOT: mask
xf.weight @table = dense<1.0> : tensor<10x8xf32>
func.func private @layer(%x: tensor<?x?x8xf32>, %mask: tensor<?x?xi1>) -> tensor<?x?x8xf32> {
  %0 = xf.attention %x, %x, %x mask(%mask : tensor<?x?xi1>) heads 2 scale 1.0 : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32> -> tensor<?x?x8xf32>
  return %0 : tensor<?x?x8xf32>
}
func.func @encode(%ids: tensor<?x?xi32> {xf.input = "input_ids"}, %mask: tensor<?x?xi1> {xf.input = "attention_mask"})
    -> (tensor<?x?x8xf32> {xf.output = "x"}, tensor<?x8xf32> {xf.output = "y"}, tensor<?x16xf32> {xf.output = "z"}) attributes {xf.entry} {
  %table = xf.load_weight @table : tensor<10x8xf32>
  %0 = xf.lookup %ids in %table : tensor<?x?xi32>, tensor<10x8xf32> -> tensor<?x?x8xf32>
  %1 = xf.layer @layer(%0, %mask) weights "0." : (tensor<?x?x8xf32>, tensor<?x?xi1>) -> tensor<?x?x8xf32>
  %2 = xf.first_token %1 : tensor<?x?x8xf32> -> tensor<?x8xf32>
  %3 = xf.pool mean %1 mask(%mask : tensor<?x?xi1>) : tensor<?x?x8xf32> -> tensor<?x8xf32>
  %4 = xf.join %2, %3 : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x16xf32>
  return %1, %2, %4 : tensor<?x?x8xf32>, tensor<?x8xf32>, tensor<?x16xf32>
}

// -----
// What there is of each token besides is packed with it.
// CHECK-LABEL: func.func @pooled
// CHECK-SAME: tensor<?x8xf32>, %[[CU:.*]]: tensor<?xi32> {xf.input = "cu_seqlens"}, %[[COLUMNS:.*]]: tensor<?xi32> {xf.input = "columns"}, %[[PROMPT:.*]]: tensor<?xi32> {xf.input = "prompt_mask"})
// CHECK: xf.pool weighted_mean {{.*}} cu_seqlens(%[[CU]] : tensor<?xi32>) columns(%[[COLUMNS]] : tensor<?xi32>) except(%[[PROMPT]] : tensor<?xi32>) : tensor<?x8xf32> -> tensor<?x8xf32>
func.func @pooled(%x: tensor<?x?x8xf32>, %mask: tensor<?x?xi1> {xf.input = "attention_mask"}, %columns: tensor<?x?xi32> {xf.input = "columns"}, %prompt: tensor<?x?xi32> {xf.input = "prompt_mask"}) -> tensor<?x8xf32> attributes {xf.entry} {
  %0 = xf.pool weighted_mean %x mask(%mask : tensor<?x?xi1>) columns(%columns : tensor<?x?xi32>) except(%prompt : tensor<?x?xi32>) : tensor<?x?x8xf32> -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// -----
// Declined as a whole, because of one op in a layer: attention in parts.
// CHECK: made = false, pass = "PackTokens", reason = "'xf.split_heads' mixes tokens and does not know cu_seqlens", what = "the token axis", where = "layer"
// CHECK: func.func @encode(%{{.*}}: tensor<?x?x8xf32>, %{{.*}}: tensor<?x?xi1> {xf.input = "attention_mask"})
func.func private @layer(%x: tensor<?x?x8xf32>, %mask: tensor<?x?xi1>) -> tensor<?x?x8xf32> {
  %0 = xf.split_heads %x : tensor<?x?x8xf32> -> tensor<?x2x?x4xf32>
  %1 = xf.merge_heads %0 : tensor<?x2x?x4xf32> -> tensor<?x?x8xf32>
  return %1 : tensor<?x?x8xf32>
}
func.func @encode(%x: tensor<?x?x8xf32>, %mask: tensor<?x?xi1> {xf.input = "attention_mask"}) -> tensor<?x?x8xf32> attributes {xf.entry} {
  %0 = xf.layer @layer(%x, %mask) weights "0." : (tensor<?x?x8xf32>, tensor<?x?xi1>) -> tensor<?x?x8xf32>
  return %0 : tensor<?x?x8xf32>
}

// -----
// Declined: attention that sees padding.
// CHECK: made = false, {{.*}} reason = "'xf.attention' does not use the attention mask, so padding would change its result"
// CHECK: xf.attention {{.*}} : tensor<?x?x8xf32>
func.func @encode(%x: tensor<?x?x8xf32>, %mask: tensor<?x?xi1> {xf.input = "attention_mask"}) -> tensor<?x?x8xf32> attributes {xf.entry} {
  %0 = xf.attention %x, %x, %x heads 2 scale 1.0 : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32> -> tensor<?x?x8xf32>
  return %0 : tensor<?x?x8xf32>
}

// -----
// Declined: a mean over padding too.
// CHECK: made = false, {{.*}} reason = "'xf.pool' does not use the attention mask, so padding would change its result"
func.func @encode(%x: tensor<?x?x8xf32>, %mask: tensor<?x?xi1> {xf.input = "attention_mask"}) -> tensor<?x8xf32> attributes {xf.entry} {
  %0 = xf.pool mean %x : tensor<?x?x8xf32> -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// -----
// Declined: nothing says which tokens exist.
// CHECK: made = false, {{.*}} reason = "@encode has no attention mask to tell which tokens exist"
func.func @encode(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> attributes {xf.entry} {
  %0 = xf.add %x, %x : tensor<?x?x8xf32>
  return %0 : tensor<?x?x8xf32>
}

// -----
// Declined: the first token, in a layer that is not given the mask.
// CHECK: made = false, {{.*}} reason = "'xf.first_token' stands where no attention mask is known"
func.func private @layer(%x: tensor<?x?x8xf32>) -> tensor<?x8xf32> {
  %0 = xf.first_token %x : tensor<?x?x8xf32> -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}
func.func @encode(%x: tensor<?x?x8xf32>, %mask: tensor<?x?xi1> {xf.input = "attention_mask"}) -> tensor<?x8xf32> attributes {xf.entry} {
  %0 = xf.layer @layer(%x) weights "0." : (tensor<?x?x8xf32>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// -----
// Declined: two masks, of which only one can be cu_seqlens.
// CHECK: made = false, {{.*}} reason = "@encode takes several masks"{{.*}} where = "encode"
func.func @encode(%x: tensor<?x?x8xf32>, %a: tensor<?x?xi1>, %b: tensor<?x?xi1>) -> tensor<?x?x8xf32> attributes {xf.entry} {
  return %x : tensor<?x?x8xf32>
}

// -----
// Formulas work on each token alone; vectors and numbers stay.
// CHECK: made = true, pass = "PackTokens"
// CHECK-LABEL: func.func @formulas
// CHECK: xf.combine mul %{{.*}}, %{{.*}} : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x8xf32>
// CHECK: xf.reduce mean %{{.*}} : tensor<?x8xf32> -> tensor<?x1xf32>
// CHECK: xf.combine add %{{.*}}, %{{.*}} : tensor<?x1xf32>, tensor<1xf32> -> tensor<?x1xf32>
// CHECK: xf.map sqrt %{{.*}} : tensor<?x1xf32>
// CHECK: xf.select %{{.*}}, %{{.*}}, %{{.*}} : tensor<?x1xf32>, tensor<?x8xf32>, tensor<1xf32> -> tensor<?x8xf32>
func.func @formulas(%x: tensor<?x?x8xf32>, %gain: tensor<8xf32>, %mask: tensor<?x?xi1> {xf.input = "attention_mask"}) -> tensor<?x?x8xf32> attributes {xf.entry} {
  %one = xf.constant 1.0 : tensor<1xf32>
  %0 = xf.combine mul %x, %gain : tensor<?x?x8xf32>, tensor<8xf32> -> tensor<?x?x8xf32>
  %1 = xf.reduce mean %0 : tensor<?x?x8xf32> -> tensor<?x?x1xf32>
  %2 = xf.combine add %1, %one : tensor<?x?x1xf32>, tensor<1xf32> -> tensor<?x?x1xf32>
  %3 = xf.map sqrt %2 : tensor<?x?x1xf32>
  %4 = xf.select %3, %0, %one : tensor<?x?x1xf32>, tensor<?x?x8xf32>, tensor<1xf32> -> tensor<?x?x8xf32>
  return %4 : tensor<?x?x8xf32>
}

// -----
// Two token axes: each mask becomes the offsets of its own, and attention to rows of the other has both.
// CHECK: made = true, pass = "PackTokens"
// CHECK-LABEL: func.func private @decoder_layer(
// CHECK-SAME: %[[X:.*]]: tensor<?x8xf32>, %[[T:.*]]: tensor<?xi32>, %[[C:.*]]: tensor<?xi32>, %[[SOURCE:.*]]: tensor<?x8xf32>, %[[S:.*]]: tensor<?xi32>)
// CHECK-NEXT: %[[Y:.*]] = xf.attention %[[X]], %[[X]], %[[X]] cu_seqlens(%[[T]] : tensor<?xi32>) columns(%[[C]] : tensor<?xi32>) causal heads 2
// CHECK-NEXT: xf.attention %[[Y]], %[[SOURCE]], %[[SOURCE]] cu_seqlens(%[[T]] : tensor<?xi32>) key_cu_seqlens(%[[S]] : tensor<?xi32>) heads 2
// CHECK: func.func @translate(
// CHECK-SAME: tensor<?xi32> {xf.input = "cu_seqlens"}
// CHECK-SAME: tensor<?xi32> {xf.input = "decoder_cu_seqlens"}
func.func private @decoder_layer(%x: tensor<?x?x8xf32>, %mask: tensor<?x?xi1>, %columns: tensor<?x?xi32>, %source: tensor<?x?x8xf32>, %sourceMask: tensor<?x?xi1>) -> tensor<?x?x8xf32> {
  %0 = xf.attention %x, %x, %x mask(%mask : tensor<?x?xi1>) columns(%columns : tensor<?x?xi32>) causal heads 2 scale 1.0 : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32> -> tensor<?x?x8xf32>
  %1 = xf.attention %0, %source, %source mask(%sourceMask : tensor<?x?xi1>) heads 2 scale 1.0 : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32> -> tensor<?x?x8xf32>
  return %1 : tensor<?x?x8xf32>
}
func.func @translate(%source: tensor<?x?x8xf32> {xf.input = "hidden"}, %mask: tensor<?x?xi1> {xf.input = "attention_mask"}, %x: tensor<?x?x8xf32> {xf.input = "decoder_hidden"}, %targets: tensor<?x?xi1> {xf.input = "decoder_attention_mask"}, %columns: tensor<?x?xi32> {xf.input = "decoder_columns"}) -> tensor<?x?x8xf32> attributes {xf.entry} {
  %0 = xf.layer @decoder_layer(%x, %targets, %columns, %source, %mask) weights "0." : (tensor<?x?x8xf32>, tensor<?x?xi1>, tensor<?x?xi32>, tensor<?x?x8xf32>, tensor<?x?xi1>) -> tensor<?x?x8xf32>
  return %0 : tensor<?x?x8xf32>
}

// -----
// Declined: attention to the encoder's rows under the decoder's mask.
// CHECK: made = false, {{.*}} reason = "'xf.attention' does not use the attention mask, so padding would change its result"
func.func @translate(%source: tensor<?x?x8xf32> {xf.input = "hidden"}, %mask: tensor<?x?xi1> {xf.input = "attention_mask"}, %x: tensor<?x?x8xf32> {xf.input = "decoder_hidden"}, %targets: tensor<?x?xi1> {xf.input = "decoder_attention_mask"}) -> tensor<?x?x8xf32> attributes {xf.entry} {
  %0 = xf.attention %x, %source, %source mask(%targets : tensor<?x?xi1>) heads 2 scale 1.0 : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32> -> tensor<?x?x8xf32>
  return %0 : tensor<?x?x8xf32>
}

// -----
// Declined: one of two axes has no mask.
// CHECK: made = false, {{.*}} reason = "@translate has no attention mask to tell which tokens exist"
func.func @translate(%source: tensor<?x?x8xf32> {xf.input = "hidden"}, %mask: tensor<?x?xi1> {xf.input = "attention_mask"}, %x: tensor<?x?x8xf32> {xf.input = "decoder_hidden"}) -> tensor<?x?x8xf32> attributes {xf.entry} {
  return %x : tensor<?x?x8xf32>
}

// -----
// Linear attention and what its features are made by.
// CHECK-LABEL: func.func @linear_attention
// CHECK-SAME: tensor<?x8xf32>, %[[CU:.*]]: tensor<?xi32> {xf.input = "cu_seqlens"}
// CHECK: xf.random_features {{.*}} -> tensor<?x10xf32>
// CHECK: xf.linear_attention exp {{.*}} cu_seqlens(%[[CU]] : tensor<?xi32>) causal heads 2 : tensor<?x10xf32>
func.func @linear_attention(%x: tensor<?x?x8xf32>, %mask: tensor<?x?xi1> {xf.input = "attention_mask"}, %p: tensor<5x4xf32>) -> tensor<?x?x8xf32> attributes {xf.entry} {
  %f = xf.random_features %x, %p heads 2 : tensor<?x?x8xf32>, tensor<5x4xf32> -> tensor<?x?x10xf32>
  %0 = xf.linear_attention exp %f, %f, %x mask(%mask : tensor<?x?xi1>) causal heads 2 : tensor<?x?x10xf32>, tensor<?x?x10xf32>, tensor<?x?x8xf32>
  return %0 : tensor<?x?x8xf32>
}

// -----
// Declined: linear attention that sees padding.
// CHECK: made = false, {{.*}} reason = "'xf.linear_attention' does not use the attention mask, so padding would change its result"
func.func @padding(%x: tensor<?x?x8xf32>, %mask: tensor<?x?xi1> {xf.input = "attention_mask"}) -> tensor<?x?x8xf32> attributes {xf.entry} {
  %0 = xf.linear_attention elu %x, %x, %x heads 2 : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>
  return %0 : tensor<?x?x8xf32>
}

// -----
// What tokens remember is on an axis of its own, with offsets of its own.
// CHECK-LABEL: func.func @remembers
// CHECK-SAME: %[[CU:[^:]*]]: tensor<?xi32> {xf.input = "cu_seqlens"}, %[[MEMORY:[^:]*]]: tensor<?x8xf32> {xf.input = "mems.0"}, %[[KEYS:[^:]*]]: tensor<?xi32> {xf.input = "memory_cu_seqlens"})
// CHECK: %[[K:.*]] = xf.remember %[[MEMORY]], %{{.*}} cu_seqlens(%[[KEYS]], %[[CU]] : tensor<?xi32>, tensor<?xi32>) : tensor<?x8xf32>, tensor<?x8xf32>
// CHECK: xf.attention %{{.*}}, %[[K]], %[[K]] cu_seqlens(%[[CU]] : tensor<?xi32>) key_cu_seqlens(%[[KEYS]] : tensor<?xi32>)
func.func @remembers(%x: tensor<?x?x8xf32> {xf.input = "input_modal"}, %mask: tensor<?x?xi1> {xf.input = "attention_mask"}, %memory: tensor<?x?x8xf32> {xf.input = "mems.0"}, %keys: tensor<?x?xi1> {xf.input = "memory_attention_mask"})
    -> tensor<?x?x8xf32> attributes {xf.entry} {
  %0 = xf.remember %memory, %x : tensor<?x?x8xf32>, tensor<?x?x8xf32>
  %1 = xf.attention %x, %0, %0 mask(%keys : tensor<?x?xi1>) heads 2 scale 1.0 : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32> -> tensor<?x?x8xf32>
  return %1 : tensor<?x?x8xf32>
}

// -----
// Attention between chunks keeps the columns of rows, which packing does not change.
// CHECK-LABEL: func.func @chunks
// CHECK-SAME: tensor<?x8xf32>, %[[CU:.*]]: tensor<?xi32> {xf.input = "cu_seqlens"}, %[[ROWS:.*]]: tensor<?xi32> {xf.input = "row_columns"}, %[[COLUMNS:.*]]: tensor<?xi32> {xf.input = "columns"}
// CHECK: xf.chunk_attention {{.*}} row_columns %[[ROWS]] cu_seqlens(%[[CU]] : tensor<?xi32>) columns(%[[COLUMNS]] : tensor<?xi32>)
func.func @chunks(%x: tensor<?x?x8xf32>, %mask: tensor<?x?xi1> {xf.input = "attention_mask"}, %rows: tensor<?xi32> {xf.input = "row_columns"}, %columns: tensor<?x?xi32> {xf.input = "columns"}) -> tensor<?x?x8xf32> attributes {xf.entry} {
  %0 = xf.chunk_attention %x, %x, %x row_columns %rows mask(%mask : tensor<?x?xi1>) columns(%columns : tensor<?x?xi32>) chunks <length = 4, before = 1, after = 0, above = 4, multiple = 4> causal heads 2 scale 0.5 : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?xi32>
  return %0 : tensor<?x?x8xf32>
}
