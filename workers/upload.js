#!/usr/bin/env node
import '../src/platform/runtime/require-node.js';

const { runWorker } = await import('../src/process/worker-process.ts');
const { uploadRole } = await import('../src/process/roles/upload.ts');
await runWorker(uploadRole);
