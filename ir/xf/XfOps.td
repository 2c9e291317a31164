//===- XfOps.td - all of the xf dialect -------------------------*- tablegen -*-===//
include "ir/xf/XfModelOps.td"
include "ir/xf/XfEmbeddingOps.td"
include "ir/xf/XfLinearOps.td"
include "ir/xf/XfAttentionOps.td"
include "ir/xf/XfElementwiseOps.td"
include "ir/xf/XfNormOps.td"
include "ir/xf/XfPoolingOps.td"
include "ir/xf/XfScheduleOps.td"
