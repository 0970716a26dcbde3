import { objectAddress } from '../../platform/s3/index.ts';
import type { SiteApi } from '../sites/index.ts';

/** What the API of a site tells of a recording or a tar. */
type Told =
  | (Readonly<Record<string, unknown>> & { readonly kind: 'recording' | 'tar' })
  | { readonly kind: 'unknown'; readonly path: string };

interface Found {
  readonly recordings: readonly { readonly id: string; readonly path: string; readonly key?: string }[];
  readonly tars: readonly { readonly id: string; readonly path: string }[];
}

/** Everything that a site tells of the one recording or tar whose path or key ends in `name`. Throws SITE_AWAY and the site's faults. */
export async function traceThroughApi(api: SiteApi, name: string): Promise<Told> {
  const found = (await api.ask({
    method: 'GET',
    path: `/api/find?${new URLSearchParams({ text: name }).toString()}`,
  })) as Found;
  const key = objectAddress(name)?.key ?? name; // the site has compared the bucket with its own
  const isMeant = (one: { readonly path: string; readonly key?: string }): boolean =>
    one.path === name || one.key === key || one.path.endsWith(name.startsWith('/') ? name : `/${name}`);
  const recording = found.recordings.find(isMeant);
  const tar = found.tars.find(isMeant);
  if (recording !== undefined) return told(api, 'recording', `/api/recordings/${recording.id}`);
  if (tar !== undefined) return told(api, 'tar', `/api/tars/${tar.id}`);
  return { kind: 'unknown', path: name };
}

async function told(api: SiteApi, kind: 'recording' | 'tar', path: string): Promise<Told> {
  return { ...((await api.ask({ method: 'GET', path })) as object), kind };
}
