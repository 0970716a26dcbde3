import pg from 'pg';
import type { PostgresAddress } from '../src/platform/config/index.ts';

/** What a ledger on PostgreSQL is filled with. */
interface Filling {
  /** The roles of the first one run: what is PENDING there they would try to upload, so it has none. */
  readonly sites: readonly string[];
  /** Recordings of each site: a hundredth FAILED, of every site but the first a tenth PENDING. */
  readonly recordings: number;
  readonly incoming: string;
  readonly extracted: string;
  /** Events of each site, and minutes of thirty days. */
  readonly events: number;
  readonly minutes: number;
  /** As keys are unique in it. */
  readonly store: string;
}

const EACH = 100;
const BATCH = 16;

interface Index {
  readonly name: string;
  readonly definition: string;
}

/** As a hundred days of calls have left it. Indexes are made after the rows: ten million rows take minutes, not an hour. */
export async function fillLedger(
  { hosts: [at], user, database }: PostgresAddress,
  filling: Filling,
  tell: (line: string) => void,
): Promise<void> {
  const client = new pg.Client({ ...at, user, database });
  await client.connect();
  const run = (text: string, values: readonly unknown[] = []): Promise<pg.QueryResult> =>
    client.query(text, [...values]);
  try {
    await run('SET synchronous_commit = off');
    await run("SET maintenance_work_mem = '512MB'");
    await run("SET session_replication_role = 'replica'"); // the triggers that count: the figures are set below
    const { rows: indexes } = await client.query<Index>(
      `SELECT indexname AS name, indexdef AS definition FROM pg_indexes
       WHERE tablename IN ('uploads', 'extracted_tars', 'events') AND indexname NOT LIKE '%pkey'`,
    );
    for (const { name } of indexes) await run(`DROP INDEX ${name}`);
    for (const site of filling.sites) {
      const pending = site === filling.sites[0] ? 0 : filling.recordings / 10;
      await fillSite(run, filling, site, pending);
      tell(`${site}: ${filling.recordings} rows`);
    }
    for (const { name, definition } of indexes) {
      await run(definition);
      tell(`index ${name}`);
    }
    await run('VACUUM ANALYZE');
  } finally {
    await client.end();
  }
}

async function fillSite(
  run: (text: string, values: readonly unknown[]) => Promise<unknown>,
  { recordings, incoming, extracted, events, minutes, store }: Filling,
  site: string,
  pending: number,
): Promise<void> {
  const tars = Math.ceil(recordings / EACH);
  await run(
    `INSERT INTO uploads (site, wav_path, status, timestamp, error_message, retry_count, cause, tar, member, size, sha256, store, key, etag,
       duration_ms, codec, sample_rate, channels, wav_valid, tar_mtime_ms, batch)
     SELECT $1, $2 || '/day-' || (i / 1000 % 100) || '/call-' || lpad(i::text, 7, '0') || '.wav', status,
       to_char(now() AT TIME ZONE 'UTC' - i / 10000 * interval '1 day' - i % 86400 * interval '1 second', 'YYYY-MM-DD HH24:MI:SS'),
       CASE WHEN status = 'FAILED' THEN 'failed by the bench' END, CASE WHEN status = 'FAILED' THEN 5 ELSE 0 END,
       CASE WHEN status = 'FAILED' THEN CASE WHEN i % 300 = 0 THEN 'rejected' ELSE 'conflict' END END,
       $3 || '/day-' || (i / 1000 % 100) || '/tar-' || i / ${EACH} || '.tar', 'call-' || lpad(i::text, 7, '0') || '.wav', 220000,
       md5(i::text) || md5(i::text), $4, 'bench/' || $1 || '/call-' || lpad(i::text, 7, '0') || '.wav', 'e', i % 600 * 1000,
       CASE WHEN i % 50 = 0 THEN 'alaw' ELSE 'pcm' END, 8000, 1, 1, 1, CASE WHEN status = 'PENDING' THEN i % ${EACH} / ${BATCH} END
     FROM (SELECT i, -- the newest are not uploaded yet
         CASE WHEN i % 100 = 0 THEN 'FAILED' WHEN i < $5::int THEN 'PENDING' ELSE 'SUCCESS' END AS status
       FROM generate_series(0, $6::int - 1) AS i) AS numbered`,
    [site, extracted, incoming, store, pending, recordings],
  );
  await run(
    `INSERT INTO extracted_tars (site, path, timestamp, size, mtime_ms, sha256, recordings, bytes, skipped, refused, wavs, receipt_for,
       receipt_seq, receipts)
     SELECT $1, $2 || '/day-' || (i * ${EACH} / 1000 % 100) || '/tar-' || i || '.tar',
       to_char(now() AT TIME ZONE 'UTC' - i / 100 * interval '1 day', 'YYYY-MM-DD HH24:MI:SS'), 1, 1, h, ${EACH}, 1, 0, 0, ${EACH},
       CASE WHEN i * ${EACH} >= $4::int THEN h END, CASE WHEN i * ${EACH} >= $4::int THEN i + 1 END,
       CASE WHEN i * ${EACH} >= $4::int THEN jsonb_build_array(jsonb_build_object('seq', i + 1, 'key', 'r/' || i, 'sha256', h,
         'tarSha256', h))::text END
     FROM (SELECT i, md5(i::text) || md5(i::text) AS h FROM generate_series(0, $3::int - 1) AS i) AS numbered`,
    [site, incoming, tars, pending],
  );
  await run(
    `INSERT INTO recording_counts (site, pending, pending_bytes, success, failed, failed_tars, tars)
     SELECT $1, count(*) FILTER (WHERE status = 'PENDING'), coalesce(sum(size) FILTER (WHERE status = 'PENDING'), 0),
       count(*) FILTER (WHERE status = 'SUCCESS'), count(*) FILTER (WHERE status = 'FAILED'), 0, $2::bigint FROM uploads WHERE site = $1`,
    [site, tars],
  );
  const seen =
    'SELECT i, (extract(epoch FROM now()) * 1000)::bigint AS present FROM generate_series(1, $2::int) AS i';
  await run(
    `INSERT INTO minutes (site, host, at, uploaded, failed, bytes, backlog, oldest_seconds, free_bytes)
     SELECT $1, 'bench', (present / 60000 - i) * 60000, i % 90, 0, i % 90 * 220000, 0, 0, 1000000000000 FROM (${seen}) AS s`,
    [site, minutes],
  );
  await run(
    `INSERT INTO events (site, host, id, at, level, event, role, about, fields)
     SELECT $1, 'bench', 'bench-' || i, present - ($2::int - i) * 20000, 'info',
       CASE WHEN i % 5000 = 0 THEN 'role started' ELSE 'recording failed' END, 'upload', '/bench/call-' || i || '.wav',
       json_build_object('recording', '/bench/call-' || i || '.wav', 'attempt', 1, 'cause', 'network', 'err',
         json_build_object('message', repeat('x', 300)))::text
     FROM (${seen}) AS s ORDER BY i`,
    [site, events],
  );
}
