// Other sites than this host's own: asked through the ledger, or through their own API.
export { routeBySite } from './route-by-site.ts';
