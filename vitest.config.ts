import { defineConfig } from 'vitest/config';

const project = (name: string, include: string[], rest: object = {}) => ({
  test: { name, include, ...rest },
});

export default defineConfig({
  test: {
    projects: [
      project('unit', ['test/unit/**/*.test.ts']),
      // Real services: a suite may start a Redis or a store of its own, so the limits are those of a hang, not of a wait.
      project('service', ['test/{contract,service,fault,e2e}/**/*.test.ts'], {
        testTimeout: 120_000,
        hookTimeout: 180_000,
        globalSetup: ['test/support/services.ts'],
        maxWorkers: 2,
      }),
    ],
  },
});
