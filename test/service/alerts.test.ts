import { createHmac } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadSettings, type Settings } from '../../src/platform/config/index.ts';
import { openMaintenance } from '../../src/maintenance/catalogue/index.ts';
import type { AlertMessage } from '../../src/operate/alerts/message.ts';
import { startAlerting } from '../../src/operate/alerts/index.ts';
import type { Problem } from '../../src/operate/health/index.ts';
import { systemClock, type Clock } from '../../src/platform/runtime/index.ts';
import { openSqliteLedger } from '../../src/platform/state/index.ts';
import { startTestDashboard } from '../support/dashboard.ts';
import { freePort, until } from '../support/ports.ts';
import { startMailServer, startWebhook, type Got } from '../support/receivers.ts';
import { runCommand } from '../support/run-command.ts';

/** Looks and tries that are seconds apart follow each other at once; what is stored is the real time. */
const hurried: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(Math.min(ms, 10), signal) };

let directory: string;
let problems: readonly Problem[];
let looks: number;
let reported: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'wavspool-alerts-'));
  await mkdir(join(directory, 'data'));
  problems = [];
  looks = 0;
  reported = [];
});
afterEach(() => rm(directory, { recursive: true }));

function problem(id: string): Problem {
  return {
    id,
    since: '2026-11-29T05:00:00.000Z',
    what: `${id} fails.`,
    effect: 'Work waits.',
    remedy: 'Mend it.',
    command: null,
  };
}

async function settingsWith(alerts: object): Promise<{ settings: Settings; file: string }> {
  const file = join(directory, 'wavspool.yaml');
  await writeFile(
    file,
    JSON.stringify({ paths: { data: join(directory, 'data') }, alerts: { after: '0s', ...alerts } }),
  );
  return { settings: loadSettings({ configFile: file, env: {} }).settings, file };
}

async function status() {
  looks += 1;
  return { verdict: { alive: true, attention: problems, held: [] } };
}

const unheard = (): void => undefined;

function start(settings: Settings): AsyncDisposable & { readonly becomes: typeof becomes } {
  const alerting = startAlerting({
    settings,
    status,
    clock: hurried,
    report: (event) => reported.push(event),
  });
  return { becomes, [Symbol.asyncDispose]: () => alerting.stop() };
}

/** The verdict becomes this one, and a look has seen it. */
async function becomes(...ids: readonly string[]): Promise<void> {
  problems = ids.map(problem);
  const before = looks;
  await until('a look has seen it', () => looks >= before + 2);
}

function toldBy(got: readonly Got[]): readonly string[] {
  return got.map(({ body }) => {
    const { problems } = JSON.parse(body) as AlertMessage;
    return problems.map(({ status, id }) => `${status} ${id}`).join(', ');
  });
}

test('a webhook gets each problem when it begins and when it is over, signed, with the headers of the settings', async () => {
  await using webhook = await startWebhook();
  const { settings } = await settingsWith({
    webhook: `http://127.0.0.1:${webhook.port}/hook?key=of-mine`,
    webhookSecret: 'signing-secret',
    webhookHeaders: { Authorization: 'Bearer of-mine' },
  });
  await using alerting = start(settings);
  await alerting.becomes('store-away', 'redis-away');
  await alerting.becomes();
  await until('all is told', () => webhook.got.length === 2);
  expect(toldBy(webhook.got)).toEqual(['new store-away, new redis-away', 'over redis-away, over store-away']);
  const [{ headers, body } = { headers: {}, body: '' }] = webhook.got;
  const signature = createHmac('sha256', 'signing-secret').update(body).digest('hex');
  expect(headers).toMatchObject({
    authorization: 'Bearer of-mine',
    'content-type': 'application/json',
    'x-wavspool-signature': `sha256=${signature}`,
  });
  expect(JSON.parse(body)).toMatchObject({
    site: 'main',
    problems: [{ since: '2026-11-29T05:00:00.000Z', effect: 'Work waits.', remedy: 'Mend it.' }, {}],
  });
});

test('a receiver that is away loses nothing, over restarts, and gets all of it once and in order', async () => {
  const port = await freePort();
  const { settings } = await settingsWith({ webhook: `http://127.0.0.1:${port}/` });
  {
    await using alerting = start(settings);
    await alerting.becomes('a');
    await until('it was tried', () => reported.includes('alert not sent'));
    await alerting.becomes('a', 'b');
  }
  {
    await using alerting = start(settings);
    await alerting.becomes('b');
  }
  await using webhook = await startWebhook(port);
  await using alerting = start(settings);
  await alerting.becomes();
  await until('all is told', () => webhook.got.length >= 4);
  await alerting.becomes();
  expect(toldBy(webhook.got)).toEqual(['new a', 'new b', 'over a', 'over b']);
  expect(new Set(webhook.got.map(({ headers }) => headers['idempotency-key'])).size).toBe(4);
});

test('who ends while a receiver has not answered sends it again, under the same id', async () => {
  await using webhook = await startWebhook(0, () => (webhook.got.length === 1 ? 'nothing' : { status: 200 }));
  const { settings } = await settingsWith({ webhook: `http://127.0.0.1:${webhook.port}/` });
  {
    await using alerting = start(settings);
    await alerting.becomes('a');
    await until('it has been posted', () => webhook.got.length === 1);
  }
  await using alerting = start(settings);
  await alerting.becomes('a');
  await until('it is posted again', () => webhook.got.length === 2);
  const [first, second] = webhook.got.map(({ headers }) => headers['idempotency-key']);
  expect(second).toBe(first);
});

test.each([[{ status: 500 }], [{ status: 404 }], [{ status: 302, location: 'http://127.0.0.1:1/' }]])(
  'an answer of %j is no delivery: it is reported once, and tried again',
  async (bad) => {
    await using webhook = await startWebhook(0, () => (webhook.got.length < 3 ? bad : { status: 204 }));
    const { settings } = await settingsWith({ webhook: `http://127.0.0.1:${webhook.port}/` });
    const skipping: Clock = { ...hurried, now: () => systemClock.now() + looks * 1_000_000 };
    const alerting = startAlerting({
      settings,
      status: async () => {
        looks += 1;
        return { verdict: { alive: true, attention: [problem('a')], held: [] } };
      },
      clock: skipping,
      report: (event) => reported.push(event),
    });
    await until('it was taken', () => reported.includes('alerts sent again'));
    await alerting.stop();
    expect(toldBy(webhook.got).slice(0, 3)).toEqual(['new a', 'new a', 'new a']);
    expect(reported).toEqual(['alert not sent', 'alerts sent again']);
  },
);

test('a letter goes to each address; one that is refused is reported, and the others have it', async () => {
  await using mail = await startMailServer(0, (address) => address === 'gone@example.com');
  const email = {
    server: `smtp://127.0.0.1:${mail.port}`,
    from: 'wavspool@example.com',
    to: ['ops@example.com', 'gone@example.com'],
  };
  const { settings } = await settingsWith({ email });
  await using alerting = start(settings);
  await alerting.becomes('store-away');
  await until('the letter is there', () => mail.letters.length === 1 && reported.length === 1);
  const [letter] = mail.letters;
  expect(letter).toMatchObject({ from: 'wavspool@example.com', to: ['ops@example.com'] });
  expect(letter?.text).toContain('Subject: wavspool main: new: store-away fails.');
  expect(letter?.text).toContain('What to do: Mend it.');
  expect(reported).toEqual(['alert not sent']);
});

test('a mail server that is away loses nothing', async () => {
  const port = await freePort();
  const email = { server: `smtp://127.0.0.1:${port}`, from: 'w@example.com', to: ['ops@example.com'] };
  const { settings } = await settingsWith({ email });
  {
    await using alerting = start(settings);
    await alerting.becomes('a');
    await until('it was tried', () => reported.includes('alert not sent'));
  }
  await using mail = await startMailServer(port);
  await using alerting = start(settings);
  await alerting.becomes('a');
  await until('the letter is there', () => mail.letters.length === 1);
});

test('where the verdict itself cannot be told, that is told, and nothing counts as over', async () => {
  await using webhook = await startWebhook();
  const { settings } = await settingsWith({ webhook: `http://127.0.0.1:${webhook.port}/` });
  let fails = false;
  const status = async () => {
    looks += 1;
    if (fails) throw new Error('the disks of this host do not answer');
    return { verdict: { alive: true, attention: problems, held: [] } };
  };
  const alerting = startAlerting({ settings, status, clock: hurried, report: () => undefined });
  await becomes('a');
  fails = true;
  await becomes();
  fails = false;
  await becomes('a');
  await until('it is told', () => webhook.got.length === 3);
  await alerting.stop();
  expect(toldBy(webhook.got)).toEqual(['new a', 'new status-unknown', 'over status-unknown']);
});

test('the dashboard tells what its verdict says, and "alerts test" tells whether it arrives', async () => {
  await using webhook = await startWebhook();
  const { settings, file } = await settingsWith({ webhook: `http://127.0.0.1:${webhook.port}/` });
  const of = { clock: systemClock, random: Math.random, report: unheard };
  const ledger = await openSqliteLedger({ file: settings.paths.state, maxRetries: 0, ...of });
  const host = await openMaintenance({ settings, ...of });
  {
    await using dashboard = await startTestDashboard(settings, ledger, host);
    await dashboard.get('/healthz');
    await until('it is told', () => toldBy(webhook.got).join().includes('new role-missing:upload'));
  }
  host.close();
  await ledger.close();
  const tested = await runCommand(['alerts', 'test', '--config', file], { env: {} });
  expect(tested).toMatchObject({ code: 0, stdout: 'ok  webhook\n' });
  expect(toldBy(webhook.got).at(-1)).toBe('new test');
});

test('"alerts test" says which receiver cannot be reached, and that none is named', async () => {
  const port = await freePort();
  const { file } = await settingsWith({ webhook: `http://127.0.0.1:${port}/?key=of-mine` });
  const { code, stdout } = await runCommand(['alerts', 'test', '--config', file], { env: {} });
  expect([code, stdout]).toEqual([1, expect.stringContaining('ECONNREFUSED')]);
  expect(stdout).not.toContain('of-mine');
  const { file: none } = await settingsWith({});
  expect(await runCommand(['alerts', 'test', '--config', none], { env: {} })).toMatchObject({ code: 2 });
});
