import { chmod, readlink, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Report } from '../../domain/events.ts';
import { WavspoolError } from '../../domain/faults.ts';
import { http, isoTime, listenUnix, makeDirectory, type Clock } from '../../platform/runtime/index.ts';
import { takeExclusiveLock, type ExclusiveLock } from '../../platform/sqlite/index.ts';
import { ownVerdict, type OwnFacts, type RoleHealth } from './own-verdict.ts';
import { healthDirectory, socketName } from './places.ts';

/** No host runs so many instances of a role on one data directory. */
const MOST_INSTANCES = 256;
/** Its user and its group may ask; nothing secret is in the answer. */
const SOCKET_MODE = 0o660;
/** How long a socket that could not be made, on a full disk for example, is not tried again. */
const TRY_AGAIN_MS = 30_000;

export interface AnsweringDeps {
  /** `paths.data`. */
  readonly data: string;
  readonly clock: Clock;
  readonly report: Report;
}

export interface Answering {
  /** Ends it and removes its socket. */
  close(): Promise<void>;
}

/**
 * Answers `GET /healthz` about one role of this process on a socket of its own, with {@link RoleHealth} over what `facts` gives:
 * 200 while it is alive, 503 when it has stalled. The first instance of a role on a data directory has `health/ROLE.sock`, the
 * next ones `ROLE.2.sock` and so on: which is whose is held by a lock of the kernel, so that what a killed process left is
 * replaced, and no other's is. Never rejects: a socket that cannot be made is reported and tried again, for the role's work
 * does not depend on it.
 */
export function answerHealth(deps: AnsweringDeps, role: string, facts: () => OwnFacts): Answering {
  const { clock, report, data } = deps;
  const ended = new AbortController();
  let socket: Socket | undefined;
  const opening = (async () => {
    while (socket === undefined && !ended.signal.aborted) {
      try {
        socket = await openSocket(data, role, await answererOf(role, facts, clock));
      } catch (err) {
        report('health not answered', { directory: healthDirectory(data), err });
        await clock.sleep(TRY_AGAIN_MS, ended.signal);
      }
    }
  })();
  return {
    close: async () => {
      ended.abort();
      await opening;
      await socket?.close();
    },
  };
}

interface Socket {
  close(): Promise<void>;
}

async function openSocket(data: string, role: string, server: Server): Promise<Socket> {
  const directory = healthDirectory(data);
  await makeDirectory(directory);
  const { lock, instance } = takeInstance(directory, role);
  const path = join(directory, socketName(role, instance));
  try {
    await rm(path, { force: true }); // ours by the lock: the process that listened there is gone
    await listenUnix(server, path);
    await chmod(path, SOCKET_MODE);
  } catch (error) {
    server.close();
    lock.release();
    throw error;
  }
  return {
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve)); // removes the socket
      lock.release();
    },
  };
}

/** The lowest number that no living instance of the role has. Throws ALREADY_RUNNING when all are taken. */
function takeInstance(directory: string, role: string): { lock: ExclusiveLock; instance: number } {
  for (let instance = 1; instance <= MOST_INSTANCES; instance += 1) {
    const lock = takeExclusiveLock(join(directory, `.${socketName(role, instance)}.lock`));
    if (lock !== undefined) return { lock, instance };
  }
  throw new WavspoolError('ALREADY_RUNNING', `${MOST_INSTANCES} instances of ${role} answer in ${directory}`);
}

async function answererOf(role: string, facts: () => OwnFacts, clock: Clock): Promise<Server> {
  const who = {
    role,
    host: hostname(),
    pid: process.pid,
    pidNamespace: await readlink('/proc/self/ns/pid'),
  };
  const server = http.createServer((request, response) => {
    const { method, url = '' } = request;
    const isAsked = (method === 'GET' || method === 'HEAD') && url.split('?', 1)[0] === '/healthz';
    const body = isAsked
      ? healthOf(who, facts(), clock.now())
      : { error: `there is no ${method} ${url}`, code: 'USAGE', remedy: 'GET /healthz' };
    const status = 'alive' in body ? (body.alive ? 200 : 503) : 404;
    response
      .writeHead(status, { 'content-type': 'application/json; charset=utf-8', connection: 'close' })
      .end(method === 'HEAD' ? undefined : `${JSON.stringify(body)}\n`);
  });
  server.unref(); // it keeps no process from ending
  return server;
}

function healthOf(
  who: Pick<RoleHealth, 'role' | 'host' | 'pid' | 'pidNamespace'>,
  facts: OwnFacts,
  now: number,
): RoleHealth {
  const { startedAt, jobs } = facts;
  return {
    ...who,
    startedAt: isoTime(startedAt),
    at: isoTime(now),
    ...ownVerdict(who.role, facts, now),
    ...(jobs !== undefined && { jobs }),
  };
}
