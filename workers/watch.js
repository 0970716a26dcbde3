#!/usr/bin/env node
import '../src/runtime/require-node.js';

const { runWorker } = await import('../src/worker-process.ts');
const { watchRole } = await import('../src/rescan/index.ts');
await runWorker(watchRole);
