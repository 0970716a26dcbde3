#!/usr/bin/env node
import '../src/platform/runtime/require-node.js';

const { runWorker } = await import('../src/process/worker-process.ts');
const { dashboardRole } = await import('../src/process/roles/dashboard.ts');
await runWorker(dashboardRole);
