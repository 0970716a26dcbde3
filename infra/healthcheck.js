// The health check of a container: asks the roles that run in it how they are, each on its own socket. Exit code 0 when all
// that were named, or without a name all that run here, are well, 1 when one is not or does not answer; what it prints is what
// "docker inspect" shows.
//
//   node infra/healthcheck.js [ROLE…]        where the sockets are: WAVSPOOL_HEALTH, else /data/health

import { readdirSync, readlinkSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';

const DEADLINE_MS = 5_000;

const directory = process.env['WAVSPOOL_HEALTH'] ?? '/data/health';
const here = readlinkSync('/proc/self/ns/pid');

/**
 * @typedef {{ status: number, text: string, pidNamespace?: string }} Answer
 */

/**
 * @param {string} socketPath
 * @returns {Promise<Answer>}
 */
function ask(socketPath) {
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath, path: '/healthz', signal: AbortSignal.timeout(DEADLINE_MS) });
    asking.once('error', reject);
    asking.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part) => (text += part));
      response.once('error', reject);
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text, ...JSON.parse(text) }));
    });
    asking.end();
  });
}

/**
 * The containers of a service share this directory: an answer counts that comes from this one.
 * @param {string | undefined} role undefined: whichever role this container runs
 * @returns {Promise<boolean>}
 */
async function isWell(role) {
  const sockets = readdirSync(directory).filter((name) => {
    const socketOf = /^([a-z]+)(\.\d+)?\.sock$/.exec(name)?.[1];
    return socketOf !== undefined && (role === undefined || socketOf === role);
  });
  // all at once: one that is stuck in another container holds no other up
  const answers = await Promise.allSettled(sockets.map((name) => ask(join(directory, name))));
  const own = answers.flatMap((one) =>
    one.status === 'fulfilled' && one.value.pidNamespace === here ? [one.value] : [],
  );
  if (own.length > 0) {
    for (const { text } of own) console.log(text.trim());
    return own.every(({ status }) => status === 200);
  }
  const why = answers.flatMap((one, at) =>
    one.status === 'rejected' ? [`${sockets[at]}: ${one.reason.message}`] : [],
  );
  console.log(
    `no ${role === undefined ? '' : `${role} `}role of this container answers in ${directory}${why.map((line) => `; ${line}`).join('')}`,
  );
  return false;
}

try {
  const roles = process.argv.slice(2);
  const well = await Promise.all((roles.length === 0 ? [undefined] : roles).map(isWell));
  process.exitCode = well.every(Boolean) ? 0 : 1;
} catch (error) {
  console.log(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
