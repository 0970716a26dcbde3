#!/usr/bin/env node
import '../src/platform/runtime/require-node.js';

const { runWorker } = await import('../src/process/worker-process.ts');
const { maintainRole } = await import('../src/process/roles/maintain.ts');
await runWorker(maintainRole);
