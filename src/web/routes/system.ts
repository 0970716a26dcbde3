import { readFileSync } from 'node:fs';
import type { FastifyInstance } from 'fastify';
import { showSettings } from '../../platform/config/index.ts';
import type { Context } from '../context.ts';

/** `GET /api/system`: the version, and the settings in effect with their sources, secrets masked. */
export function system(server: FastifyInstance, { settings, loaded }: Context): void {
  const manifest = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  server.get('/api/system', () => ({
    version,
    node: process.version,
    settingsFile: loaded?.file ?? null,
    settings: showSettings({ settings, sources: loaded?.sources ?? new Map() }).map(
      ({ path, value, source }) => ({ name: path, value, source }),
    ),
  }));
}
