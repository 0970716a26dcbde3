import { execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { getPriority } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordingKeys } from '../../src/ingest/upload/index.ts';
import { until } from '../support/ports.ts';
import { startRig, type Rig } from '../support/rig.ts';
import { makeTar } from '../support/tars.ts';

// The command line as an operator uses it, against a running wavspool.

const run = promisify(execFile);

let rig: Rig;
beforeAll(async () => {
  rig = await startRig(undefined, {
    upload: { maxRetries: 1, backoff: { initial: '50ms', max: '100ms' } },
    arrival: { quietSeconds: 0.5, rescanSeconds: 600, incompleteAfterSeconds: 600 },
  });
});
afterAll(() => rig[Symbol.asyncDispose]());

const json = async (...args: string[]): Promise<{ code: number; said: Record<string, unknown> }> => {
  const { code, stdout } = await rig.wavspool('--json', ...args);
  return { code, said: JSON.parse(stdout) as Record<string, unknown> };
};
const wav = (name: string) => ({ name, body: randomBytes(5000) });

/** Lies in the landing directory under a name that arrival does not take, so that only a command can. */
async function landHidden(path: string, names: readonly string[], members = names.map(wav)): Promise<string> {
  const hidden = join(rig.incoming, `${path}.tmp`);
  await mkdir(join(hidden, '..'), { recursive: true });
  await writeFile(hidden, makeTar(members));
  return hidden;
}

/** As landHidden, and foreign objects have every key that its recordings could get. Returns its path and these keys. */
async function landTaken(path: string, names: readonly string[]): Promise<{ path: string; keys: string[] }> {
  const members = names.map(wav);
  const layout = { site: 'rig', prefix: '', incoming: '/in', extracted: '/out' };
  const keys = members.flatMap(({ name, body }) =>
    recordingKeys(
      layout,
      { path: join('/out', dirname(path), name), tar: join('/in', `${path}.tmp`), member: name },
      createHash('sha256').update(body).digest('hex'),
    ),
  );
  for (const Key of keys)
    await rig.s3.client.send(new PutObjectCommand({ Bucket: rig.s3.bucket, Key, Body: 'foreign' }));
  return { path: await landHidden(path, names, members), keys };
}

/** A request to the dashboard, with its token. */
async function call(method: string, route: string, body?: object): Promise<Response> {
  const token = (await readFile(join(rig.data, 'dashboard.token'), 'utf8')).trim();
  const authorization = `Bearer ${token}`;
  if (body === undefined) return fetch(`${rig.http}${route}`, { method, headers: { authorization } });
  const headers = { authorization, 'content-type': 'application/json' };
  return fetch(`${rig.http}${route}`, { method, headers, body: JSON.stringify(body) });
}

/** Runs a command on a terminal, with the script program; returns what the terminal showed. */
async function onTerminal(...args: string[]): Promise<string> {
  const { command } = rig;
  const line = [...command, ...args].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['-qec', line, '/dev/null'], { stdio: ['ignore', 'pipe', 'inherit'] });
  let shown = '';
  child.stdout.on('data', (chunk) => (shown += String(chunk)));
  await once(child, 'close');
  return shown;
}

test('ingest --wait stays until everything is in the bucket; on a terminal with a bar, elsewhere with lines', async () => {
  const path = await landHidden('ingest/a.tar', ['a.wav', 'b.wav']);
  const plain = await rig.wavspool('ingest', '--wait', path);
  expect(plain.code).toBe(0);
  expect(plain.stderr).toContain('2/2 recordings uploaded, 0 tars open');
  expect(plain.stdout).toMatch(new RegExp(`${path} +2 +0`));
  const other = await landHidden('ingest/b.tar', ['c.wav']);
  const shown = await onTerminal('ingest', '--wait', other);
  expect(shown).toContain('1/1 recordings');
  // as trace takes it: a path below the landing directory, wherever one stands
  for (const name of [path, relative(rig.incoming, path)])
    expect(await json('ingest', '--wait', name)).toMatchObject({ code: 0, said: { tars: [{ tar: path }] } });
});

test('a tar that was ingested by hand is not extracted again when its quiet period is over', async () => {
  const path = join(rig.incoming, 'ingest/once.tar');
  await call('GET', '/api/status'); // what the first request takes long over is not to be waited for then
  await rig.land('ingest/once.tar', makeTar([wav('once.wav')]));
  expect((await call('POST', '/api/ingest', { tars: [path] })).status).toBe(200);
  const times = async (event: string): Promise<number> =>
    (await rig.log()).split('\n').filter((line) => line.includes(path) && line.includes(`"msg":"${event}"`))
      .length;
  await until('the watcher takes it up', async () => (await times('tar arrived')) === 1);
  await until('nothing waits for extraction', async () => {
    const { said } = await json('status');
    const { extract } = said['queues'] as Record<string, { waiting: number; active: number }>;
    return extract?.waiting === 0 && extract.active === 0;
  });
  expect(await times('tar extracted')).toBe(1);
});

test('where nothing has failed, failed says so, by cause as well', async () => {
  for (const options of [[], ['--by-cause']])
    expect(await rig.wavspool('failed', ...options)).toMatchObject({
      code: 0,
      stdout: 'nothing has failed\n',
    });
});

test('the extract role lets the others go first, and only that one', async () => {
  const { roles } = (await json('status')).said as { roles: { role: string; pid: number }[] };
  const nice = Object.fromEntries(roles.map(({ role, pid }) => [role, getPriority(pid) - getPriority()]));
  expect(nice).toEqual({ watch: 0, extract: 5, upload: 0, maintain: 0, dashboard: 0 });
});

test('ingest refuses what it cannot take, and names it', async () => {
  const cut = join(rig.incoming, 'cut.tmp');
  await writeFile(cut, makeTar([wav('a.wav')]).subarray(0, 3000));
  expect((await rig.wavspool('ingest', '/etc/hostname')).code).toBe(2);
  expect((await rig.wavspool('ingest', '/etc/hostname')).stderr).toContain(
    'is not below the landing directory',
  );
  expect(await json('ingest', join(rig.incoming, 'cot.tmp'))).toMatchObject({
    code: 2,
    said: { code: 'USAGE', error: `${join(rig.incoming, 'cot.tmp')} is not there: did you mean ${cut}?` },
  });
  expect(await json('ingest', cut, join(rig.incoming, 'no/such.tar'))).toMatchObject({
    code: 2,
    said: { error: expect.stringMatching(/there is no directory .*\/no$/) },
  });
  expect(await json('ingest', cut)).toMatchObject({ code: 1, said: { code: 'TAR_INCOMPLETE' } });
});

test('pause is visible with its reason, ends by itself, and drain waits for what is in flight', async () => {
  expect((await rig.wavspool('pause', 'upload', '--reason', 'store moves', '--for', '15s')).code).toBe(0);
  expect((await rig.wavspool('status')).stdout).toContain('PAUSED: store moves');
  const isPaused = async (): Promise<boolean> => (await rig.status()).queues.upload?.paused === true;
  await until('the page shows it', isPaused);
  await until('the pause has ended by itself', async () => !(await isPaused()), 60_000);
  expect((await rig.wavspool('status')).stdout).not.toContain('PAUSED');
  expect((await rig.wavspool('pause', 'upload', '--reason', 'x', '--for', 'soon')).code).toBe(2);
  expect((await rig.wavspool('pause', 'upload')).code).toBe(2);
  expect((await rig.wavspool('pause', 'dashboard', '--reason', 'x')).code).toBe(2);

  const path = await landHidden(
    'drain/a.tar',
    Array.from({ length: 30 }, (_, i) => `${i}.wav`),
  );
  await rig.wavspool('ingest', path);
  const drained = await json('drain');
  expect(drained).toMatchObject({ code: 0, said: { inFlight: 0, pauses: { extract: { reason: 'drain' } } } });
  const { said } = await json('status');
  expect(said).toMatchObject({ queues: { extract: { active: 0 }, upload: { active: 0 } } });
  expect((await rig.wavspool('resume')).code).toBe(0);
  expect((await rig.wavspool('ingest', '--wait', path)).code).toBe(0);
});

test('trace tells of a tar, of a recording, and of a path that it does not know', async () => {
  const path = await landHidden('trace/a.tar', ['a.wav']);
  await rig.wavspool('ingest', '--wait', path);
  const recording = join(rig.extracted, 'trace/a.wav');
  expect(await json('trace', path)).toMatchObject({
    code: 0,
    said: { kind: 'tar', extraction: { recordings: 1 }, recordings: { SUCCESS: 1 } },
  });
  expect(await json('trace', recording)).toMatchObject({
    code: 0,
    said: {
      kind: 'recording',
      row: { status: 'SUCCESS', key: 'trace/a.wav' },
      object: { size: 5000 },
      tar: { path },
    },
  });
  expect((await rig.wavspool('trace', recording)).stdout).toContain('key: trace/a.wav');
  // its key and its path below paths.extracted are the same words here; a key that no path says is found too
  await rig.change(`UPDATE uploads SET key = 'elsewhere/b.wav' WHERE wav_path = '${recording}'`);
  for (const name of ['trace/a.wav', 'elsewhere/b.wav', `s3://${rig.s3.bucket}/elsewhere/b.wav`])
    expect((await json('trace', name)).said).toMatchObject({ kind: 'recording', path: recording });
  await rig.change(`UPDATE uploads SET key = 'trace/a.wav' WHERE wav_path = '${recording}'`);
  expect((await json('trace', 'trace/a.tar.tmp')).said).toMatchObject({ kind: 'tar', path });
  expect((await rig.wavspool('trace', 's3://elsewhere/trace/a.wav')).stdout).toContain(
    `its bucket is elsewhere, and s3.bucket is ${rig.s3.bucket}`,
  );
  const hostile = await rig.wavspool('trace', '/nowhere/\u001B[2J\u009B31m.wav');
  expect(hostile.stdout).toContain('nothing is known of /nowhere/');
  expect(hostile.stdout).toContain('give its whole path');
  expect(hostile.stdout).toContain(String.raw`/nowhere/\u{1b}[2J\u{9b}31m.wav`);
  expect(hostile.stdout + hostile.stderr).not.toMatch(/\p{Cc}(?<!\n)/u);
  const cut = join(rig.incoming, 'trace/cut.tar');
  await writeFile(cut, (await readFile(path)).subarray(0, 2000));
  expect(await json('trace', cut)).toMatchObject({
    code: 0,
    said: {
      kind: 'tar',
      arrival: { kind: 'incomplete', reason: expect.stringMatching(/: at byte 2000, /) },
      extraction: null,
    },
  });
  await rm(cut);
  expect(await json('trace', '/nowhere/x.wav')).toMatchObject({ code: 1, said: { kind: 'unknown' } });
});

test('fetch brings recordings back under their names, replaces nothing, and names what is not what it was', async () => {
  const members = ['1.wav', '2.wav'].map(wav);
  const path = await landHidden('back/a.tar', [], members);
  await rig.wavspool('ingest', '--wait', path);
  const of = ['fetch', '--tar', 'back/*'];
  const tar = join(rig.data, 'back.tar');
  expect(await json(...of, '--as', tar)).toMatchObject({ code: 0, said: { recordings: 2, unverified: [] } });
  const { stdout } = await run('tar', ['-xOf', tar, 'back/1.wav'], { encoding: 'buffer' });
  expect(stdout).toEqual(members[0]?.body);
  const again = await rig.wavspool(...of, '--as', tar);
  expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('back.tar is there already')]);
  const nothing = await rig.wavspool('fetch', '--tar', 'nope*', '--as', join(rig.data, 'none.tar'));
  expect([nothing.code, nothing.stderr]).toEqual([2, expect.stringContaining('no recording')]);
  expect(existsSync(join(rig.data, 'none.tar'))).toBe(false);
  expect((await rig.wavspool('fetch', 'back/3.wav', '--to', rig.data)).code).toBe(2);

  const to = join(rig.data, 'back');
  expect(await json(...of, '--to', to)).toMatchObject({ code: 0, said: { recordings: 2 } });
  expect(await json(...of, '--to', to)).toMatchObject({ code: 0, said: { recordings: 2 } }); // safe to repeat
  await writeFile(join(to, 'back/1.wav'), 'own');
  const kept = await json(...of, '--to', to);
  expect(kept).toMatchObject({ code: 1, said: { recordings: 1, unverified: [{ why: expect.any(String) }] } });
  expect(await readFile(join(to, 'back/1.wav'), 'utf8')).toBe('own');
  expect(await readdir(to)).toEqual(['back']);

  const put = (Body: Buffer): Promise<unknown> =>
    rig.s3.client.send(new PutObjectCommand({ Bucket: rig.s3.bucket, Key: 'back/2.wav', Body }));
  await put(randomBytes(5000));
  const altered = await json(...of, '--as', join(rig.data, 'altered.tar'));
  expect(altered).toMatchObject({ code: 1, said: { recordings: 1 } });
  const { stdout: names } = await run('tar', ['-tf', join(rig.data, 'altered.tar')]);
  expect(names).toBe('back/1.wav\nUNVERIFIED.txt\n');
  await put(members[1]?.body ?? Buffer.alloc(0));
});

test('failed lists, counts and filters; requeue --dry-run changes nothing; a canary that fails again keeps the others', async () => {
  const names = ['x/1.wav', 'x/2.wav', 'x/3.wav'];
  const { path, keys } = await landTaken('failed/a.tar', names);
  expect((await rig.wavspool('ingest', '--wait', path)).code).toBe(1);
  const all = await rig.wavspool('failed');
  expect(all.code).toBe(1);
  for (const name of names) expect(all.stdout).toContain(name);
  expect(await json('failed', '--by-cause')).toMatchObject({
    code: 1,
    said: { causes: [{ cause: 'conflict', recordings: 3 }] },
  });
  const { said: two } = await json('failed', '--limit', '2');
  expect(two).toMatchObject({ total: 3, next: expect.any(String) });
  expect(two['rows']).toHaveLength(2);
  const { said: rest } = await json('failed', '--limit', '2', '--after', String(two['next']));
  expect(rest).toMatchObject({ rows: [{ path: expect.stringContaining('3.wav') }], total: 3, next: null });
  expect((await rig.wavspool('failed', '--limit', '2')).stdout).toContain('1 recording more: --limit 3');
  expect((await rig.wavspool('status')).code).toBe(1);
  expect((await rig.wavspool('audit', '--sample', '1')).code).toBe(1); // these are not in the bucket
  expect((await json('failed', '--match', '2[.]wav')).said['rows']).toHaveLength(1);
  expect((await json('failed', '--tar', '*')).said['rows']).toHaveLength(3);
  const misspelt = await rig.wavspool('requeue', '--cause', 'netwrok');
  expect([misspelt.code, misspelt.stderr]).toEqual([2, expect.stringContaining('did you mean network?')]);
  for (const options of [
    ['--cause', 'network'],
    ['--match', 'text:zzzz'],
    ['--match', 'text:zzzz', '--by-cause'],
  ])
    expect(await rig.wavspool('failed', ...options)).toMatchObject({
      code: 0,
      stdout: 'nothing that failed fits what was asked for: 3 recordings and 0 tars that failed are others\n',
    });
  expect((await rig.wavspool('failed', '--match', '(')).code).toBe(2);

  expect((await rig.wavspool('requeue')).code).toBe(2);
  expect(await json('requeue', '--all', '--dry-run')).toMatchObject({
    code: 0,
    said: { recordings: 3, dryRun: true },
  });
  expect(await json('requeue', '--cause', 'conflict', '--canary', '1')).toMatchObject({
    code: 1,
    said: { recordings: 1 },
  });
  expect(await rig.rows("SELECT DISTINCT status FROM uploads WHERE wav_path LIKE '%failed/x/%'")).toEqual([
    { status: 'FAILED' },
  ]);

  // its own retries would bring it back as soon as the key is free
  const retrying = "SELECT 1 FROM uploads WHERE wav_path LIKE '%failed/x/%' AND retry_count < 1";
  await until('the canary is given up again', async () => (await rig.rows(retrying)).length === 0);
  for (const key of keys) await rig.s3.remove(key);
  const unfinished = "SELECT 1 FROM uploads WHERE status <> 'SUCCESS'";
  expect(await json('requeue', '--cause', 'conflict', '--canary', '1')).toMatchObject({
    code: 0,
    said: { recordings: 2 },
  });
  await until('all of them are uploaded', async () => (await rig.rows(unfinished)).length === 0);
  expect((await rig.wavspool('failed')).code).toBe(0);
});

test('"Retry" in Bull Board gives a recording that was given up a fresh budget, and state.db tells the same story', async () => {
  const { path, keys } = await landTaken('board/a.tar', ['a.wav']);
  expect((await rig.wavspool('ingest', '--wait', path)).code).toBe(1);
  for (const key of keys) await rig.s3.remove(key);
  const board = (await (
    await call('GET', '/queues/api/queues?activeQueue=rig.upload&status=failed')
  ).json()) as {
    queues: { name: string; jobs: { id: string }[] }[];
  };
  const [job] = board.queues.find(({ name }) => name === 'rig.upload')?.jobs ?? [];
  expect((await call('PUT', `/queues/api/queues/rig.upload/${job?.id}/retry`)).status).toBeLessThan(300);
  await until('it is uploaded', async () => {
    const [row] = await rig.rows(
      "SELECT status, retry_count AS retries FROM uploads WHERE wav_path LIKE '%board/a.wav'",
    );
    return row?.['status'] === 'SUCCESS' && row['retries'] === 0;
  });
});

test('rescan finds what no event told of', async () => {
  const path = await landHidden('rescan/a.tar', ['a.wav']);
  await rename(path, path.replace('.tmp', ''));
  const { code, said } = await json('rescan');
  expect(code).toBe(0);
  expect(said).toMatchObject({ incomplete: [] });
  await until(
    'it is uploaded',
    async () =>
      (await rig.rows("SELECT 1 FROM uploads WHERE status = 'SUCCESS' AND wav_path LIKE '%rescan/a.wav'"))
        .length === 1,
  );
});

test('doctor finds every precondition met, and says which one is not', async () => {
  const { code, said } = await json('doctor');
  expect(said['findings']).not.toContainEqual(
    expect.objectContaining({ ok: false, name: expect.stringMatching(/bucket|redis|directory/) }),
  );
  expect([0, 1]).toContain(code); // the host's own disk and limits are not the test's
  const broken = await rig.wavspool(
    'doctor',
    '--json',
    '--config',
    await rig.variant({ s3: { bucket: 'no-such-bucket' } }),
  );
  expect(broken.code).toBe(1);
  expect(broken.stdout).toContain('NoSuchBucket');
});

test('status says what is wrong by its exit code, and --watch shows it again and again', async () => {
  expect(await json('status')).toMatchObject({ code: 0, said: { site: 'rig', store: { available: true } } });
  const [program = '', ...args] = rig.command;
  const watching = spawn(program, [...args, 'status', '--watch'], { stdio: ['ignore', 'pipe', 'inherit'] });
  let shown = '';
  watching.stdout.on('data', (chunk) => (shown += String(chunk)));
  await until('it was shown twice', () => Promise.resolve(shown.split('site rig').length > 2));
  watching.kill('SIGINT');
  await once(watching, 'close');
  const lost = await rig.wavspool(
    'status',
    '--json',
    '--config',
    await rig.variant({ redis: { url: 'redis://127.0.0.1:1' } }),
  );
  expect(lost.code).toBe(1);
  expect(JSON.parse(lost.stdout)).toMatchObject({
    redis: { available: false, code: 'REDIS_UNREACHABLE', message: expect.stringContaining('127.0.0.1:1') },
    recordings: { SUCCESS: expect.any(Number) },
    verdict: { alive: false },
  });
});

test('up ends its roles in order, starts what dies again, later each time, and is alone on its data', async () => {
  expect((await rig.wavspool('up')).code).toBe(2);
  const deaths = async (): Promise<{ restartMs: number }[]> =>
    (await rig.log())
      .split('\n')
      .filter((line) => line.includes('"role died"') && line.includes('"upload"'))
      .map((line) => JSON.parse(line) as { restartMs: number });
  const dead = new Set<number>();
  const uploader = async (): Promise<number | undefined> =>
    (await rig.status()).roles.find(({ role, pid }) => role === 'upload' && !dead.has(pid))?.pid;
  for (let n = 1; n <= 3; n++) {
    await until('it is at work', async () => (await uploader()) !== undefined);
    const pid = (await uploader()) ?? 0;
    process.kill(pid, 'SIGKILL');
    dead.add(pid);
    await until('its death is logged', async () => (await deaths()).length === n);
  }
  const delays = (await deaths()).map(({ restartMs }) => restartMs);
  expect(delays).toEqual(delays.toSorted((a, b) => a - b));
  expect(delays.at(-1)).toBeGreaterThan(delays[0] ?? Infinity);
  expect(await rig.stop()).toBe(0);
  // the embedded Redis has ended with it: what does not lie in it is told
  const ended = await rig.wavspool('status');
  expect(ended.code).toBe(1);
  expect(ended.stdout).toMatch(
    /Redis is unreachable: the embedded Redis is not running.*recordings +\d+ in the bucket/s,
  );
});
