#!/usr/bin/env node
import '../src/runtime/require-node.js';

const { runWorker } = await import('../src/worker-process.ts');
const { uploadRole } = await import('../src/upload/index.ts');
await runWorker(uploadRole);
