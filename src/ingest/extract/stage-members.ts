import { readTar, type TarEnd, type TarMember } from '../../platform/tar/index.ts';
import { stageLinks } from './links.ts';
import { judgeMember, type MemberJudgement } from './member.ts';
import { beginsAsWav, peekBody, WAV_START_BYTES } from './peek-body.ts';
import { hashRecording } from './hash-recording.ts';
import { readingOf, requireAllowed, stageRecording, write, type Stage, type Staging } from './stage.ts';
import { syncByProgram } from '../../platform/linux/index.ts';
import { unsyncedFiles, type UnsyncedFiles } from './sync-files.ts';
import {
  countBytes,
  countEntry,
  countPath,
  emptyTally,
  refuse,
  refuseTheRest,
  requireSize,
  skip,
  type Tally,
} from './tally.ts';

/**
 * Writes what is to be taken of a tar under temporary names, hashed and synced; with `extract.copy: false` what stands in it as it is
 * stays there, hashed. The rest is skipped or refused. `onRaw` sees every
 * byte of the tar. Throws WavspoolError, the system's errors, or the signal's reason.
 */
export async function stageMembers(staging: Staging, onRaw: (chunk: Uint8Array) => void): Promise<Tally> {
  const { deps, tar, directory, scratch, signal } = staging;
  const tally = emptyTally();
  const unsynced = lazily(() => unsyncedFiles(directory, deps.syncFileSystem ?? syncByProgram, signal));
  const stage: Stage = { ...staging, tally, unsynced, checked: { bytes: 0, inodes: 0 }, links: [] };
  const onEnd = (end: TarEnd): void => void (tally.end = end);
  for await (const member of readTar(tar.path, { ...readingOf(staging), onRaw, onEnd })) {
    await staging.yieldTurn();
    signal.throwIfAborted();
    countEntry(tally, tar.path, deps.limits);
    await stageMember(stage, member, judgeMember(member));
  }
  if (stage.links.length > 0) await stageLinks(stage);
  refuseTheRest(tally, scratch, tar.path);
  await unsynced.sync();
  return tally;
}

/** Not before there is a file, for there may be none. */
function lazily(open: () => Promise<UnsyncedFiles>): UnsyncedFiles {
  let opened: Promise<UnsyncedFiles> | undefined;
  return {
    add: async (path, bytes) => (await (opened ??= open())).add(path, bytes),
    sync: async () => (await opened)?.sync(),
  };
}

async function stageMember(stage: Stage, member: TarMember, judgement: MemberJudgement): Promise<void> {
  const { tally, tar, scratch, deps, links } = stage;
  switch (judgement.kind) {
    case 'skip':
      if (member.kind !== 'directory') skip(tally, member.name, judgement.reason);
      return;
    case 'refuse':
      refuse(tally, scratch, tar.path, member.name, judgement.reason);
      return;
    case 'link': {
      const { path, target } = judgement;
      countPath(tally, tar.path, path, deps.limits);
      tally.nameBytes += Buffer.byteLength(target);
      links.push({ member: member.name, path, target, after: tally.staged, entry: tally.entries });
      return;
    }
    case 'take': {
      const { body } = member;
      if (!judgement.mustBeWav) return stageBody(stage, member, judgement.path, body);
      const peeked = await peekBody(body, WAV_START_BYTES);
      if (beginsAsWav(peeked.start)) await stageBody(stage, member, judgement.path, peeked.body);
      else skip(tally, member.name, 'it is named as an AppleDouble file and does not begin as a WAV');
    }
  }
}

async function stageBody(
  stage: Stage,
  member: Pick<TarMember, 'name' | 'size' | 'offset'>,
  path: string,
  body: AsyncIterable<Uint8Array>,
): Promise<void> {
  const { tally, tar, deps } = stage;
  countPath(tally, tar.path, path, deps.limits);
  if (!deps.limits.copy && member.offset !== undefined) {
    await stageInPlace(stage, { name: member.name, size: member.size, offset: member.offset }, path, body);
    return;
  }
  await requireAllowed(stage, member.size);
  await stageRecording(stage, member.name, path, await write(stage, body));
}

/** Hashes a recording that stays in the tar. */
async function stageInPlace(
  { tally, tar, deps, scratch }: Stage,
  { name: member, size, offset }: { readonly name: string; readonly size: number; readonly offset: number },
  relativePath: string,
  body: AsyncIterable<Uint8Array>,
): Promise<void> {
  requireSize(tally, tar.path, size, deps.limits);
  const hashed = await hashRecording(body, ({ length }) => countBytes(tally, tar.path, length, deps.limits));
  tally.staged += 1;
  tally.inTar.recordings += 1;
  tally.inTar.bytes += hashed.size;
  const source = { tar: tar.path, offset };
  scratch.stage({ ...hashed, member, relativePath, temporary: undefined, source });
}
