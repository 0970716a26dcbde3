import { join, relative } from 'node:path';
import { isWithin } from '../runtime/index.ts';

/** A mounted file system, or a part of one. */
export interface Mount {
  readonly id: string;
  /** The id of the one that it is mounted in. */
  readonly parent: string;
  /** major:minor of the file system. */
  readonly device: string;
  /** The directory of the file system that is mounted. */
  readonly root: string;
  /** Where it is seen. */
  readonly point: string;
  readonly type: string;
  /** What was mounted: a device, a share, or a word of its own. */
  readonly source: string;
}

/** The lines of /proc/self/mountinfo. */
export function parseMounts(text: string): readonly Mount[] {
  return text.split('\n').flatMap((line) => {
    const [id, parent, device, root, point, ...more] = line.split(' ');
    if (id === undefined || parent === undefined || device === undefined) return [];
    if (root === undefined || point === undefined) return [];
    // options of the mount, as many as there are, end with a dash
    const [type = '', source = ''] = more.slice(more.indexOf('-') + 1);
    return [
      { id, parent, device, root: unescaped(root), point: unescaped(point), type, source: unescaped(source) },
    ];
  });
}

/** Spaces, tabs, line ends and backslashes stand there as octal digits. */
function unescaped(path: string): string {
  return path.replaceAll(/\\([0-7]{3})/g, (_all, digits: string) =>
    String.fromCodePoint(Number.parseInt(digits, 8)),
  );
}

/**
 * The mount that really brings what is seen at that one: a directory that is mounted onto itself, as `ReadWritePaths=` of a systemd unit
 * does it, is what would be seen without.
 */
export function realMount(mounts: readonly Mount[], mount: Mount): Mount {
  const parent = mounts.find(({ id }) => id === mount.parent);
  if (parent === undefined || parent === mount || parent.device !== mount.device) return mount;
  if (!isWithin(parent.point, mount.point)) return mount;
  const isItself = join(parent.root, relative(parent.point, mount.point)) === mount.root;
  return isItself ? realMount(mounts, parent) : mount;
}
