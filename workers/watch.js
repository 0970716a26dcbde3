#!/usr/bin/env node
import '../src/platform/runtime/require-node.js';

const { runWorker } = await import('../src/process/worker-process.ts');
const { watchRole } = await import('../src/process/roles/watch.ts');
await runWorker(watchRole);
