/* Opens the weights that lie beside the library (or, linked statically, beside this executable). */
#include "demo.h"

#include <stdio.h>

int main(void) {
  lathe_model *model = NULL;
  lathe_error err;
  if (demo_open(NULL, NULL, &model, &err)) {
    fprintf(stderr, "%s\n", err.message);
    return 1;
  }
  demo_close(model);
  puts("opened");
  return 0;
}
