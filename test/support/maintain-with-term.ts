import '../../src/platform/runtime/require-node.js';
import { maintainWith } from '../../src/process/roles/maintain.ts';
import { runRoles } from '../../src/process/run-roles.ts';

// The maintain role whose leases run out soon: maintain-with-term.ts TERM_MS CONFIG

const [, , termMs, config] = process.argv;
await runRoles([maintainWith({ termMs: Number(termMs) })], config);
