#!/usr/bin/env node
import '../src/platform/runtime/require-node.js';

const { runWorkers } = await import('../src/process/worker-process.ts');
const { watchRole } = await import('../src/process/roles/watch.ts');
const { maintainRole } = await import('../src/process/roles/maintain.ts');
const { dashboardRole } = await import('../src/process/roles/dashboard.ts');
await runWorkers('control', [watchRole, maintainRole, dashboardRole]);
