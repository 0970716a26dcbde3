import type { Heartbeat } from '../../platform/presence/index.ts';
import type { Finding } from './finding.ts';

/**
 * What `doctor` says of the other sites that are at work in this Redis. Two that share bucket and prefix lose nothing (P5), and `store` is the
 * endpoint, bucket and prefix of this one.
 */
export function sitesFindings(
  others: readonly { readonly site: string; readonly heartbeats: readonly Heartbeat[] }[],
  store: string,
): readonly Finding[] {
  const working = others.filter(({ heartbeats }) => heartbeats.length > 0);
  if (working.length === 0) return [];
  const sharing = working.filter(({ heartbeats }) => heartbeats.some((one) => one.store === store));
  const name = 'other sites';
  if (sharing.length === 0)
    return [{ name, ok: true, found: working.map(({ site }) => site).join(', '), remedy: '' }];
  const names = sharing.map(({ site }) => site).join(', ');
  return [
    {
      name,
      ok: true,
      isAdvice: true,
      found: `${names} ${sharing.length === 1 ? 'uploads' : 'upload'} to ${store} too`,
      remedy:
        'give each site an s3.prefix of its own: nothing is overwritten as it is, and a recording whose key is taken gets another name',
    },
  ];
}
