import { readTar, type TarEnd, type TarMember } from '../../platform/tar/index.ts';
import { stageLinks } from './links.ts';
import { judgeMember, type MemberJudgement } from './member.ts';
import { beginsAsWav, peekBody, WAV_START_BYTES } from './peek-body.ts';
import { readingOf, requireAllowed, stageRecording, write, type Stage, type Staging } from './stage.ts';
import { syncByProgram } from '../../platform/linux/index.ts';
import { unsyncedFiles } from './sync-files.ts';
import { countEntry, countPath, emptyTally, refuse, refuseTheRest, skip, type Tally } from './tally.ts';

/**
 * Writes what is to be taken of a tar under temporary names, hashed and synced; the rest is skipped or refused. `onRaw` sees every
 * byte of the tar. Throws WavspoolError, the system's errors, or the signal's reason.
 */
export async function stageMembers(staging: Staging, onRaw: (chunk: Uint8Array) => void): Promise<Tally> {
  const { deps, tar, directory, scratch, signal } = staging;
  const tally = emptyTally();
  const unsynced = await unsyncedFiles(directory, deps.syncFileSystem ?? syncByProgram, signal);
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

async function stageMember(stage: Stage, member: TarMember, judgement: MemberJudgement): Promise<void> {
  const { tally, tar, scratch, deps, links } = stage;
  switch (judgement.kind) {
    case 'skip':
      if (member.kind !== 'directory') skip(tally, member.name);
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
      else skip(tally, member.name);
    }
  }
}

async function stageBody(
  stage: Stage,
  member: Pick<TarMember, 'name' | 'size'>,
  path: string,
  body: AsyncIterable<Uint8Array>,
): Promise<void> {
  countPath(stage.tally, stage.tar.path, path, stage.deps.limits);
  await requireAllowed(stage, member.size);
  await stageRecording(stage, member.name, path, await write(stage, body));
}
