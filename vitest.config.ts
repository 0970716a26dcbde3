import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.ts';

// for the hundreds of processes and threads that tests start: with data of its own, each would compile everything anew
const env = { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules/.cache/tests') };

const project = (name: string, include: string[], rest: object = {}) => ({
  test: { name, include, env, ...rest },
});

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    // No threshold: a figure to look at. What runs in processes of its own, as roles and threads do, is not counted.
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text-summary', 'html', 'json-summary'],
      reportsDirectory: 'coverage',
    },
    projects: [
      // Nothing waits for anything here: the limit is that of a hang, also on a machine that is busy with something else.
      project('unit', ['test/unit/**/*.test.ts'], {
        testTimeout: 60_000,
        isolate: false, // they touch nothing outside of them, so they share a process and its modules
        pool: 'threads',
        maxWorkers: '100%',
      }),
      // Many runs of each, over any input and any order of events.
      project('property', ['test/property/**/*.test.ts'], {
        testTimeout: 120_000,
        isolate: false,
        pool: 'threads',
        maxWorkers: '100%',
      }),
      // Real services: a suite may start a Redis or a store of its own, so the limits are those of a hang, not of a wait.
      project('service', ['test/{contract,service,fault,e2e}/**/*.test.ts'], {
        testTimeout: 300_000,
        hookTimeout: 300_000,
        globalSetup: ['test/support/services.ts'],
        maxWorkers: 6, // they mostly wait, also on two cores
        isolate: false, // a second of CPU for each file, to load the same modules anew
        sequence: { groupOrder: 1 }, // after the unit tests, whose workers are others
      }),
    ],
  },
});
