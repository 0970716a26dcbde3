// Where the console lies on its host. Everything else writes its addresses as if it had the whole host to itself.

/** What stands before each of our addresses: nothing, or `/wavspool`. */
const prefix = document.getElementById('console')?.dataset['prefix'] ?? '';

/** An address of ours as the browser takes it. */
export function placed(address: string): string {
  return address.startsWith('/') ? prefix + address : address;
}

/** A path of the browser's as our screens know it. */
export function ownPath(path: string): string {
  return prefix !== '' && `${path}/`.startsWith(`${prefix}/`) ? path.slice(prefix.length) || '/' : path;
}
