#!/usr/bin/env node
import '../src/runtime/require-node.js';

const { runWorker } = await import('../src/worker-process.ts');
const { maintainRole } = await import('../src/maintain/index.ts');
await runWorker(maintainRole);
