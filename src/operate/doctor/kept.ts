import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import {
  copyDirectories,
  effectiveDatabases,
  STATE_DATABASE,
  type Settings,
} from '../../platform/config/index.ts';
import { errnoOf, messageOf } from '../../domain/faults.ts';
import { copiesRoom } from './copies-room.ts';
import { directoryFinding } from './directory-finding.ts';
import type { Finding } from './finding.ts';

/** Whether what is to be copied, mirrored and rotated is there, and whether its copies can be written and have room. */
export async function lookAtKept(settings: Settings): Promise<Finding[]> {
  const databases = effectiveDatabases(settings);
  const sources = [
    ...databases
      // `state.db` is made at first start, and has a finding of its own
      .filter(({ path, name }) => name !== STATE_DATABASE && path !== settings.paths.state)
      .map(({ name, path }) => sourceFinding(`database ${name}`, path)),
    ...settings.mirrors.flatMap(({ name, source, sources = {} }) =>
      [...(source === undefined ? [] : [source]), ...Object.values(sources)].map((path) =>
        sourceFinding(`source of the mirror ${name}`, path),
      ),
    ),
    ...settings.logs
      .filter(({ path, missingok }) => !missingok && !/[*?[]/.test(path))
      .map(({ path }) => sourceFinding('log', path)),
  ];
  const targets = copyDirectories(settings);
  const writable = constants.R_OK | constants.W_OK | constants.X_OK;
  return [
    ...(await Promise.all([
      ...sources,
      ...targets.map((dir) => directoryFinding('directory of copies', dir, writable)),
    ])),
    ...(await copiesRoom(settings, targets)),
  ];
}

async function sourceFinding(name: string, path: string): Promise<Finding> {
  try {
    await access(path, constants.R_OK);
    return { name, ok: true, found: path, remedy: '' };
  } catch (error) {
    const remedy =
      errnoOf(error) === 'ENOENT'
        ? 'correct the path in the settings, or make what it names'
        : `give the user of wavspool access to ${path}`;
    return { name, ok: false, found: messageOf(error), remedy };
  }
}
