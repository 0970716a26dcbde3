// Plain JavaScript on purpose: an old Node cannot load a .ts file, and better-sqlite3 kills it without a message.
// Every entry point imports this file before anything else. On an older Node it goes on with the one that the package brings.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const OLDEST_MAJOR = 26;
/** @type {readonly NodeJS.Signals[]} */
const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP'];

if (Number(process.versions.node.split('.')[0]) < OLDEST_MAJOR) {
  const own = ownNode();
  if (own === undefined) refuse();
  else await goOn(own);
}

/** The Node that npm installed beside wavspool (an optional dependency); undefined where it did not. */
function ownNode() {
  const { resolve } = createRequire(import.meta.url);
  try {
    return join(dirname(resolve(`node-${process.platform}-${process.arch}/package.json`)), 'bin/node');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

function refuse() {
  process.stderr.write(
    `wavspool needs Node ${OLDEST_MAJOR} or newer, this is ${process.version}: install it, or the optional dependency that brings it (npm left out node-${process.platform}-${process.arch})\n`,
  );
  process.exit(2);
}

/**
 * Runs the same command line with that Node, and never returns.
 * @param {string} node
 */
async function goOn(node) {
  const line = [...process.execArgv, ...process.argv.slice(1)];
  if (process.execve !== undefined) process.execve(node, [node, ...line], process.env);
  const child = spawn(node, line, { stdio: 'inherit' });
  for (const signal of FORWARDED) process.on(signal, () => child.kill(signal));
  await new Promise(() => {
    child.on('error', (error) => {
      process.stderr.write(`wavspool: ${node} cannot be started: ${error.message}\n`);
      process.exit(2);
    });
    child.on('exit', (code, signal) => {
      if (signal === null) process.exit(code);
      for (const forwarded of FORWARDED) process.removeAllListeners(forwarded);
      process.kill(process.pid, signal);
    });
  });
}
