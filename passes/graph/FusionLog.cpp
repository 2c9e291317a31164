//===- FusionLog.cpp - what the graph passes did, and why not -----------------===//
#include "passes/graph/FusionLog.h"

#include "ir/xf/XfDialect.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Remarks.h"

using namespace mlir;

namespace lathe {

static void record(Operation *op, StringRef pass, const Twine &what, bool made, const Twine &reason) {
  auto module = op->getParentOfType<ModuleOp>();
  auto function = op->getParentOfType<func::FuncOp>();
  Builder builder(op->getContext());
  SmallVector<Attribute> records;
  if (auto existing = module->getAttrOfType<ArrayAttr>(xf::XfDialect::fusionsAttr))
    records.assign(existing.begin(), existing.end());
  records.push_back(builder.getDictionaryAttr({
      builder.getNamedAttr("pass", builder.getStringAttr(pass)),
      builder.getNamedAttr("where", builder.getStringAttr(function ? function.getSymName() : "")),
      builder.getNamedAttr("what", builder.getStringAttr(what)),
      builder.getNamedAttr("made", builder.getBoolAttr(made)),
      builder.getNamedAttr("reason", builder.getStringAttr(reason)),
  }));
  module->setAttr(xf::XfDialect::fusionsAttr, builder.getArrayAttr(records));
}

void recordMade(Operation *op, StringRef pass, const Twine &what) {
  record(op, pass, what, true, "");
  remark::passed(op->getLoc(), remark::RemarkOpts::name(pass)) << what.str();
}

void recordDeclined(Operation *op, StringRef pass, const Twine &what, const Twine &reason) {
  record(op, pass, what, false, reason);
  remark::missed(op->getLoc(), remark::RemarkOpts::name(pass)) << what.str() << remark::reason("{0}", reason.str());
}

std::vector<FusionRecord> getFusionRecords(ModuleOp module) {
  std::vector<FusionRecord> records;
  auto attributes = module->getAttrOfType<ArrayAttr>(xf::XfDialect::fusionsAttr);
  if (!attributes)
    return records;
  for (auto entry : attributes.getAsRange<DictionaryAttr>()) {
    auto text = [&](StringRef key) { return entry.getAs<StringAttr>(key).str(); };
    records.push_back(
        {text("pass"), text("where"), text("what"), entry.getAs<BoolAttr>("made").getValue(), text("reason")});
  }
  return records;
}

} // namespace lathe
