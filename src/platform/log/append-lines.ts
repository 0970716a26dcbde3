import { closeSync, fstatSync, mkdirSync, openSync, statSync, writeSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';

/** Lines that are appended to a file. */
export interface AppendedLines {
  /** Never throws: what cannot be written is lost, and `told` of. */
  write(line: string): void;
  close(): void;
}

/**
 * Appends lines to `file`, each at once. When another program renames the file, as logrotate does by default, lines must not follow it into
 * the archive, which may be compressed and removed any moment: a look at the name before each line (3 µs) costs less than that. While
 * the file cannot be opened anew, the lines go where the ones before them went. `told` hears of trouble once, until it is over.
 */
export function appendLines(file: string, told: (trouble: string) => void): AppendedLines {
  let descriptor: number | undefined;
  let isTold = false;
  let isCut = false;

  const tell = (error: unknown): void => {
    if (!isTold) told(String(error));
    isTold = true;
  };

  const open = (): void => {
    const named = statSync(file, { throwIfNoEntry: false });
    if (descriptor !== undefined && isThatFile(named, file, fstatSync(descriptor))) return;
    const before = descriptor;
    if (before === undefined) mkdirSync(dirname(file), { recursive: true, mode: 0o750 });
    descriptor = openSync(file, 'a', 0o640);
    isCut = false;
    if (before !== undefined) closeSync(before);
  };

  return {
    write: (line) => {
      let isWell = true;
      try {
        open();
      } catch (error) {
        tell(error);
        isWell = false;
      }
      if (descriptor === undefined) return;
      // the end of the disk may have cut the line before
      const bytes = Buffer.from(isCut ? `\n${line}` : line);
      let written = 0;
      try {
        while (written < bytes.length) written += writeSync(descriptor, bytes, written);
        isCut = false;
        if (isWell) isTold = false;
      } catch (error) {
        isCut ||= written > 0;
        tell(error);
      }
    },
    close: () => {
      if (descriptor !== undefined) closeSync(descriptor);
      descriptor = undefined;
    },
  };
}

/** Whether lines go on into the file that is written to: it has its name still, or its disk is away, whose place is no place for them. */
function isThatFile(named: Stats | undefined, file: string, written: Stats): boolean {
  if (named !== undefined) return named.ino === written.ino && named.dev === written.dev;
  return statSync(dirname(file)).dev !== written.dev;
}
