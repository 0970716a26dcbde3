import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Secret, type Settings } from '../platform/config/index.ts';
import { WavspoolError, errnoOf, messageOf } from '../domain/faults.ts';
import { makeDirectory, writeDurably } from '../platform/runtime/index.ts';

export interface DashboardToken {
  readonly token: Secret;
  /** True when it did not exist before: it was never shown yet. */
  readonly isNew: boolean;
}

/**
 * The token that opens the dashboard: that of the settings, else the one in `<paths.data>/dashboard.token`, which is made
 * (0600) when it is not there. Throws FILE_UNREADABLE.
 */
export async function dashboardToken(settings: {
  readonly http: Pick<Settings['http'], 'token'>;
  readonly paths: Pick<Settings['paths'], 'data'>;
}): Promise<DashboardToken> {
  if (settings.http.token !== undefined) return { token: settings.http.token, isNew: false };
  const path = join(settings.paths.data, 'dashboard.token');
  try {
    const known = await readToken(path);
    if (known !== undefined) return { token: new Secret(known), isNew: false };
    await makeDirectory(settings.paths.data);
    const made = randomBytes(24).toString('base64url');
    await writeDurably(path, `${made}\n`, 0o600);
    return { token: new Secret(made), isNew: true };
  } catch (error) {
    throw new WavspoolError('FILE_UNREADABLE', `the dashboard's token in ${path}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

async function readToken(path: string): Promise<string | undefined> {
  try {
    const token = (await readFile(path, 'utf8')).trim();
    return token === '' ? undefined : token; // an empty token would let everyone in
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
