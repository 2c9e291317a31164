#include <stdio.h>
#include "minilm.h"

int main(void) {
  const char *text[] = {"A man is eating.", "Someone has a meal."};
  float v[2][384], cosine = 0;
  lathe_model *model = NULL;
  lathe_context *ctx = NULL;
  lathe_error err = {0};
  if (minilm_open("out/minilm.weights", NULL, &model, &err) ||
      minilm_context_create(model, NULL, &ctx, &err) ||
      minilm_embed_text(ctx, text, 2, &v[0][0], &err)) {
    fprintf(stderr, "%s\n", err.message);
    return 1;
  }
  for (int i = 0; i < 384; i++) cosine += v[0][i] * v[1][i];
  printf("cosine %.4f\n", cosine);
  minilm_context_destroy(ctx);
  minilm_close(model);
  return 0;
}
