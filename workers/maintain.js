#!/usr/bin/env node
import '../src/runtime/require-node.js';

const { runWorker } = await import('../src/worker-process.ts');
const { maintainRole } = await import('../src/roles/maintain.ts');
await runWorker(maintainRole);
