import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, createReadStream, openSync } from 'node:fs';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import Database from 'better-sqlite3';
import { loadSettings, networkLedger, type Settings } from '../src/platform/config/index.ts';
import type { EventName } from '../src/domain/events.ts';
import { ROLES, type RoleName } from '../src/domain/role-names.ts';
import { askLedger } from './ledger-server.ts';

/** The command line. */
export const BIN = join(import.meta.dirname, '../bin/wavspool.js');
const START_DEADLINE_MS = 180_000;
/** To count twenty thousand rows takes a millisecond. */
const POLL_MS = 40;
/** A busy machine takes minutes over the largest load, and never so long over one recording. */
const STUCK_MS = 300_000;

/** Where recordings go. */
export interface Target {
  readonly endpoint: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** What a role or `up` has written to the log. */
export interface LoggedEvent {
  /** ms since 1970. */
  readonly at: number;
  readonly role: RoleName | 'up';
  readonly fields: Readonly<Record<string, unknown>>;
}

/** wavspool as `up` runs it and as it is shipped: every commit durable, every recording synced. */
export interface Fleet {
  readonly pid: number;
  readonly settings: Settings;
  /** When `up` was started, ms since 1970. */
  readonly startedAt: number;
  /** A GET, or a POST of the body if there is one. Throws unless it is answered well. */
  request(path: string, body?: object): Promise<Response>;
  /** The living roles. */
  roles(): Promise<readonly { readonly role: RoleName; readonly pid: number }[]>;
  /** What was logged under that name since this start. */
  logged(event: EventName): Promise<readonly LoggedEvent[]>;
  /** Ends it in order. Its directory stays, and another start goes on with it. */
  stop(): Promise<void>;
}

/** Below those that Linux gives to clients. */
let ports = 20_000 + (process.pid % 400) * 10;
const nextPort = (): number => (ports += 1);

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What is not as it is shipped. */
export interface Chosen {
  readonly extract?: { readonly copy: boolean };
  /** `debug` writes a line for each recording, and the console's history keeps each line. */
  readonly log?: { readonly level: 'debug' };
  readonly up?: { readonly processes: 'each' };
  readonly site?: string;
  /** A ledger on PostgreSQL, whose tables are made. */
  readonly state?: { readonly url: string };
  /** A Redis that several share. */
  readonly redis?: object;
}

/** Starts `up` on `directory/data` and waits until every role has a heartbeat. Throws when that takes over three minutes. */
export async function startFleet(
  directory: string,
  target: Target,
  prefix: string,
  chosen: Chosen = {},
): Promise<Fleet> {
  const data = join(directory, 'data');
  const config = join(directory, 'wavspool.yaml');
  await mkdir(join(data, 'incoming'), { recursive: true });
  const port = nextPort();
  const settled = {
    ...chosen,
    paths: { data },
    s3: { ...target, prefix },
    http: { port, token: 'bench' },
  };
  await writeFile(config, JSON.stringify(settled));
  const { settings } = loadSettings({ configFile: config });
  const logged = eventReader(settings.paths.log, await sizeOf(settings.paths.log));
  const startedAt = Date.now();
  const stderr = openSync(join(directory, 'up.stderr'), 'a'); // what a process says that dies stands nowhere else
  const up = spawn(process.execPath, [BIN, 'up', '--config', config], {
    stdio: ['ignore', 'ignore', stderr],
  });
  closeSync(stderr);
  const request = (path: string, body?: object): Promise<Response> =>
    ask(`http://127.0.0.1:${port}${path}`, body);
  const roles: Fleet['roles'] = async () => {
    const status = (await (await request('/api/status')).json()) as {
      roles: { role: RoleName; pid: number }[];
    };
    return status.roles;
  };
  const fleet = { pid: up.pid ?? 0, settings, startedAt, request, roles, logged, stop: () => ended(up) };
  try {
    await allThere(fleet);
  } catch (error) {
    await fleet.stop();
    throw error;
  }
  return fleet;
}

/** Until the ledger tells that so many are in the store. Throws where `state.db` has none added for five minutes. */
export async function stored({ settings }: Fleet, recordings: number): Promise<void> {
  const address = networkLedger(settings);
  if (address !== undefined) {
    const count = askLedger(
      address,
      'SELECT sum(success)::int AS count FROM recording_counts WHERE site = $1',
    );
    try {
      while (((await count(settings.site)) ?? 0) < recordings) await sleep(POLL_MS);
    } finally {
      await count.end();
    }
    return;
  }
  const db = new Database(settings.paths.state, { readonly: true });
  const count = db.prepare("SELECT count(*) FROM uploads WHERE status = 'SUCCESS'").pluck();
  try {
    for (let last = 0, lastAt = performance.now(); ;) {
      const now = count.get() as number;
      if (now >= recordings) return;
      if (now > last) lastAt = performance.now();
      if (performance.now() - lastAt > STUCK_MS)
        throw new Error(`${now} of ${recordings} recordings were stored, and no other for five minutes`);
      last = now;
      await sleep(POLL_MS);
    }
  } finally {
    db.close();
  }
}

async function allThere({ roles }: Pick<Fleet, 'roles'>): Promise<void> {
  const deadline = performance.now() + START_DEADLINE_MS;
  for (let there = 0; there < ROLES.length;) {
    if (performance.now() > deadline) throw new Error(`only ${there} roles of ${ROLES.length} have come up`);
    await sleep(200);
    there = await roles().then(
      ({ length }) => length,
      () => 0, // it does not listen yet
    );
  }
}

async function ask(url: string, body: object | undefined): Promise<Response> {
  const answer = await fetch(url, {
    headers: { authorization: 'Bearer bench', 'content-type': 'application/json' },
    ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${url}: ${await answer.text()}`);
  return answer;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill('SIGTERM');
  await closed;
}

/** Reads the log line by line and from an offset on: a million recordings make it larger than any string may be. */
function eventReader(log: string, from: number): Fleet['logged'] {
  return async (event) => {
    const found: LoggedEvent[] = [];
    for await (const line of createInterface({ input: createReadStream(log, { start: from }) })) {
      if (!line.includes(`"msg":"${event}"`)) continue;
      const { time, role, ...fields } = JSON.parse(line) as { time: string; role: RoleName | 'up' };
      found.push({ at: Date.parse(time), role, fields });
    }
    return found;
  };
}

async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch(() => undefined); // before the first start there is none
  return found?.size ?? 0;
}
