import Database from 'better-sqlite3';
import { moveMoney } from './ledger.ts';

// Moves money in the ledger that is named, so many times a second, until stdin ends. Says the counter, as JSON,
// ten times a second and after each move that took long.

const [path = '', perSecond = '0'] = process.argv.slice(2);
const rate = Number(perSecond);
const db = new Database(path, { timeout: 60_000 });
db.pragma('synchronous = NORMAL');
db.prepare('SELECT n FROM counter').get(); // opening alone opens nothing
const startedAt = performance.now();
let done = 0;
let longest = 0;
let toldAt = 0;
let ended = false;
process.stdin.resume().once('end', () => (ended = true));

function turn(): void {
  const due = rate === 0 ? done + 20 : Math.floor(((performance.now() - startedAt) / 1000) * rate);
  for (let batch = 0; done < due && batch < 50; batch += 1) {
    const before = performance.now();
    const counter = moveMoney(db);
    const ms = performance.now() - before;
    done += 1;
    if (ms > longest || ms > 50 || before - toldAt > 100) {
      longest = Math.max(longest, ms);
      toldAt = before;
      process.stdout.write(`${JSON.stringify({ counter, at: Date.now(), ms, longestMs: longest })}\n`);
    }
  }
  if (ended) process.exit(0);
  setTimeout(turn, 1);
}
turn();
