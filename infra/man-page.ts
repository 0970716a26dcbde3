// Prints the man page of this checkout's command line: "node infra/man-page.ts >wavspool.1". SOURCE_DATE_EPOCH is its date, else the
// commit's.
import { execFileSync } from 'node:child_process';
import { manPage } from '../src/cli/man-page.ts';
import { loadProgram } from '../src/cli/program.ts';
import { versionOf } from '../src/cli/version.ts';

const top = new URL('..', import.meta.url).pathname;
const { version } = versionOf();
const seconds =
  process.env['SOURCE_DATE_EPOCH'] ??
  execFileSync('git', ['-C', top, 'log', '-1', '--format=%ct'], { encoding: 'utf8' }).trim();
const date = new Date(Number(seconds) * 1000).toISOString().slice(0, 10);
process.stdout.write(manPage(await loadProgram([]), { version, date }));
