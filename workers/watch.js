#!/usr/bin/env node
import '../src/runtime/require-node.js';

const { runWorker } = await import('../src/worker-process.ts');
const { watchRole } = await import('../src/roles/watch.ts');
await runWorker(watchRole);
