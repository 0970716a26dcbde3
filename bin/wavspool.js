#!/usr/bin/env node
import '../src/runtime/require-node.js';

const { main } = await import('../src/cli/main.ts');
await main(process.argv.slice(2));
