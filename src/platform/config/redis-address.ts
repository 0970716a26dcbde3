/** What `redis.url` may be. */
export const REDIS_ADDRESS =
  'redis://[user:password@]host[:port][/database], rediss://… or unix:///path/to/socket, with what is no letter of an address (as "@", "/", "#" in a password) written as %40, %2F, %23';

/** Whether an address can be used as it stands: nothing in it is left out in silence. */
export function isRedisAddress(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || /\s/.test(text) || url.search !== '' || url.hash !== '') return false;
  if (![url.username, url.password, url.pathname].every(isDecodable)) return false;
  switch (url.protocol) {
    case 'unix:':
      return url.host === '' && url.pathname.length > 1;
    case 'redis:':
    case 'rediss:':
      return url.hostname !== '' && /^(?:\/\d{0,5})?$/.test(url.pathname);
    default:
      return false;
  }
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false; // a URIError for a "%" that stands for nothing: that is the answer, not a fault
  }
}
