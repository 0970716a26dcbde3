#!/usr/bin/env node
import '../src/runtime/require-node.js';

const { runWorker } = await import('../src/worker-process.ts');
const { extractRole } = await import('../src/roles/extract.ts');
await runWorker(extractRole);
