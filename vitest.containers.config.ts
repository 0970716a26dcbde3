import { defineConfig } from 'vitest/config';

// The tests of the containers, which "make test-containers" runs where a Docker engine is: no part of "make test".
export default defineConfig({
  test: {
    include: ['test/containers/**/*.test.ts'],
    testTimeout: 900_000,
    hookTimeout: 900_000,
    fileParallelism: false,
    bail: 1, // each step stands on the one before
  },
});
