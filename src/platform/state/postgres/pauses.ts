import type { SharedPauses } from '../../../domain/shared-pauses.ts';
import type { Database } from './database.ts';
import { statement } from './statement.ts';

// By the clock of the database: a host whose clock is ahead ends no other host's pause.

const ISO = `'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'`;
const iso = (at: string): string => `to_char((${at}) AT TIME ZONE 'UTC', ${ISO})`;
const READ = statement(
  `SELECT what, pause->>'reason' AS reason, pause->>'since' AS since, pause->>'until' AS until,
     coalesce((pause->>'until')::timestamptz <= clock_timestamp(), false) AS "isOver"
   FROM pauses WHERE site = $1 ORDER BY what`,
);
const SET = statement(
  `INSERT INTO pauses (site, what, pause)
   SELECT $1, what, jsonb_build_object('reason', $3::text, 'since', ${iso('clock_timestamp()')},
     'until', ${iso("clock_timestamp() + $4::float8 * interval '1 millisecond'")})
   FROM unnest($2::text[]) AS what ORDER BY what
   ON CONFLICT (site, what) DO UPDATE SET pause = excluded.pause`,
);
const ADOPT = statement(
  `INSERT INTO pauses (site, what, pause)
   VALUES ($1, $2, jsonb_build_object('reason', $3::text, 'since', $4::text, 'until', $5::text)) ON CONFLICT DO NOTHING`,
);
const REMOVE = statement('DELETE FROM pauses WHERE site = $1 AND what = ANY ($2::text[]) RETURNING what');

/** What operators have paused of a site. */
export function pauseMethods({ query }: Database, site: string): SharedPauses {
  return {
    read: async () => (await query<Awaited<ReturnType<SharedPauses['read']>>[number]>(READ, [site])).rows,
    set: async (what, reason, forMs) => {
      await query(SET, [site, what, reason, forMs ?? null]);
    },
    adopt: async ({ what, reason, since, until }) => {
      await query(ADOPT, [site, what, reason, since, until]);
    },
    remove: async (what) => (await query<{ what: string }>(REMOVE, [site, what])).rows.map((row) => row.what),
  };
}
