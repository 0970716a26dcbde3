// Loads what the roles and the commands load, so that the image holds what Node makes of it: a command starts in half the time.
// Run while the image is built, by the user and with the V8 flags that use it later, for Node keeps a cache apart for each.
//
//   node infra/containers/warm-up.ts DIRECTORY

import { readdirSync } from 'node:fs';
import module from 'node:module';

const SOURCES = new URL('../../src/', import.meta.url);
const FOLDERS = ['cli/', 'cli/commands/', 'process/', 'process/roles/'];

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error('say where the cache is to be made');
const { status, message } = module.enableCompileCache(directory);
const { ENABLED, ALREADY_ENABLED } = module.constants.compileCacheStatus;
if (status !== ENABLED && status !== ALREADY_ENABLED) throw new Error(`no compile cache: ${message}`);
for (const folder of FOLDERS) {
  const at = new URL(folder, SOURCES);
  for (const name of readdirSync(at)) if (name.endsWith('.ts')) await import(new URL(name, at).href);
}
module.flushCompileCache();
