import { readFile, readlink, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { unlessGone } from '../../domain/faults.ts';
import type { Directory } from './directory.ts';
import { isWithin } from '../runtime/index.ts';
import { parseMounts, type Mount } from './mounts.ts';

/** A directory as the mounts show it. */
export interface Located {
  /** Its path, links resolved. */
  readonly path: string;
  /** The mount that it was reached through. */
  readonly mount: string;
}

/**
 * Where `target`, or a part of it, is seen in or below `directory`: at its own path, or through a bind mount. Undefined when
 * it is not. What a network or FUSE file system shows of it under another device cannot be told. Throws what the system says.
 */
export async function seenBelow(directory: Directory, target: Directory): Promise<string | undefined> {
  const mounts = parseMounts(await readFile('/proc/self/mountinfo', 'utf8'));
  const places = candidates(mounts, await located(directory), await located(target));
  for (const { shown, real } of places) {
    const [one, other] = await Promise.all([stat(shown).catch(unlessGone), stat(real).catch(unlessGone)]);
    if (one !== undefined && one.dev === other?.dev && one.ino === other.ino) return shown;
  }
  return undefined;
}

async function located({ fd }: Directory): Promise<Located> {
  const info = await readFile(`/proc/self/fdinfo/${fd}`, 'latin1');
  const mount = /^mnt_id:\s*(\d+)$/m.exec(info)?.[1] ?? '';
  return { path: await readlink(`/proc/self/fd/${fd}`), mount };
}

/** A path at which it would be seen, and the path that has to be the same directory for that. */
export interface Candidate {
  readonly shown: string;
  readonly real: string;
}

/** Every path at or below `directory` that would show `target`, or a part of it, if nothing else is mounted over it. */
export function candidates(
  mounts: readonly Mount[],
  directory: Located,
  target: Located,
): readonly Candidate[] {
  const ofTarget = mounts.find(({ id }) => id === target.mount);
  if (ofTarget === undefined) return [];
  const targetInside = join(ofTarget.root, relative(ofTarget.point, target.path));
  return mounts.flatMap((mount) => {
    if (mount.device !== ofTarget.device) return [];
    const isOwn = mount.id === directory.mount;
    if (!isOwn && !isWithin(directory.path, mount.point)) return [];
    // what of the file system is seen, and where
    const inside = isOwn ? join(mount.root, relative(mount.point, directory.path)) : mount.root;
    const point = isOwn ? directory.path : mount.point;
    if (isWithin(inside, targetInside))
      return [{ shown: join(point, relative(inside, targetInside)), real: target.path }];
    // a part of the target is mounted there
    if (!isOwn && isWithin(targetInside, inside))
      return [{ shown: point, real: join(target.path, relative(targetInside, inside)) }];
    return [];
  });
}
