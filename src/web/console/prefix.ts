// Where the console lies on its host, and which site is looked at. Everything else writes its addresses as if it had the whole host to
// itself and there were one site.

const root = document.getElementById('console')?.dataset;
/** What stands before each of our addresses: nothing, or `/wavspool`. */
const prefix = root?.['prefix'] ?? '';
const OF_EVERY_SITE = /^\/(?:login|logout|assets|queues|metrics|api\/sites)(?:[/?]|$)/;

/** An address of ours as the browser takes it: about the site that is looked at, unless it names another. */
export function placed(address: string): string {
  if (!address.startsWith('/')) return address;
  const chosen = new URLSearchParams(location.search).get('site');
  const isToldElsewhere = chosen === null || OF_EVERY_SITE.test(address) || /[?&]site=/.test(address);
  if (isToldElsewhere) return prefix + address;
  const [rest = '', anchor] = address.split('#', 2);
  const about = `${prefix}${rest}${rest.includes('?') ? '&' : '?'}site=${encodeURIComponent(chosen)}`;
  return anchor === undefined ? about : `${about}#${anchor}`;
}

/** A path of the browser's as our screens know it. */
export function ownPath(path: string): string {
  return prefix !== '' && `${path}/`.startsWith(`${prefix}/`) ? path.slice(prefix.length) || '/' : path;
}
