#!/usr/bin/env node
import module from 'node:module';
import { fileURLToPath } from 'node:url';
import '../src/platform/runtime/require-node.js';

// Commands start in two thirds of the time; where this may not be written, they start as they would without it.
module.enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/wavspool', import.meta.url)));
const { main } = await import('../src/cli/main.ts');
await main(process.argv.slice(2));
