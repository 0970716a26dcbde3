import '../../src/platform/runtime/require-node.js';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf } from '../../src/domain/faults.ts';
import { openBench } from '../support/extraction.ts';
import { extractAndJudge } from '../support/judge-extraction.ts';
import { startOracle } from '../support/tar-oracle.ts';
import { mutate, seededNumbers } from './mutate.ts';

// Mutates the tars in corpus/ for a given time and holds the extraction of each mutant against what must be true of every tar,
// Python's tarfile being the judge of what is in it. What fails is kept, and can be put into corpus/ as a regression.

const CORPUS = join(import.meta.dirname, 'corpus');
const FINDINGS = join(import.meta.dirname, 'findings');
/** A bench is emptied after so many tars: listing what is in it takes longer with each. */
const TARS_PER_BENCH = 200;

const { values } = parseArgs({ options: { seconds: { type: 'string' }, seed: { type: 'string' } } });
const seconds = Number(values.seconds ?? 60);
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
const number = seededNumbers(seed);
const corpus = readdirSync(CORPUS).map((name) => readFileSync(join(CORPUS, name)));
const pick = (): Buffer => corpus[number(corpus.length)] ?? Buffer.alloc(0);

console.log(`fuzzing for ${seconds} s with seed ${seed}, from ${corpus.length} tars`);
const end = performance.now() + seconds * 1000;
const counts = { cases: 0, extracted: 0, refused: 0, findings: 0 };

await using oracle = startOracle();
for (const tar of corpus) await tryOn([tar]); // the corpus itself first: it holds former findings
while (performance.now() < end)
  await tryOn(Array.from({ length: TARS_PER_BENCH }, () => mutate(pick(), pick(), number)));
console.log(
  `${counts.cases} tars: ${counts.extracted} extracted, ${counts.refused} refused as a whole, ${counts.findings} findings`,
);
process.exitCode = counts.findings === 0 ? 0 : 1;

async function tryOn(tars: readonly Buffer[]): Promise<void> {
  await using bench = await openBench();
  bench.limits.maxTotalBytes = 64 * 1024 * 1024;
  for (const tar of tars) {
    if (performance.now() > end) return;
    const path = await bench.land(`${counts.cases}/a.tar`, tar);
    counts.cases += 1;
    try {
      const { fault } = await extractAndJudge(bench, path, await oracle.ask(path));
      if (fault === undefined) counts.extracted += 1;
      else counts.refused += 1;
    } catch (error) {
      counts.findings += 1;
      mkdirSync(FINDINGS, { recursive: true });
      const kept = join(FINDINGS, `seed-${seed}-case-${counts.cases}.tar`);
      writeFileSync(kept, tar);
      console.log(`finding: ${kept}\n${messageOf(error)}\nagain: make fuzz SEED=${seed}`);
    }
  }
}
