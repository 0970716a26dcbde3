#!/usr/bin/env node
import '../src/runtime/require-node.js';

const { runWorker } = await import('../src/worker-process.ts');
const { uploadRole } = await import('../src/roles/upload.ts');
await runWorker(uploadRole);
