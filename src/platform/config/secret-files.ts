import { readFileSync } from 'node:fs';
import { messageOf } from '../../domain/faults.ts';
import type { Environment } from './environment.ts';

const NAMES = /\$\{([A-Za-z_][A-Za-z0-9_]*)/g;
const SUFFIX = '_FILE';

export interface WithSecretFiles {
  readonly env: Environment;
  /** A sentence for each file that cannot be used; none holds what is in it (P9). */
  readonly problems: readonly string[];
}

/**
 * The environment as the texts of settings files see it: a NAME that they use and that is not set, or is empty, is what stands in
 * the file that `NAME_FILE` names, without the end of its last line. So Docker, Kubernetes and systemd hand secrets over, and none
 * of them shows in a list of processes. Files of names that the texts do not use are not read.
 */
export function withSecretFiles(env: Environment, texts: readonly string[]): WithSecretFiles {
  const used = new Set(texts.flatMap((text) => [...text.matchAll(NAMES)].map(([, name = '']) => name)));
  const found: Record<string, string> = {};
  const problems: string[] = [];
  for (const name of used) {
    const file = env[name + SUFFIX] ?? '';
    if (file === '') continue;
    if ((env[name] ?? '') !== '') {
      problems.push(`${name} and ${name}${SUFFIX} are both set in the environment; set one of them`);
      continue;
    }
    try {
      found[name] = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
    } catch (error) {
      problems.push(`${name}${SUFFIX} names a file that cannot be read: ${messageOf(error)}`);
    }
  }
  return { env: { ...env, ...found }, problems };
}
