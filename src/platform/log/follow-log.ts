import { open, stat, type FileHandle } from 'node:fs/promises';
import type { Clock } from '../runtime/index.ts';
import { eventOf, timeOfId, unlessAbsent, type LoggedEvent } from './logged-events.ts';
import { linesBackwards } from './read-backwards.ts';

// The roles are processes of their own, and all append to one log file: a process that wants to hear all of them reads along there.
//
// 1. What is behind the place that was read is read in chunks, line by line.
// 2. With each read the bytes in front of that place are read again and compared: when they have changed, the file was emptied, or what it
//    began with was cut off. Then the last event that was told is looked for from the end, and what follows it is told.
// 3. When the name leads to another file, the old one is read to its end first.
// What a rotation by a copy cuts off between two looks is in its archive only, and so is a log that is renamed before it was opened.

const LOOK_MS = 250;
const CHUNK_BYTES = 64 * 1024;
/** A longer line is none of ours. */
const LONGEST_LINE_BYTES = 4 * 1024 * 1024;
/** So much in front of the place that was read tells whether the file is still the one that was read. */
const MARK_BYTES = 128;
/** Who was away for longer than this many events is told the latest of them. */
const MOST_MISSED = 10_000;
const NEWLINE = 0x0a;

export interface Following {
  readonly clock: Clock;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** The id of the last event that is known; what came since is told first. Without it, only what comes. */
  readonly after?: string;
}

/**
 * The events that all roles of this host log, in the order of the file, until the signal aborts. A file that is not there yet is
 * waited for; one that is no regular file is never read. It takes in no more than it is asked for, however slow the reader is.
 * Throws what the file system says of a log that cannot be read.
 */
export async function* followLog(
  file: string,
  { clock, signal, after }: Following,
): AsyncGenerator<LoggedEvent, void, undefined> {
  let last = after;
  let isFirst = true;
  while (!signal.aborted) {
    const handle = await openRegular(file);
    if (handle === undefined) {
      isFirst = false; // what is begun later is new from its first line on
      await clock.sleep(LOOK_MS, signal);
      continue;
    }
    try {
      const { size } = await handle.stat();
      const from = isFirst ? size : 0;
      isFirst = false;
      for await (const event of followFile(file, handle, { from, last, clock, signal })) {
        last = event.id;
        yield event;
      }
    } finally {
      await handle.close();
    }
  }
}

interface Place {
  /** Bytes that need not be read; what is behind `last` in front of them is told all the same. */
  readonly from: number;
  readonly last: string | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** The events of one file, until its name leads to another one and it is read to its end. */
async function* followFile(
  file: string,
  handle: FileHandle,
  { from, last, clock, signal }: Place,
): AsyncGenerator<LoggedEvent, void, undefined> {
  const reader = createLineReader(handle);
  let told = last;
  const catchUp = async (size: number): Promise<readonly LoggedEvent[]> => {
    const missed = told === undefined ? [] : await eventsAfter(handle, size, told);
    await reader.moveTo(size);
    return missed;
  };
  let events = from > 0 ? await catchUp(from) : [];
  for (;;) {
    for (const event of events) {
      told = event.id;
      yield event;
    }
    if (signal.aborted) return;
    const isMoved = await isAnother(file, handle);
    const read = await reader.next();
    if (read === 'end' && isMoved) return;
    if (read === 'end') await clock.sleep(LOOK_MS, signal);
    if (read === 'another text') events = await catchUp((await handle.stat()).size);
    else events = read === 'end' ? [] : read.map(eventOf).filter((event) => event !== undefined);
  }
}

/** What stands behind the event `id` in the first `size` bytes, in their order; behind its time where it is gone. */
async function eventsAfter(handle: FileHandle, size: number, id: string): Promise<readonly LoggedEvent[]> {
  const knownAt = timeOfId(id);
  const found: LoggedEvent[] = [];
  for await (const line of linesBackwards(handle, size)) {
    const event = eventOf(line);
    if (event === undefined) continue;
    if (event.id === id || !(event.at >= knownAt) || found.length >= MOST_MISSED) break;
    found.push(event);
  }
  return found.toReversed();
}

interface LineReader {
  /** The place behind the last newline of the first `size` bytes. */
  moveTo(size: number): Promise<void>;
  /** The lines of the next chunk, unless in front of it stands another text than was read there. */
  next(): Promise<readonly string[] | 'end' | 'another text'>;
}

function createLineReader(handle: FileHandle): LineReader {
  let position = 0;
  let rest: Buffer = Buffer.alloc(0);
  let mark: Buffer = Buffer.alloc(0);
  const read = async (from: number, bytes: number): Promise<Buffer> => {
    const buffer = Buffer.alloc(bytes);
    const { bytesRead } = await handle.read(buffer, 0, bytes, from);
    return buffer.subarray(0, bytesRead);
  };
  return {
    moveTo: async (size) => {
      const from = Math.max(0, size - CHUNK_BYTES);
      const before = await read(from, size - from);
      rest = Buffer.from(before.subarray(before.lastIndexOf(NEWLINE) + 1));
      mark = Buffer.from(before.subarray(-MARK_BYTES));
      position = from + before.length;
    },
    next: async () => {
      // in one read: the file may be emptied and written anew at any moment
      const again = await read(position - mark.length, mark.length + CHUNK_BYTES);
      if (!again.subarray(0, mark.length).equals(mark)) return 'another text';
      const chunk = again.subarray(mark.length);
      if (chunk.length === 0) return 'end';
      position += chunk.length;
      mark = Buffer.concat([mark, chunk]).subarray(-MARK_BYTES);
      const all = Buffer.concat([rest, chunk]);
      const end = all.lastIndexOf(NEWLINE) + 1;
      rest = all.length - end > LONGEST_LINE_BYTES ? Buffer.alloc(0) : all.subarray(end);
      return end === 0 ? [] : all.toString('utf8', 0, end - 1).split('\n');
    },
  };
}

async function isAnother(file: string, handle: FileHandle): Promise<boolean> {
  const named = await stat(file).catch(unlessAbsent);
  if (named === undefined) return false; // it is about to be begun anew; until then lines go into the old one
  const { dev, ino } = await handle.stat();
  return named.ino !== ino || named.dev !== dev;
}

/** Undefined for what is not there, and for a device or a pipe: reading those would take what is meant for others. */
export async function openRegular(file: string): Promise<FileHandle | undefined> {
  const named = await stat(file).catch(unlessAbsent);
  if (named?.isFile() !== true) return undefined;
  return open(file, 'r').catch(unlessAbsent);
}
