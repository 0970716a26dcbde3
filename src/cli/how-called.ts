import { existsSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What to type before a command so that it starts as this one did: `wavspool` is on the PATH of those alone who installed it.
 * `program` is the file that Node runs.
 */
export function howCalled(
  env: Readonly<Record<string, string | undefined>>,
  program: string | undefined,
  cwd: string,
): string {
  if (env['npm_command'] === 'exec') return 'npx wavspool';
  const isCheckout = program === join(cwd, 'bin/wavspool.js') && existsSync(join(cwd, '.git'));
  return env['npm_lifecycle_event'] === 'wavspool' || isCheckout ? 'npm run -s wavspool --' : 'wavspool';
}
