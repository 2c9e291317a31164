/* Several contexts over one model, each on a thread of its own: every thread must get the same bits every time. */
#include "demo.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { THREADS = 4, ROUNDS = 25, TEXTS = 3, WIDTH = 48 };

static const char *const texts[TEXTS] = {"A man is eating.", "", "The cat is sleeping on the sofa in the house."};
static lathe_model *model;
static float expected[TEXTS][WIDTH];

static lathe_status embed(float values[TEXTS][WIDTH], int32_t pool, lathe_error *err) {
  lathe_context_options options = {sizeof(lathe_context_options), pool, 0, NULL, NULL, NULL, 0};
  lathe_context *ctx = NULL;
  lathe_status status = demo_context_create(model, &options, &ctx, err);
  if (!status)
    status = demo_embed_text(ctx, texts, TEXTS, &values[0][0], err);
  demo_context_destroy(ctx);
  return status;
}

static void *worker(void *argument) {
  int32_t pool = *(int32_t *)argument;
  for (int round = 0; round < ROUNDS; round++) {
    float values[TEXTS][WIDTH];
    lathe_error err;
    if (embed(values, pool, &err)) {
      fprintf(stderr, "%s\n", err.message);
      return argument;
    }
    if (memcmp(values, expected, sizeof values)) {
      fprintf(stderr, "round %d gave other bits\n", round);
      return argument;
    }
  }
  return NULL;
}

int main(void) {
  pthread_t threads[THREADS];
  int32_t pools[THREADS] = {1, 2, 1, 2};
  int failed = 0;
  lathe_error err;
  if (demo_open("out/demo.weights", NULL, &model, &err) || embed(expected, 1, &err)) {
    fprintf(stderr, "%s\n", err.message);
    return 1;
  }
  for (int i = 0; i < THREADS; i++)
    if (pthread_create(&threads[i], NULL, worker, &pools[i]))
      return 1;
  for (int i = 0; i < THREADS; i++) {
    void *result = NULL;
    pthread_join(threads[i], &result);
    failed |= result != NULL;
  }
  demo_close(model);
  return failed;
}
