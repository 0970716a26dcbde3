#!/usr/bin/env node
import '../src/platform/runtime/require-node.js';

const { runWorker } = await import('../src/process/worker-process.ts');
const { extractRole } = await import('../src/process/roles/extract.ts');
await runWorker(extractRole);
