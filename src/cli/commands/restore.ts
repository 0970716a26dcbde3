import { readlink } from 'node:fs/promises';
import type { Command } from 'commander';
import type { DatabaseSettings } from '../../platform/config/index.ts';
import { WavspoolError } from '../../domain/faults.ts';
import {
  backupSource,
  listSnapshotBackups,
  namedSource,
  offsitePointsAt,
  sourceAt,
  verifyBackups,
  verifySource,
  type Maintenance,
} from '../../maintenance/catalogue/index.ts';
import {
  holderInWords,
  restoreDatabase,
  type Holder,
  type OwnDatabase,
  type Restored,
  type Source,
} from '../../maintenance/restore/index.ts';
import { askRoles } from '../../operate/role-health/index.ts';
import { stateLockFile } from '../../platform/state/index.ts';
import { isoTime } from '../../platform/runtime/index.ts';
import { databaseNamed } from '../../maintenance/snapshot/index.ts';
import { pointInTime } from '../arguments.ts';
import { ask } from '../ask.ts';
import { printError, printJson, printLines, verdictLine } from '../output.ts';
import { surroundings } from '../surroundings.ts';
import { localTime } from '../times.ts';
import { withHost } from '../with-app.ts';

interface RestoreFlags {
  readonly from?: string;
  readonly at?: string;
  readonly verifyOnly?: boolean;
  readonly yes?: boolean;
}

/** `restore`: a database back to what it was; asks on a terminal. */
export function restoreCommand(program: Command): void {
  program
    .command('restore <database>')
    .description('choose a snapshot, verify it, save the present database, put it in place, verify again')
    .option(
      '--from <file>',
      'a path, a name out of "snapshots list", or s3://bucket/key; s3://bucket/key/ for restore points',
    )
    .option(
      '--at <time>',
      'the last state at or before this time, e.g. "2026-11-19 14:03:20", 2h for two hours ago, or now',
    )
    .option('--verify-only', 'only check it, or every snapshot of the database; exit 1 if one is bad')
    .option('--yes', 'ask nothing, also where other programs have the database open')
    .action((name: string, flags: RestoreFlags, command: Command) =>
      withHost(command, (maintenance, { json }, signal) =>
        restore(maintenance, databaseNamed(maintenance.databases, name), flags, json, signal),
      ),
    );
}

async function restore(
  maintenance: Maintenance,
  database: DatabaseSettings,
  flags: RestoreFlags,
  json: boolean,
  signal: AbortSignal,
): Promise<0 | 1> {
  const isTold = flags.from !== undefined || flags.at !== undefined;
  if (flags.verifyOnly === true && !isTold) return verifyAll(maintenance, database.name, json, signal);
  const isAsked = isOnTerminal() && flags.yes !== true;
  if (!isTold && !isAsked)
    throw new WavspoolError('USAGE', 'no terminal to choose on: say --from <file> or --at <time>');

  const source = isTold
    ? await toldSource(maintenance, database, flags, signal)
    : await choose(maintenance, database.name, signal);
  if (source === undefined) return 1;
  if (flags.verifyOnly === true) return verifyOne(maintenance, source, json, signal);
  return putBack(maintenance, database, source, { json, isAsked, yes: flags.yes === true }, signal);
}

function isOnTerminal(): boolean {
  const { stdin, stderr } = surroundings();
  return stdin.isTTY === true && stderr.isTTY === true;
}

async function putBack(
  maintenance: Maintenance,
  database: DatabaseSettings,
  source: Source,
  { json, isAsked, yes }: { json: boolean; isAsked: boolean; yes: boolean },
  signal: AbortSignal,
): Promise<0 | 1> {
  if (isAsked && !(await confirmed(`restore ${database.path} from ${source.from}?`, signal))) return 1;
  const mayDisturb = async (holders: readonly Holder[]): Promise<boolean> => {
    const who = holders.map(holderInWords).join(', ');
    printError(`${database.path} is open in ${who}; they see the restored content at once`);
    return yes || (isAsked && (await confirmed('go on all the same?', signal)));
  };
  const { data, state } = maintenance.settings.paths;
  const isState = database.path === state;
  const restored = await restoreDatabase(
    maintenance,
    isState ? { ...database, isPrivate: true, own: ownDatabase(data) } : { ...database, isPrivate: false },
    source,
    mayDisturb,
    signal,
  );
  if (json) printJson({ ...restored, ...(restored.at !== undefined && { at: isoTime(restored.at) }) });
  else printLines(describe(restored));
  return 0;
}

/** The roles say on their sockets that they run; one that has stalled still has its files open. */
function ownDatabase(data: string): OwnDatabase {
  const roles = async (): Promise<readonly Holder[]> => {
    const here = await readlink('/proc/self/ns/pid');
    const asked = await askRoles(data);
    return asked.map((one) => {
      const program = `wavspool ${one.role}`;
      if (one.kind === 'silent') return { program: `${program} (${one.socket}: ${one.why})` };
      const { pid, pidNamespace, host } = one.health;
      return { program, pid, ...(pidNamespace !== here && { host }) };
    });
  };
  return { lockFile: stateLockFile(data), roles };
}

async function toldSource(
  maintenance: Maintenance,
  database: DatabaseSettings,
  { from, at }: RestoreFlags,
  signal: AbortSignal,
): Promise<Source> {
  if (from !== undefined && at !== undefined && !isOfPoints(from))
    throw new WavspoolError('USAGE', 'say either --from or --at; both only for restore points in the bucket');
  if (from !== undefined && at !== undefined)
    return offsitePointsAt(maintenance, database.name, from, momentIn(maintenance, at), signal);
  if (from !== undefined) return namedSource(maintenance, database.name, from, signal);
  return sourceAt(maintenance, database, momentIn(maintenance, at ?? ''), signal);
}

function momentIn({ clock, timezone }: Maintenance, at: string): number {
  return pointInTime(at, clock.now(), timezone);
}

/** An address that ends like a directory holds restore points. */
function isOfPoints(from: string): boolean {
  return from.startsWith('s3://') && from.endsWith('/');
}

async function choose(
  maintenance: Maintenance,
  database: string,
  signal: AbortSignal,
): Promise<Source | undefined> {
  const { snapshots: found, unlisted } = await listSnapshotBackups(maintenance, database, signal);
  for (const why of unlisted) printError(`not listed: ${why}`);
  if (found.length === 0) {
    printError(`there is no snapshot of ${database}; "wavspool snapshot ${database}" takes one`);
    return undefined;
  }
  found.forEach(({ at, path, bytes, verified, damage }, index) => {
    const standing = damage === undefined ? (verified ? '' : '  NOT VERIFIED') : '  BAD';
    const taken = localTime(at, maintenance.timezone);
    printError(`${String(index + 1).padStart(3)}  ${taken}  ${bytes} bytes${standing}  ${path}`);
  });
  const answer = await ask(`which one? 1-${found.length}, nothing ends it: `, signal);
  const chosen = /^\d+$/.test(answer) ? found[Number(answer) - 1] : undefined;
  if (chosen !== undefined) return backupSource(maintenance, chosen);
  printError('nothing was changed');
  return undefined;
}

async function confirmed(question: string, signal: AbortSignal): Promise<boolean> {
  if (/^y(?:es)?$/i.test(await ask(`${question} [y/N] `, signal))) return true;
  printError('nothing was changed');
  return false;
}

async function verifyAll(
  maintenance: Maintenance,
  database: string,
  json: boolean,
  signal: AbortSignal,
): Promise<0 | 1> {
  const verdicts = await Array.fromAsync(verifyBackups(maintenance, database, signal));
  if (json) printJson({ snapshots: verdicts });
  else if (verdicts.length === 0) printLines([`there is no snapshot of ${database} on disk`]);
  else printLines(verdicts.map((verdict) => verdictLine(verdict.path, verdict)));
  return verdicts.every(({ ok }) => ok) ? 0 : 1;
}

async function verifyOne(
  maintenance: Maintenance,
  source: Source,
  json: boolean,
  signal: AbortSignal,
): Promise<0 | 1> {
  const verdict = await verifySource(maintenance, source, signal);
  const { ok, reason } = verdict;
  if (json) printJson({ snapshots: [{ path: source.from, ok, ...(reason !== undefined && { reason }) }] });
  else printLines([verdictLine(source.from, verdict)]);
  return ok ? 0 : 1;
}

function describe({ database, path, from, saved, removed }: Restored): readonly string[] {
  return [
    `${path} is restored from ${from}, and checks out`,
    saved === undefined
      ? 'nothing was there before'
      : `what was there before is kept; to undo: wavspool restore ${database} --from ${saved}`,
    ...removed.map((old) => `removed, kept by an earlier restore: ${old}`),
  ];
}
