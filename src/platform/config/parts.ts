import { isEmbeddedRedis } from './redis-address.ts';
import type { Settings } from './schema.ts';
import type { SettingSources } from './sources.ts';

/** Which parts of wavspool a host uses: only these are demanded of it. */
export interface UsedParts {
  /** Whether recordings land here: then everything is needed. */
  readonly recordings: boolean;
  /** Whether anything goes to a bucket. */
  readonly store: boolean;
  /** Whether work goes through Redis. */
  readonly redis: boolean;
}

const OF_RECORDINGS = /^(?:paths\.(?:incoming|extracted)|(?:arrival|extract|upload|cleanup)(?:\.|\[|$))/;
const OFFSITE = /^(?:databases|mirrors)\b.*\.offsite(?:\.|$)/;

/**
 * A host that names databases, mirrors or logs, and nothing that only recordings need, keeps those alone. A store that it names
 * is one for recordings, unless copies go offsite there; a Redis that it names is used. Where a landing directory is there,
 * recordings land, whatever the settings say: nothing may lie there that no role takes.
 */
export function usedParts(
  { settings, sources }: { readonly settings: Settings; readonly sources: SettingSources },
  hasLandingDirectory: boolean,
): UsedParts {
  const named = [...sources].filter(([, source]) => isFromFile(source)).map(([path]) => path);
  const offsite = named.some((path) => OFFSITE.test(path));
  const keepsAHost =
    settings.databases.length + settings.mirrors.length + settings.logs.length > 0 &&
    !hasLandingDirectory &&
    !named.some((path) => OF_RECORDINGS.test(path)) &&
    (offsite || !named.some((path) => path.startsWith('s3')));
  const recordings = !keepsAHost;
  return {
    recordings,
    store: recordings || offsite,
    redis: recordings || !isEmbeddedRedis(settings.redis),
  };
}

function isFromFile(source: { readonly kind: string; readonly file?: string }): boolean {
  return source.kind === 'file' || source.file !== undefined;
}
