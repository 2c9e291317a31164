//===- Task.cpp - what a compiled model computes ------------------------------===//
#include "compiler/import/Task.h"

#include <string>

namespace lathe {

llvm::StringRef taskName(Task task) {
  for (auto [name, candidate] : taskNames)
    if (candidate == task)
      return name;
  llvm_unreachable("every task has a name");
}

llvm::Expected<Task> parseTask(llvm::StringRef name) {
  std::string accepted;
  for (auto [candidate, task] : taskNames) {
    if (candidate == name)
      return task;
    accepted += (accepted.empty() ? "" : ", ") + candidate.str();
  }
  return llvm::createStringError("unknown task '" + name + "'; accepted are " + accepted);
}

} // namespace lathe
