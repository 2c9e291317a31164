/* Two models in one process: prints the bits of what each makes of the same text. */
#include "first.h"
#include "second.h"

#include <stdio.h>
#include <string.h>

static void print_bits(const float *values, int count) {
  for (int i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, &values[i], sizeof bits);
    printf("%08x ", (unsigned)bits);
  }
  printf("\n");
}

int main(int argc, char **argv) {
  const char *text[1];
  float a[FIRST_WIDTH], b[SECOND_WIDTH];
  lathe_model *first = NULL, *second = NULL;
  lathe_context *first_ctx = NULL, *second_ctx = NULL;
  lathe_error err;
  memset(&err, 0, sizeof err);
  if (argc != 2)
    return 2;
  text[0] = argv[1];
  if (lathe_first()->abi_version != LATHE_ABI_VERSION || lathe_second()->abi_version != LATHE_ABI_VERSION ||
      first_open("first/first.weights", NULL, &first, &err) ||
      second_open("second/second.weights", NULL, &second, &err) ||
      first_context_create(first, NULL, &first_ctx, &err) || second_context_create(second, NULL, &second_ctx, &err) ||
      first_embed_text(first_ctx, text, 1, a, &err) || second_embed_text(second_ctx, text, 1, b, &err)) {
    fprintf(stderr, "%s\n", err.message);
    return 1;
  }
  print_bits(a, FIRST_WIDTH);
  print_bits(b, SECOND_WIDTH);
  second_context_destroy(second_ctx);
  first_context_destroy(first_ctx);
  second_close(second);
  first_close(first);
  return 0;
}
