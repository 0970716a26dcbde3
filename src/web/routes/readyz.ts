import type { FastifyInstance } from 'fastify';
import { messageOf } from '../../domain/faults.ts';
import { WORK_DIRECTORIES } from '../../operate/health/index.ts';
import type { Status } from '../../operate/status/index.ts';
import type { Context } from '../context.ts';

interface Verdict {
  readonly ok: boolean;
  readonly why?: string;
}

type Verdicts = Readonly<Partial<Record<'redis' | 'state' | 'store' | 'disk', Verdict>>>;

/** `GET /readyz`: whether Redis, the state store, the store and the disk are there, as far as they are used, each with why not; 503 if one is not. */
export function readyz(server: FastifyInstance, context: Context): void {
  server.get('/readyz', async (_request, reply) => {
    const verdicts = await judge(context);
    return reply.code(Object.values(verdicts).every(({ ok }) => ok) ? 200 : 503).send(verdicts);
  });
}

async function judge({ ledger, status, settings, parts }: Context): Promise<Verdicts> {
  const stateVerdict = await verdictOf(async () => {
    await ledger.catalogue.counts();
    return [];
  });
  try {
    const { redis, store, disk } = await status();
    return {
      ...(redis !== null && {
        redis: await verdictOf(() => (redis.available ? [] : [redis.message ?? 'it is unreachable'])),
      }),
      state: stateVerdict,
      ...(parts.recordings && { store: await verdictOf(() => lackOfStore(store)) }),
      disk: await verdictOf(() => lackOfRoom(disk, settings.extract.minFreeBytes)),
    };
  } catch (error) {
    const unknown = { ok: false, why: `not known: ${messageOf(error)}` };
    return {
      ...(parts.redis && { redis: unknown }),
      state: stateVerdict,
      ...(parts.recordings && { store: unknown }),
      disk: unknown,
    };
  }
}

function lackOfStore(store: Status['store']): string[] {
  if (store === null) return ['not known while Redis is unreachable'];
  return store.available ? [] : [store.message ?? 'it is unreachable'];
}

function lackOfRoom(disk: Status['disk'], minFreeBytes: number): string[] {
  return WORK_DIRECTORIES.flatMap((name) => {
    const room = disk[name];
    if (room === undefined) return [];
    if (room === null) return `the directory of ${name} does not exist`;
    return room.freeBytes < minFreeBytes
      ? `${room.path} has ${room.freeBytes} bytes left, fewer than extract.minFreeBytes`
      : [];
  });
}

/** `check` gives what is wrong, or throws it. */
async function verdictOf(check: () => readonly string[] | Promise<readonly string[]>): Promise<Verdict> {
  try {
    const faults = await check();
    return faults.length === 0 ? { ok: true } : { ok: false, why: faults.join('; ') };
  } catch (error) {
    return { ok: false, why: messageOf(error) };
  }
}
