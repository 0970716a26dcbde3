import { constants } from 'node:fs';
import { copyFile, rm } from 'node:fs/promises';
import { WavspoolError } from '../../domain/faults.ts';
import { temporaryPath } from '../../platform/runtime/index.ts';
import { readTar } from '../../platform/tar/index.ts';
import { memberPath } from './member.ts';
import { readingOf, requireAllowed, stageRecording, write, type PendingLink, type Stage } from './stage.ts';
import { countBytes, refuse } from './tally.ts';
import type { RecordingSource } from '../../domain/recording.ts';
import type { HashedRecording } from './hash-recording.ts';
import type { WrittenRecording } from './write-recording.ts';

// A hard link in a tar is the bytes of a member that stands before it. They are copied: no link is ever made of it (P8).

interface Source {
  /** Recordings before it, with itself. */
  readonly after: number;
  readonly recording: Linked;
}

/** What a link points to: a file that was written, or a part of the tar. */
interface Linked extends HashedRecording {
  readonly temporary: string | undefined;
  readonly source?: RecordingSource | undefined;
}

/** Stages a copy of what each link points to; a link whose target does not stand before it is refused. */
export async function stageLinks(stage: Stage): Promise<void> {
  const sources = recordingsWanted(stage);
  const others: PendingLink[] = [];
  for (const link of stage.links) {
    const source = latest(sources.get(link.target) ?? [], link.after);
    if (source === undefined) {
      others.push(link);
      continue;
    }
    const recording = await stageCopy(stage, link, source.recording);
    sources.set(link.path, [...(sources.get(link.path) ?? []), { after: link.after, recording }]);
  }
  if (others.length > 0) await stageFromOthers(stage, others);
}

function latest(sources: readonly Source[], after: number): Source | undefined {
  return sources.reduce<Source | undefined>(
    (best, one) => (one.after <= after && one.after >= (best?.after ?? 0) ? one : best),
    undefined,
  );
}

/** The recordings that links point to, by their paths. */
function recordingsWanted({ scratch, links }: Stage): Map<string, Source[]> {
  const sources = new Map<string, Source[]>(links.map(({ target }) => [target, []]));
  for (const page of scratch.staged())
    for (const { seq, recording } of page)
      sources.get(recording.relativePath)?.push({ after: seq, recording });
  return sources;
}

async function stageCopy(stage: Stage, link: PendingLink, source: Linked): Promise<WrittenRecording> {
  const { directory, tally, tar, deps, signal } = stage;
  await stage.yieldTurn();
  signal.throwIfAborted();
  await requireAllowed(stage, source.size);
  if (source.temporary === undefined) return stageFromTar(stage, link, source);
  await stage.prepare();
  countBytes(tally, tar.path, source.size, deps.limits);
  const { size, sha256, wav } = source;
  const recording = { size, sha256, wav, temporary: temporaryPath(directory) };
  // oxlint-disable-next-line no-bitwise -- flags of copyFile
  const flags = constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE;
  try {
    await copyFile(source.temporary, recording.temporary, flags);
  } catch (error) {
    await rm(recording.temporary, { force: true });
    throw error;
  }
  await stageRecording(stage, link.member, link.path, recording);
  return recording;
}

/** Writes a copy of a recording that stays in the tar. */
async function stageFromTar(
  stage: Stage,
  link: PendingLink,
  { source, size, sha256 }: Linked,
): Promise<WrittenRecording> {
  if (source === undefined) throw new Error(`${link.target} lies nowhere`);
  const bytes =
    size === 0
      ? []
      : stage.file.createReadStream({
          autoClose: false,
          start: source.offset,
          end: source.offset + size - 1,
        });
  const recording = await write(stage, bytes as AsyncIterable<Uint8Array>);
  await stageRecording(stage, link.member, link.path, recording);
  if (recording.sha256 !== sha256)
    throw new WavspoolError('TAR_CHANGED', `${stage.tar.path} changed while it was read`);
  return recording;
}

/** Reads the tar again for members that are no recordings by their name, to which a link gives one. */
async function stageFromOthers(stage: Stage, links: readonly PendingLink[]): Promise<void> {
  const waiting = new Map<string, PendingLink[]>();
  for (const link of links) waiting.set(link.target, [...(waiting.get(link.target) ?? []), link]);
  const found = new Map<PendingLink, WrittenRecording>();
  const temporaries: string[] = [];
  try {
    let entry = 0;
    for await (const { name, kind, size, body } of readTar(stage.tar.path, readingOf(stage))) {
      await stage.yieldTurn();
      entry += 1;
      const behind = (waiting.get(memberPath(name)) ?? []).filter((link) => link.entry > entry);
      if (kind !== 'file' || behind.length === 0) continue;
      await requireAllowed(stage, size);
      const written = await write(stage, body);
      temporaries.push(written.temporary);
      for (const link of behind) found.set(link, written);
    }
    for (const link of links) {
      const source = found.get(link);
      if (source !== undefined) await stageCopy(stage, link, source);
      else {
        const reason = `it is a hard link to ${link.target}, which does not stand before it in the tar`;
        refuse(stage.tally, stage.scratch, stage.tar.path, link.member, reason);
      }
    }
  } finally {
    for (const temporary of temporaries) await rm(temporary, { force: true });
  }
}
