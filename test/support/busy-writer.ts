import Database from 'better-sqlite3';

// A program that owns a database and writes to it all the time: every transaction moves money between two accounts and notes
// it, so the sum stays and the number of notes only grows. `node busy-writer.ts FILE COMMITS_PER_SECOND SECONDS`; prints the
// longest time that a commit took, in ms, and how many there were.

const [file = '', rate = '100', seconds = '10'] = process.argv.slice(2);
const db = new Database(file, { timeout: 10_000 });
const count = db.prepare('SELECT count(*) FROM accounts').pluck().get() as number;
const move = db.prepare('UPDATE accounts SET balance = balance + ? WHERE id = ?');
const note = db.prepare('INSERT INTO moves (amount) VALUES (?)');
const transfer = db.transaction((from: number, to: number, amount: number) => {
  move.run(-amount, from);
  move.run(amount, to);
  note.run(amount);
});

let longestMs = 0;
let commits = 0;
const startedAt = performance.now();
const endAt = startedAt + Number(seconds) * 1000;
process.send?.('writing');
while (performance.now() < endAt) {
  const due = ((performance.now() - startedAt) / 1000) * Number(rate);
  while (commits < due) {
    const before = performance.now();
    transfer(1 + (commits % count), 1 + ((commits * 7 + 3) % count), commits % 100);
    longestMs = Math.max(longestMs, performance.now() - before);
    commits += 1;
  }
  await new Promise((resolve) => setTimeout(resolve, 1));
}
db.close();
process.stdout.write(JSON.stringify({ longestMs: Math.round(longestMs), commits }));
