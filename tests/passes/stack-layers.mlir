// RUN: lathe-opt %s --lathe-stack-layers --split-input-file | FileCheck %s

// Nothing else reads the values in between: one result.
// CHECK: made = true, pass = "StackLayers", reason = "", what = "3 calls of @layer", where = "chain"
// CHECK-LABEL: func.func @chain
// CHECK-NEXT: %[[Y:.*]] = xf.layers @layer(%{{.*}}, %{{.*}}) weights ["0.", "1.", "2."] : (tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
// CHECK-NEXT: return %[[Y]]
func.func private @layer(%x: tensor<?x4xf32>, %cu: tensor<?xi32>) -> tensor<?x4xf32> { return %x : tensor<?x4xf32> }
func.func @chain(%x: tensor<?x4xf32>, %cu: tensor<?xi32>) -> tensor<?x4xf32> {
  %0 = xf.layer @layer(%x, %cu) weights "0." : (tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  %1 = xf.layer @layer(%0, %cu) weights "1." : (tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  %2 = xf.layer @layer(%1, %cu) weights "2." : (tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  return %2 : tensor<?x4xf32>
}

// -----
// All of them are outputs: a result per layer.
// CHECK: made = true
// CHECK-LABEL: func.func @hidden_states
// CHECK-SAME: %[[X:[^:]*]]: tensor<?x4xf32>
// CHECK-NEXT: %[[Y:.*]]:2 = xf.layers {{.*}} -> (tensor<?x4xf32>, tensor<?x4xf32>)
// CHECK: return %[[X]], %[[Y]]#0, %[[Y]]#1
func.func private @layer(%x: tensor<?x4xf32>) -> tensor<?x4xf32> { return %x : tensor<?x4xf32> }
func.func @hidden_states(%x: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>) {
  %0 = xf.layer @layer(%x) weights "0." : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %1 = xf.layer @layer(%0) weights "1." : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return %x, %0, %1 : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
}

// -----
// A reader of an early layer's value may stand between the layers; all of them still dominate it.
// CHECK-LABEL: func.func @one_layer
// CHECK: xf.layers @layer(%{{.*}}) weights ["0."]
func.func private @layer(%x: tensor<?x4xf32>) -> tensor<?x4xf32> { return %x : tensor<?x4xf32> }
func.func @one_layer(%x: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  %0 = xf.layer @layer(%x) weights "0." : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %1 = xf.activate relu %0 : tensor<?x4xf32>
  return %0, %1 : tensor<?x4xf32>, tensor<?x4xf32>
}

// -----
// Declined: some are outputs and others are not.
// CHECK: made = false, pass = "StackLayers", reason = "some of the layers' values are read elsewhere; a loop gives all of them as outputs, or the last one", what = "3 calls of @layer"
// CHECK-LABEL: func.func @partial
// CHECK-COUNT-3: xf.layer @layer
func.func private @layer(%x: tensor<?x4xf32>) -> tensor<?x4xf32> { return %x : tensor<?x4xf32> }
func.func @partial(%x: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  %0 = xf.layer @layer(%x) weights "0." : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %1 = xf.layer @layer(%0) weights "1." : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %2 = xf.layer @layer(%1) weights "2." : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return %0, %2 : tensor<?x4xf32>, tensor<?x4xf32>
}

// -----
// Declined: all but the last are outputs, so the loop could not keep the last one beside them.
// CHECK: made = false
// CHECK-LABEL: func.func @last_not_returned
// CHECK-COUNT-2: xf.layer @layer
func.func private @layer(%x: tensor<?x4xf32>) -> tensor<?x4xf32> { return %x : tensor<?x4xf32> }
func.func @last_not_returned(%x: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  %0 = xf.layer @layer(%x) weights "0." : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %1 = xf.layer @layer(%0) weights "1." : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %2 = xf.activate relu %1 : tensor<?x4xf32>
  return %0, %2 : tensor<?x4xf32>, tensor<?x4xf32>
}

// -----
// Two kinds of layers are two loops; so are layers whose other operands differ.
// CHECK-LABEL: func.func @kinds
// CHECK: xf.layers @local(%{{.*}}) weights ["0.", "1."]
// CHECK-NEXT: xf.layers @global(%{{.*}}, %{{.*}}) weights ["2."]
// CHECK-NEXT: xf.layers @global(%{{.*}}, %{{.*}}) weights ["3."]
func.func private @local(%x: tensor<?x4xf32>) -> tensor<?x4xf32> { return %x : tensor<?x4xf32> }
func.func private @global(%x: tensor<?x4xf32>, %cu: tensor<?xi32>) -> tensor<?x4xf32> { return %x : tensor<?x4xf32> }
func.func @kinds(%x: tensor<?x4xf32>, %a: tensor<?xi32>, %b: tensor<?xi32>) -> tensor<?x4xf32> {
  %0 = xf.layer @local(%x) weights "0." : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %1 = xf.layer @local(%0) weights "1." : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %2 = xf.layer @global(%1, %a) weights "2." : (tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  %3 = xf.layer @global(%2, %b) weights "3." : (tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  return %3 : tensor<?x4xf32>
}

// -----
// A value that two layers continue from is read elsewhere, whichever is meant.
// CHECK: made = false
// CHECK-LABEL: func.func @fork
// CHECK-NOT: xf.layers
func.func private @layer(%x: tensor<?x4xf32>) -> tensor<?x4xf32> { return %x : tensor<?x4xf32> }
func.func @fork(%x: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  %0 = xf.layer @layer(%x) weights "0." : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %1 = xf.layer @layer(%0) weights "1." : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %2 = xf.layer @layer(%0) weights "2." : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return %1, %2 : tensor<?x4xf32>, tensor<?x4xf32>
}

// -----
// Does not apply: there is more than one value for each layer.
// CHECK: made = false, pass = "StackLayers", reason = "the layers give more than the value that they carry"
// CHECK-LABEL: func.func @attentions
// CHECK-COUNT-2: xf.layer @layer
func.func private @layer(%x: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  return %x, %x : tensor<?x4xf32>, tensor<?x4xf32>
}
func.func @attentions(%x: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>) {
  %0:2 = xf.layer @layer(%x) weights "0." : (tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>)
  %1:2 = xf.layer @layer(%0#0) weights "1." : (tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>)
  return %1#0, %0#1, %1#1 : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
}

// -----
// Declined: one layer, whose value is read elsewhere, too.
// CHECK: made = false, pass = "StackLayers", reason = "the value that one layer changes is read elsewhere: a loop would begin with a copy of it"
// CHECK-LABEL: func.func @remembered
// CHECK: xf.layer @layer
func.func private @layer(%x: tensor<?x4xf32>) -> tensor<?x4xf32> { return %x : tensor<?x4xf32> }
func.func @remembered(%x: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  %0 = xf.layer @layer(%x) weights "0." : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return %0, %x : tensor<?x4xf32>, tensor<?x4xf32>
}
