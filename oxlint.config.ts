import { readdirSync } from 'node:fs';
import { defineConfig, type OxlintOverride } from 'oxlint';

// The architecture as lint: which wing may import which, what a folder offers, and the one home of each library.

/** What each wing may know besides itself: those that stand below it. */
const WINGS: Record<string, readonly string[]> = {
  domain: [],
  platform: ['domain'],
  ingest: ['domain', 'platform'],
  maintenance: ['domain', 'platform'],
  operate: ['domain', 'platform', 'ingest', 'maintenance'],
  web: ['domain', 'platform', 'ingest', 'maintenance', 'operate'],
  process: ['domain', 'platform', 'ingest', 'maintenance', 'operate', 'web'],
  cli: ['domain', 'platform', 'ingest', 'maintenance', 'operate', 'web', 'process'],
};

const foldersOf = (directory: string): readonly string[] =>
  readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);

/** The folders that offer an index.ts, by wing; the names differ over all wings. */
const FOLDERS: readonly (readonly [wing: string, folder: string])[] = Object.keys(WINGS).flatMap((wing) =>
  foldersOf(`src/${wing}`)
    // each role is loaded alone: one would bring along the others' libraries
    .filter((folder) => !(wing === 'process' && folder === 'roles') && !['cli', 'web'].includes(wing))
    .map((folder) => [wing, folder] as const),
);

const HOMES: Record<string, readonly string[]> = {
  bullmq: ['queue'],
  ioredis: ['redis', 'queue'],
  'better-sqlite3': ['sqlite'],
  '@aws-sdk/client-s3': ['s3'],
  '@smithy/node-http-handler': ['s3'],
  chokidar: ['arrival'],
  picomatch: ['arrival'],
  re2js: ['pattern'],
  zod: ['config', 'queue', 'web', 'mirror', 'point-in-time', 'receipt', 'restore', 'record', 'logrotate'],
  yaml: ['config'],
  leven: ['config'],
  pino: ['log'],
  'cron-parser': ['jobs'],
  fastify: ['web'],
  'prom-client': ['metrics'],
  commander: ['cli'],
  'cli-progress': ['cli'],
  'cli-table3': ['cli'],
  preact: ['web'],
  '@preact/signals': ['web'],
  htm: ['web'],
  uplot: ['web'],
  tar: ['fetch'],
  nodemailer: ['alerts'],
  pg: ['state'],
};

/** A value that is imported from it costs every start 40 ms. */
const HTTP = { name: 'node:http', message: 'runtime offers http', allowTypeImports: true };

interface ImportRule {
  paths: { name: string; message: string; allowTypeImports?: boolean }[];
  patterns: { group: string[]; message: string }[];
}

const imports = (wing = '', own = ''): ['error', ImportRule] => [
  'error',
  {
    paths: [
      ...Object.entries(HOMES)
        .filter(([, homes]) => !homes.includes(own === '' ? wing : own))
        .map(([name, homes]) => ({ name, message: `its home is ${homes.join(', ')}` })),
      ...(wing === '' ? [] : [HTTP]),
    ],
    patterns: [
      { group: ['**/workers/**'], message: 'nothing imports an entry point' },
      ...Object.keys(WINGS)
        .filter((other) => wing !== '' && other !== wing && !WINGS[wing]?.includes(other))
        .map((other) => ({ group: [`**/${other}/**`], message: `src/${wing} must not know src/${other}` })),
      ...FOLDERS.filter(([, folder]) => folder !== own).map(([at, folder]) => ({
        group: [`**/${folder}/**`, `!**/${folder}/index.ts`],
        message: `src/${at}/${folder} offers its index.ts`,
      })),
    ],
  },
];

/** How many branches a function may have, and lines; oxlint counts each ?? and ?. as a branch. */
const budgets = (branches: number, lines: number): NonNullable<OxlintOverride['rules']> => ({
  complexity: ['error', branches],
  'max-lines-per-function': ['error', { max: lines, skipComments: true, skipBlankLines: true }],
});

const time = ['Date', 'setTimeout', 'setInterval'].map((name) => ({
  name,
  message: 'time comes in as an argument or a Clock',
}));

export default defineConfig({
  plugins: ['typescript', 'import', 'node', 'promise', 'unicorn'],
  options: { typeAware: true },
  ignorePatterns: ['node_modules', 'data', '.demo', 'coverage'],
  categories: { correctness: 'error', suspicious: 'error' },
  rules: {
    'no-restricted-imports': imports(),
    'no-restricted-globals': ['error', ...time],
    'no-restricted-properties': ['error', { object: 'Math', property: 'random' }],
    // types too: a reader follows them as he follows calls
    'import/no-cycle': ['error', { ignoreTypes: false }],
    'import/no-default-export': 'error',
    'typescript/switch-exhaustiveness-check': 'error',
    'typescript/return-await': ['error', 'in-try-catch'],
    'typescript/no-misused-promises': 'error',
    'typescript/only-throw-error': 'error',
    'typescript/no-explicit-any': 'error',
    'typescript/no-non-null-assertion': 'error',
    'preserve-caught-error': 'error',
    'no-empty': 'error',
    'no-console': 'error',
    'node/no-process-env': 'error',
    'max-lines': ['error', { max: 400, skipComments: true, skipBlankLines: true }],
    // a factory that returns its methods counts as one function with all of them
    ...budgets(12, 60),
    'import/no-unassigned-import': ['error', { allow: ['**/require-node.js'] }],
    // the messages here go to threads and child processes, which have no origin
    'unicorn/require-post-message-target-origin': 'off',
    // reporting from inside a callback is what .catch is for
    'promise/no-promise-in-callback': 'off',
    // it flags `import z from` and friends where the library itself documents that form
    'import/no-named-as-default-member': 'off',
    // awaiting one step after the other is what most loops here are for
    'no-await-in-loop': 'off',
    // rows and JSON come without a type from SQLite and Redis: their shape is asserted once, where they come in
    'typescript/no-unsafe-type-assertion': 'off',
    // a shadowed name in a short closure reads better than an invented one
    'no-shadow': 'off',
  },
  overrides: [
    ...Object.keys(WINGS).map((wing) => ({
      files: [`src/${wing}/**`],
      rules: { 'no-restricted-imports': imports(wing) },
    })),
    ...FOLDERS.map(([wing, folder]) => ({
      files: [`src/${wing}/${folder}/**`],
      rules: { 'no-restricted-imports': imports(wing, folder) },
    })),
    {
      files: ['src/platform/runtime/**', 'test/**', 'infra/**', 'bench/**'],
      rules: { 'no-restricted-globals': 'off', 'no-restricted-properties': 'off' },
    },
    // src/process/up sets what its roles inherit, an audit's process reads the settings as a role does, child-environment.ts keeps what other programs get
    {
      files: [
        'src/platform/config/**',
        'src/process/up/up.ts',
        'src/process/audit/audit-in-process.ts',
        'src/process/audit/audit-process.ts',
        'src/platform/runtime/child-environment.ts',
        'src/platform/runtime/service-manager.ts',
        'test/**',
        'infra/**',
        'bench/**',
        // hands its whole environment on to the Node that takes its place
        'src/platform/runtime/require-node.js',
      ],
      rules: { 'node/no-process-env': 'off' },
    },
    {
      files: ['src/cli/output.ts', 'infra/**', 'bench/**', 'test/fuzz/**', 'test/chaos/**', 'test/soak/**'],
      rules: { 'no-console': 'off' },
    },
    {
      files: ['test/**', 'infra/**', 'bench/**', 'bin/**', 'workers/**'],
      rules: {
        'no-restricted-imports': 'off',
        'max-lines-per-function': 'off',
        complexity: ['error', 15], // a model that a property compares with stands in one piece
        'typescript/no-non-null-assertion': 'off',
      },
    },
    {
      files: ['src/web/console/**'],
      rules: {
        // a page lives by its browser's clock; its tests drive a real browser
        'no-restricted-globals': 'off',
      },
    },
    { files: ['*.config.ts'], rules: { 'import/no-default-export': 'off' } },
  ],
});
