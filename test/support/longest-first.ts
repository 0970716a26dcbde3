import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The files that take over a minute on two cores, the longest first: what starts last decides when a run ends. */
const LONGEST = [
  'test/fault/P7.test.ts',
  'test/service/rotate-like-logrotate.test.ts',
  'test/e2e/examples/portfolio.test.ts',
  'test/service/export.test.ts',
  'test/fault/P10.test.ts',
  'test/service/snapshot.test.ts',
  'test/service/point-in-time-wal.test.ts',
  'test/service/point-in-time-offsite.test.ts',
  'test/e2e/fleet-guide.test.ts',
  'test/service/side-by-side.test.ts',
  'test/fault/P10-kills.test.ts',
  'test/fault/P2.test.ts',
  'test/fault/P8.test.ts',
  'test/service/point-in-time-idle.test.ts',
  'test/service/point-in-time-pages.test.ts',
  'test/service/role-health.test.ts',
  'test/fault/P7-host.test.ts',
  'test/fault/P1.test.ts',
  'test/service/redis-swaps.test.ts',
  'test/service/redis-failover.test.ts',
  'test/e2e/examples/spaces.test.ts',
  'test/e2e/demo-fleet.test.ts',
  'test/service/console.test.ts',
  'test/service/console-sites.test.ts',
  'test/service/infra/package.test.ts',
  'test/fault/P1-disk.test.ts',
  'test/fault/P1-straight.test.ts',
  'test/service/once-over-hosts.test.ts',
  'test/service/rotate.test.ts',
  'test/service/copies.test.ts',
  'test/service/point-in-time-damage.test.ts',
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
