import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startFaultProxy } from '../../support/fault-proxy.ts';
import { freePort, until } from '../../support/ports.ts';
import { startRig } from '../../support/rig.ts';
import { startS3 } from '../../support/s3.ts';
import { makeTar } from '../../support/tars.ts';
import { makeWav } from '../../support/wavs.ts';

// A real Prometheus with docs/monitoring.md's settings and our rules scrapes a wavspool whose store is taken away and comes back. Only
// the times are shortened: `promtool test rules` holds those.

interface Api {
  readonly data: {
    readonly activeTargets: readonly { readonly health: string; readonly lastError: string }[];
    readonly groups: readonly { readonly rules: readonly Rule[] }[];
    readonly result: readonly { readonly metric: Readonly<Record<string, string>> }[];
    readonly alerts: readonly { readonly labels: Record<string, string>; readonly state: string }[];
  };
}

interface Dashboard {
  readonly panels: readonly {
    readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
  }[];
}

interface Rule {
  readonly name: string;
  readonly health: string;
  readonly lastError?: string;
}

const QUICKLY = { scrape: 'scrape_interval: 1s', evaluation: 'evaluation_interval: 1s' };

test('Prometheus scrapes /metrics with the read-only token, evaluates every rule, and fires while the store is away', async () => {
  await using s3 = await startS3();
  await using proxy = await startFaultProxy(Number(new URL(s3.endpoint).port));
  const { bucket, accessKeyId, secretAccessKey } = s3;
  const endpoint = `http://127.0.0.1:${proxy.port}`;
  const changes = {
    s3: { bucket, endpoint, accessKeyId, secretAccessKey },
    http: { readOnlyToken: 'only-looks' },
  };
  await using rig = await startRig(undefined, changes, { together: true });
  await using prometheus = await startPrometheus(rig.http);

  await until('the dashboard is scraped', async () => {
    const { activeTargets } = (await prometheus.ask('targets')).data;
    return activeTargets.length === 1 && activeTargets[0]?.health === 'up';
  });
  const rules = async (): Promise<readonly Rule[]> =>
    (await prometheus.ask('rules')).data.groups.flatMap((group) => group.rules);
  await until('every rule was evaluated', async () =>
    (await rules()).every(({ health }) => health !== 'unknown'),
  );
  expect((await rules()).length).toBeGreaterThan(10);
  expect((await rules()).filter(({ health }) => health !== 'ok')).toEqual([]);

  const { panels } = JSON.parse(
    await readFile('infra/monitoring/grafana-dashboard.json', 'utf8'),
  ) as Dashboard;
  let curves = 0;
  for (const { expr, legendFormat } of panels.flatMap(({ targets }) => targets)) {
    const asked = `query?query=${encodeURIComponent(expr.replaceAll('$site', '.*'))}` as const;
    const names = (await prometheus.ask(asked)).data.result.map(({ metric }) =>
      legendFormat.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => metric[label] ?? `no ${label}`),
    );
    curves += names.length;
    expect(new Set(names).size, `${expr}: ${names.join(', ')}`).toBe(names.length);
    expect(names.join(), expr).not.toContain('no ');
  }
  expect(curves).toBeGreaterThan(20);

  const firing = async (): Promise<readonly string[]> =>
    (await prometheus.ask('alerts')).data.alerts
      .filter(({ state }) => state === 'firing')
      .map(({ labels }) => labels['alertname'] ?? '');
  await until('nothing needs attention', async () => (await firing()).length === 0);

  proxy.set({ kind: 'refuse' });
  await rig.land(
    'a.tar',
    makeTar([
      {
        name: 'a.wav',
        body: makeWav({ codec: 'pcm16', sampleRate: 8000, channels: 1, seconds: 1, seed: 1 }),
      },
    ]),
  );
  await until('the alert fires', async () => (await firing()).includes('WavspoolStoreAway'));

  proxy.set({ kind: 'pass' });
  await rig.settled(1);
  await until('it ends', async () => !(await firing()).includes('WavspoolStoreAway'));
});

async function startPrometheus(
  dashboard: string,
): Promise<
  AsyncDisposable & { ask(what: 'targets' | 'rules' | 'alerts' | `query?query=${string}`): Promise<Api> }
> {
  const directory = await mkdtemp(join(tmpdir(), 'wavspool-prometheus-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const rules = await readFile('infra/monitoring/wavspool.rules.yml', 'utf8');
  await writeFile(join(directory, 'wavspool.rules.yml'), rules.replaceAll(/for: \d+[mh]/g, 'for: 0s'));
  await writeFile(join(directory, 'wavspool.token'), 'only-looks');
  const [, shown = ''] =
    /```yaml\n(# prometheus\.yml\n[^]*?)```/.exec(await readFile('docs/monitoring.md', 'utf8')) ?? [];
  const settings = shown
    .replaceAll('/etc/prometheus', directory)
    .replace('127.0.0.1:3000', new URL(dashboard).host);
  expect(settings).toContain(new URL(dashboard).host);
  await writeFile(
    join(directory, 'prometheus.yml'),
    `global: { ${QUICKLY.scrape}, ${QUICKLY.evaluation} }\n${settings}`,
  );
  const port = await freePort();
  const server = spawn(
    'prometheus',
    [
      `--config.file=${join(directory, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: 'ignore' },
  );
  return {
    ask: async (what) => (await fetch(`http://127.0.0.1:${port}/api/v1/${what}`)).json() as Promise<Api>,
    [Symbol.asyncDispose]: async () => {
      if (server.exitCode !== null) return;
      server.kill('SIGTERM');
      await once(server, 'exit');
    },
  };
}
