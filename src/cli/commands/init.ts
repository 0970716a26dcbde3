import { constants } from 'node:fs';
import { access, lstat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Command } from 'commander';
import { WavspoolError, errnoOf, messageOf } from '../../domain/faults.ts';
import { SettingsError, settingsCandidates, settingsOfText } from '../../platform/config/index.ts';
import { growFile } from '../../platform/runtime/index.ts';
import { ask } from '../ask.ts';
import {
  CREDENTIALS,
  DEFAULTS,
  QUESTIONS,
  dataBeside,
  firstSettings,
  whyRefused,
  type Answers,
} from '../first-settings.ts';
import { globalOptions } from '../global-options.ts';
import { howCalled } from '../how-called.ts';
import { interruptible } from '../interruptible.ts';
import { printError, printJson, printLines } from '../output.ts';
import { surroundings } from '../surroundings.ts';

/** Others of the same group read it, as the services' user does; it names no secret. */
const MODE = 0o640;

interface InitFlags extends Partial<Answers> {
  readonly yes?: boolean;
}

/** `init`: the first settings file. */
export function initCommand(program: Command): void {
  program
    .command('init')
    .description('write the first settings file; asks five questions on a terminal, overwrites nothing')
    .option(
      '--data <directory>',
      `where wavspool keeps its own files (${DEFAULTS.data}; ${dataBeside('/etc/')} for a file below /etc)`,
    )
    .option('--landing <directory>', `where the tars land (${DEFAULTS.landing})`)
    .option('--bucket <name>', `which bucket the recordings go to (${DEFAULTS.bucket})`)
    .option('--endpoint <address>', 'the address of the store (AWS)')
    .option('--region <name>', `the region of the bucket (${DEFAULTS.region})`)
    .option('--redis <address>', 'the address of Redis (one of its own)')
    .option('--yes', 'ask nothing')
    .action((flags: InitFlags, command: Command) =>
      interruptible((signal) => init(flags, globalOptions(command), signal)),
    );
}

async function init(
  { yes = false, ...given }: InitFlags,
  { config, json }: { readonly config: string | undefined; readonly json: boolean },
  signal: AbortSignal,
): Promise<void> {
  const { env, cwd, stdin, stderr } = surroundings();
  const file = settingsCandidates(config, env, cwd)[0]?.path ?? '';
  if (file === '') throw new WavspoolError('USAGE', 'the name of the settings file is empty');
  const target: Target = { file, env };
  await requireFree(file); // before five answers are typed in vain
  const told = { ...DEFAULTS, data: dataBeside(file), ...given };
  checked(told, target);
  const isAsked = !yes && stdin.isTTY === true && stderr.isTTY === true;
  const answers = isAsked ? await asked(told, given, target, signal) : told;
  await write(file, firstSettings(answers));
  const next = nextSteps(env, howCalled(env, process.argv[1], cwd), config);
  if (json) printJson({ file, ...answers, next });
  else printLines([`${file}: written`, 'next:', ...next.map((step) => `  ${step}`)]);
}

interface Target {
  readonly file: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Throws USAGE or SettingsError with what is wrong with the answers. */
function checked(answers: Answers, { file, env }: Target): void {
  const refused = whyRefused(answers);
  if (refused !== undefined) throw new WavspoolError('USAGE', `redis: ${refused}`);
  settingsOfText(firstSettings(answers), file, env);
}

/** Asks what no flag has said, each until the settings can hold the answer. */
async function asked(
  told: Answers,
  given: Partial<Answers>,
  target: Target,
  signal: AbortSignal,
): Promise<Answers> {
  let answers = told;
  for (const { name, text, empty } of QUESTIONS) {
    if (given[name] !== undefined) continue;
    for (;;) {
      const offered = answers[name] === '' ? (empty ?? '') : answers[name];
      const answer = await ask(`${text} [${offered}] `, signal);
      const next = answer === '' ? answers : { ...answers, [name]: answer };
      const fault = faultOf(next, target);
      if (fault === undefined) {
        answers = next;
        break;
      }
      printError(`  ${fault}`);
    }
  }
  return answers;
}

function faultOf(answers: Answers, target: Target): string | undefined {
  try {
    checked(answers, target);
    return undefined;
  } catch (error) {
    if (error instanceof SettingsError)
      return error.faults
        .map(
          ({ problem, allowed, found }) =>
            `${found ?? problem}${allowed === undefined ? '' : `; allowed: ${allowed}`}`,
        )
        .join('; ');
    if (error instanceof WavspoolError) return error.message;
    throw error;
  }
}

/** Throws USAGE where something is there, or where nothing can be written. */
async function requireFree(file: string): Promise<void> {
  const there = await lstat(file).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw notWritten(file, error);
  });
  if (there !== undefined) throw isThere(file);
  await access(dirname(file), constants.W_OK).catch((error: unknown) => {
    throw notWritten(file, error);
  });
}

function notWritten(file: string, error: unknown): WavspoolError {
  return new WavspoolError('USAGE', `${file} cannot be written: ${messageOf(error)}`, { cause: error });
}

function isThere(file: string): WavspoolError {
  return new WavspoolError('USAGE', `${file} is there already, and nothing is overwritten`);
}

/** Throws USAGE where a file is there, even one made meanwhile, or where none can be written. */
async function write(file: string, text: string): Promise<void> {
  let written: boolean;
  try {
    const growing = await growFile(dirname(file), MODE);
    try {
      await growing.write(Buffer.from(text));
      written = await growing.publish(file);
    } finally {
      await growing.discard();
    }
  } catch (error) {
    throw notWritten(file, error);
  }
  if (!written) throw isThere(file);
}

function nextSteps(env: Target['env'], called: string, config: string | undefined): readonly string[] {
  const missing = CREDENTIALS.filter((name) => (env[name] ?? env[`${name}_FILE`] ?? '') === '');
  const named = config === undefined ? '' : ` --config ${config}`;
  return [...missing.map((name) => `export ${name}=…`), `${called} doctor${named}`, `${called} up${named}`];
}
