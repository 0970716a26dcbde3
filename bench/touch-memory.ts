import { execFile } from 'node:child_process';
import { freemem } from 'node:os';
import { promisify } from 'node:util';

const run = promisify(execFile);
const GIB = 2 ** 30;

/** Fills what memory there is and ends, and with it goes what it held. */
const PROGRAM = `
const held = [];
for (let left = Number(process.argv[1]); left > 0; left--) held.push(Buffer.allocUnsafe(${GIB}).fill(1));
`;

/**
 * Writes to four fifths of the free memory once, in a process of its own. A virtual machine has to be given a page by its host when
 * it first writes to it, or after the host has taken it back from an idle one: 2 s for each GiB instead of 0.3, at the cost of
 * the process that uses the most memory, in rounds that become quicker one by one. Throws when the process dies.
 */
export async function touchMemory(): Promise<void> {
  await run(process.execPath, ['-e', PROGRAM, String(Math.floor((freemem() * 0.8) / GIB))]);
}
