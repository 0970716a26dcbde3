import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { openHistory } from '../../../../src/operate/history/index.ts';
import { exerciseHistory } from '../../../contract/exercise-history.ts';

const directory = mkdtempSync(join(tmpdir(), 'wavspool-history-'));
afterAll(() => rmSync(directory, { recursive: true }));

exerciseHistory('the history of a host, in a file', () =>
  openHistory(join(mkdtempSync(join(directory, 'site-')), 'state.db')),
);
