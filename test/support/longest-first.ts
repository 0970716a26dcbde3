import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The files that take longest, the longest first: what starts last decides when a run ends. */
const LONGEST = [
  'test/fault/P2.test.ts',
  'test/e2e/examples/portfolio.test.ts',
  'test/fault/P10-kills.test.ts',
  'test/fault/P7.test.ts',
  'test/service/snapshot.test.ts',
  'test/fault/P1.test.ts',
  'test/fault/P1-disk.test.ts',
  'test/e2e/examples/spaces.test.ts',
  'test/e2e/examples/sftp-recordings.test.ts',
  'test/service/console.test.ts',
  'test/service/redis-failover.test.ts',
  'test/service/redis-swaps.test.ts',
  'test/service/commands.test.ts',
  'test/service/batches.test.ts',
  'test/e2e/examples/soundbox.test.ts',
  'test/service/mirror-faults.test.ts',
  'test/fault/alive.test.ts',
  'test/e2e/sftp-to-bucket.test.ts',
  'test/service/restore.test.ts',
  'test/e2e/examples/bot.test.ts',
  'test/service/schedule.test.ts',
  'test/fault/P1-changes.test.ts',
];

/** Runs the known long files first. Vitest's own order knows how long each file took the last time, which a fresh clone does not. */
export class LongestFirst extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const known = LONGEST.indexOf(relative(this.ctx.config.root, moduleId));
      return known === -1 ? LONGEST.length : known;
    };
    return Promise.resolve(files.toSorted((a, b) => rank(a) - rank(b)));
  }
}
