import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { growFile } from '../../platform/runtime/index.ts';
import { FILE_MODE, removeFiles } from './archive.ts';
import { segmentFile, type SegmentName } from './names.ts';

const COPY_BYTES = 4 * 1024 * 1024;

/** The name of the file that holds the records of all of these, which follow each other. */
function mergedName(segments: readonly SegmentName[]): SegmentName {
  const [first] = segments;
  const last = segments.at(-1);
  if (first === undefined || last === undefined) throw new Error('nothing to merge');
  const points = segments.reduce((sum, segment) => sum + segment.points, 0);
  return { first: first.first, last: last.last, from: first.from, to: last.to, points };
}

/**
 * Puts the records of many small files into one, byte for byte, and removes the small ones. A crash in between leaves both;
 * the next start of the shipper removes the small ones.
 */
export async function mergeSegments(
  directory: string,
  segments: readonly SegmentName[],
): Promise<SegmentName> {
  const merged = mergedName(segments);
  const file = await growFile(directory, FILE_MODE);
  try {
    for (const segment of segments) {
      const source = await open(join(directory, segmentFile(segment)), 'r');
      try {
        for await (const chunk of source.createReadStream({ highWaterMark: COPY_BYTES, autoClose: false })) {
          await file.write(chunk as Uint8Array);
        }
      } finally {
        await source.close();
      }
    }
    await file.publish(join(directory, segmentFile(merged)));
  } finally {
    await file.discard();
  }
  await removeFiles(directory, segments.map(segmentFile));
  return merged;
}
