import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { Secret } from '../../../src/platform/config/index.ts';
import { extractWork, openQueuesNow, uploadJobs } from '../../../src/platform/queue/index.ts';
import { impatientConnection } from '../../../src/platform/redis/index.ts';
import { systemClock } from '../../../src/platform/runtime/index.ts';
import { startRedis } from '../../support/redis.ts';
import { runCommand } from '../../support/run-command.ts';

// What a cluster would say of the manifests where there is none: kustomize puts them together, the types of the Kubernetes API refuse
// what it does not know, and wavspool reads the settings.

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../../..');
const KUBERNETES = join(ROOT, 'infra/kubernetes');
const ROLES = ['watch', 'extract', 'upload', 'maintain', 'dashboard'];

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly [key: string]: unknown;
}

interface Container {
  readonly name: string;
  readonly args?: readonly string[];
  readonly livenessProbe?: { readonly exec?: { readonly command: readonly string[] } };
  readonly securityContext?: Record<string, unknown>;
  readonly volumeMounts: readonly { readonly mountPath: string; readonly readOnly?: boolean }[];
}

interface PodTemplate {
  readonly spec: {
    readonly terminationGracePeriodSeconds: number;
    readonly containers: readonly Container[];
  };
}

async function built(directory: string): Promise<readonly Manifest[]> {
  const { stdout } = await run('kubectl', ['kustomize', join(KUBERNETES, directory)]);
  return parseAllDocuments(stdout).map((document) => document.toJS() as Manifest);
}

const modelsOf = ({ apiVersion }: Manifest): string =>
  apiVersion.startsWith('keda.sh/') ? '@kubernetes-models/keda' : 'kubernetes-models';

/** What the types of the Kubernetes API say of the manifests. */
async function faultsOf(manifests: readonly Manifest[]): Promise<string> {
  const cache = join(ROOT, 'node_modules/.cache');
  await mkdir(cache, { recursive: true });
  const directory = await mkdtemp(join(cache, 'manifests-'));
  try {
    const lines = manifests.flatMap((manifest, at) => [
      `import type { I${manifest.kind} as K${at} } from '${modelsOf(manifest)}/${manifest.apiVersion}';`,
      `export const m${at} = ${JSON.stringify(manifest)} satisfies K${at};`,
    ]);
    const file = join(directory, 'manifests.ts');
    await writeFile(file, lines.join('\n'));
    const options = '--ignoreConfig --noEmit --strict --skipLibCheck --module nodenext --types'.split(' ');
    const { stdout } = await run(join(ROOT, 'node_modules/.bin/tsc'), [...options, 'node', file]).catch(
      (error: unknown) => error as { stdout: string },
    );
    return stdout;
  } finally {
    await rm(directory, { recursive: true });
  }
}

function templateOf(manifests: readonly Manifest[], kind: string, name: string): PodTemplate {
  const found = manifests.find((one) => one.kind === kind && one.metadata.name === name);
  if (found === undefined) throw new Error(`no ${kind} ${name}`);
  return (found['spec'] as { template: PodTemplate }).template;
}

describe('one SFTP host', () => {
  let manifests: readonly Manifest[];
  beforeAll(async () => {
    manifests = await built('base');
  });

  test('the Kubernetes API knows every key, and each has the type that it wants', async () => {
    expect(await faultsOf(manifests)).toBe('');
  });

  test('a misspelt key would be found', async () => {
    const wrong = manifests.map((one) => ({ ...one, spec: { ...(one['spec'] as object), replicaz: 1 } }));
    expect(await faultsOf(wrong.filter(({ kind }) => kind === 'StatefulSet'))).toContain('replicaz');
  });

  test('each role is asked about itself, and nothing else restarts it', () => {
    const { containers } = templateOf(manifests, 'StatefulSet', 'wavspool').spec;
    const roles = containers.filter(({ args }) => args !== undefined);
    expect(roles.map(({ args }) => args)).toEqual(ROLES.map((role) => ['work', role]));
    for (const { args = [], livenessProbe } of roles)
      expect(livenessProbe?.exec?.command).toEqual(['node', 'infra/healthcheck.js', args[1]]);
  });

  test('a role drains before it is killed', async () => {
    const { terminationGracePeriodSeconds } = templateOf(manifests, 'StatefulSet', 'wavspool').spec;
    const settings = parse(await readFile(join(KUBERNETES, 'base/wavspool.yaml'), 'utf8')) as {
      shutdownSeconds: number;
    };
    expect(terminationGracePeriodSeconds).toBe(settings.shutdownSeconds + 15);
  });

  test('only the maintain role and the SFTP server may write where tars land', () => {
    const { containers } = templateOf(manifests, 'StatefulSet', 'wavspool').spec;
    const writers = containers.filter(({ volumeMounts }) =>
      volumeMounts.some(({ mountPath, readOnly }) => mountPath.endsWith('/incoming') && readOnly !== true),
    );
    expect(writers.map(({ name }) => name)).toEqual(['maintain', 'sftp']);
  });

  test('no container gains rights or writes its root', () => {
    for (const { securityContext } of templateOf(manifests, 'StatefulSet', 'wavspool').spec.containers)
      expect(securityContext).toMatchObject({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
      });
  });
});

describe('one site on a disk that nodes share', () => {
  let manifests: readonly Manifest[];
  beforeAll(async () => {
    manifests = await built('keda');
  });

  const deployments = (): readonly Manifest[] => manifests.filter(({ kind }) => kind === 'Deployment');

  test('the Kubernetes API and KEDA know every key, and each has the type that it wants', async () => {
    expect(await faultsOf(manifests)).toBe('');
  });

  test('a misspelt key of KEDA’s would be found', async () => {
    const wrong = manifests.map((one) => ({ ...one, spec: { ...(one['spec'] as object), maxReplicas: 1 } }));
    expect(await faultsOf(wrong.filter(({ kind }) => kind === 'ScaledObject'))).toContain('maxReplicas');
  });

  test('each role is in one place: what Deployments do, the SFTP host does not', () => {
    const kinds = [...deployments(), ...manifests.filter(({ kind }) => kind === 'StatefulSet')];
    const roles = kinds.flatMap(({ kind, metadata }) =>
      templateOf(manifests, kind, metadata.name).spec.containers.flatMap(({ args }) => args?.[1] ?? []),
    );
    expect(roles.toSorted()).toEqual(ROLES.toSorted());
  });

  test('a worker is asked about itself, drains before it is killed, and sees the disks of the site', async () => {
    expect(deployments().map(({ metadata }) => metadata.name)).toEqual([
      'wavspool-extract',
      'wavspool-upload',
    ]);
    for (const { metadata } of deployments()) {
      const { spec } = templateOf(manifests, 'Deployment', metadata.name);
      const [{ args = [], livenessProbe, volumeMounts, securityContext } = noContainer()] = spec.containers;
      expect(livenessProbe?.exec?.command).toEqual(['node', 'infra/healthcheck.js', args[1]]);
      expect(spec.terminationGracePeriodSeconds).toBe((await settingsIn('shared')).shutdownSeconds + 15);
      expect(volumeMounts.map(({ mountPath }) => mountPath)).toEqual(
        expect.arrayContaining(['/incoming', '/extracted']),
      );
      expect(securityContext).toMatchObject({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
      });
    }
  });

  test('a pod of each kind is guarded when nodes are emptied, and the network policy is about all of them', () => {
    const guarded = manifests.flatMap(({ kind, spec }) =>
      kind === 'PodDisruptionBudget' ? [JSON.stringify((spec as Selecting).selector.matchLabels)] : [],
    );
    const templates = manifests.flatMap(({ kind, spec }) =>
      ['Deployment', 'StatefulSet'].includes(kind) ? [(spec as Templated).template.metadata.labels] : [],
    );
    expect(templates).toHaveLength(3);
    for (const { 'app.kubernetes.io/name': name, ...labels } of templates) {
      expect(guarded).toContain(JSON.stringify(labels));
      expect(name).toBe('wavspool');
    }
  });

  test('KEDA counts what waits in the queue that a Deployment works off', async () => {
    await using redis = await startRedis({ appendOnly: 'off' });
    const { site } = await settingsIn('shared');
    const paths = { incoming: '/in', extracted: '/out', state: '/state.db', log: '/log', data: tmpdir() };
    const settings = { site, redis: { url: new Secret(redis.url) }, paths };
    const queues = await openQueuesNow(settings, () => undefined, systemClock);
    const units = ['/out/1.wav', '/out/2.wav', '/out/3.wav'].map(
      (path) => ({ paths: [path], batch: undefined, tarMtimeMs: 1, sizes: [1] }) as const,
    );
    await queues.upload.ensure(uploadJobs(units, 'newest', Date.now()));
    await queues.extract.ensure([extractWork({ path: '/in/a.tar', size: 1, mtimeMs: 1 }, 7)]);
    await queues.close();
    const client = await impatientConnection(settings);
    const waiting = async (name: string): Promise<unknown> => {
      const scaled = manifests.find(
        ({ kind, metadata }) => kind === 'ScaledObject' && metadata.name === name,
      );
      if (scaled === undefined) throw new Error(`no ScaledObject ${name}`);
      const { triggers } = scaled['spec'] as {
        triggers: readonly [{ metadata: { listName: string } }];
      };
      return client.zcard(triggers[0].metadata.listName); // as KEDA does for a key of this type
    };
    expect(await waiting('wavspool-upload')).toBe(3);
    expect(await waiting('wavspool-extract')).toBe(1);
    client.disconnect();
  });
});

interface Selecting {
  readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
}

interface Templated {
  readonly template: { readonly metadata: { readonly labels: Readonly<Record<string, string>> } };
}

function noContainer(): never {
  throw new Error('it has no container');
}

async function settingsIn(directory: string): Promise<{ site: string; shutdownSeconds: number }> {
  return parse(await readFile(join(KUBERNETES, directory, 'wavspool.yaml'), 'utf8')) as {
    site: string;
    shutdownSeconds: number;
  };
}

describe('the settings', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'wavspool-kubernetes-'));
  });
  afterAll(() => rm(directory, { recursive: true }));

  test.each(['base', 'shared'])('wavspool accepts those of %s with what the secret names', async (kind) => {
    const example = await readFile(join(KUBERNETES, 'secret.env.example'), 'utf8');
    const pairs = example.split('\n').flatMap((line) => {
      const [, name, value] = /^([A-Z0-9_]+)=(.*)$/.exec(line) ?? [];
      return name === undefined ? [] : [[name, value === '' ? 'filled-in-by-the-operator' : value] as const];
    });
    const file = join(directory, 'wavspool.yaml');
    await writeFile(file, await readFile(join(KUBERNETES, kind, 'wavspool.yaml')), { mode: 0o600 });
    const env = { PATH: process.env['PATH'], WAVSPOOL_SITE: 'wavspool-0', ...Object.fromEntries(pairs) };
    const ended = await runCommand(['config', 'check', '--config', file], { cwd: directory, env });
    expect(ended).toMatchObject({ code: 0 });
  });
});
