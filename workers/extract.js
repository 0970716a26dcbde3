#!/usr/bin/env node
import '../src/runtime/require-node.js';

const { runWorker } = await import('../src/worker-process.ts');
const { extractRole } = await import('../src/extract/index.ts');
await runWorker(extractRole);
