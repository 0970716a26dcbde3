import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, messageOf, unlessGone } from '../../domain/faults.ts';
import { connectUnix, http } from '../../platform/runtime/index.ts';
import type { RoleHealth } from './own-verdict.ts';
import { healthDirectory, roleOfSocket } from './places.ts';

/** A role that lives answers in milliseconds. */
const DEADLINE_MS = 2000;
const MOST_BYTES = 1_000_000;

/** What came of asking one socket. */
export type Asked =
  | { readonly kind: 'answered'; readonly socket: string; readonly role: string; readonly health: RoleHealth }
  /** Its process is there and says nothing: its event loop is held up, or we may not ask. */
  | { readonly kind: 'silent'; readonly socket: string; readonly role: string; readonly why: string };

/**
 * Asks every role that runs on this host with this data directory how it is; sockets whose process is gone are left out.
 * Throws what the system says when the directory is there and cannot be read.
 */
export async function askRoles(data: string): Promise<readonly Asked[]> {
  const directory = healthDirectory(data);
  const names = (await readdir(directory).catch(unlessGone)) ?? [];
  const asked = await Promise.all(
    names.toSorted().map(async (name) => {
      const role = roleOfSocket(name);
      return role === undefined ? undefined : ask(join(directory, name), role);
    }),
  );
  return asked.filter((one) => one !== undefined);
}

async function ask(socket: string, role: string): Promise<Asked | undefined> {
  try {
    return { kind: 'answered', socket, role, health: await get(socket) };
  } catch (error) {
    if (errnoOf(error) === 'ECONNREFUSED' || errnoOf(error) === 'ENOENT') return undefined; // left by one that was killed
    return { kind: 'silent', socket, role, why: messageOf(error) };
  }
}

function get(socket: string): Promise<RoleHealth> {
  return new Promise((resolve, reject) => {
    const asking = http.request({
      path: '/healthz',
      headers: { host: 'localhost' },
      createConnection: () => connectUnix(socket),
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
    asking.once('error', (error) =>
      reject(error.name === 'TimeoutError' || error.name === 'AbortError' ? tooLate(error) : error),
    );
    asking.once('response', (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body += text;
        if (body.length > MOST_BYTES) response.destroy(new Error('its answer does not end'));
      });
      response.once('error', reject);
      response.once('end', () => {
        try {
          resolve(JSON.parse(body) as RoleHealth);
        } catch (error) {
          reject(new Error(`its answer is no JSON: ${messageOf(error)}`, { cause: error }));
        }
      });
    });
    asking.end();
  });
}

function tooLate(cause: Error): Error {
  return new Error(`no answer within ${DEADLINE_MS / 1000} s`, { cause });
}
