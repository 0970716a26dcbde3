#!/usr/bin/env node
import '../src/runtime/require-node.js';

const { runWorker } = await import('../src/worker-process.ts');
const { dashboardRole } = await import('../src/roles/dashboard.ts');
await runWorker(dashboardRole);
