// lathe-models: writes docs/generated/models.md, what `lathe compile` reads, to stdout. For ./dev docs.
#include "compiler/import/families/Family.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace lathe;
using llvm::outs;

/// "`a`, `b`"
template <typename Range> static std::string codes(const Range &names) {
  return llvm::join(llvm::map_range(names, [](llvm::StringRef name) { return ("`" + name + "`").str(); }), ", ");
}

int main() {
  outs() << "# Supported models\n\n"
            "<!-- Written by ./dev docs from compiler/import/families; changes belong there. -->\n\n"
            "A directory as `save_pretrained` writes it is read by `model_type` of its config.json; the first of its\n"
            "`architectures` says the task, unless `--task` does.\n\n"
            "| model_type | what | classes | other tasks |\n|---|---|---|---|\n";
  for (const Family *family : allFamilies()) {
    const std::vector<ClassOfTask> classes = classesOf(*family);
    llvm::SmallVector<llvm::StringRef> others;
    for (Task task : family->tasks)
      if (llvm::none_of(classes, [&](const ClassOfTask &one) { return one.task == task; }))
        others.push_back(taskName(task));
    outs() << "| `" << family->modelType << "` | " << family->title << " | "
           << codes(llvm::map_range(classes, [](const ClassOfTask &one) { return llvm::StringRef(one.name); })) << " | "
           << codes(others) << " |\n";
  }
  outs() << "\nActivations, as `hidden_act` and its like name them: "
         << codes(llvm::map_range(allActivations(), [](const ActivationFunction &one) { return one.name; })) << ".\n";
}
