/** Where a ledger on PostgreSQL is; any of the hosts may be the primary. */
export interface PostgresAddress {
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly user: string;
  readonly password: string | undefined;
  readonly database: string;
  readonly tls: TlsMode | undefined;
}

interface TlsMode {
  readonly isVerified: boolean;
  /** PEM files. */
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/** What the address of such a ledger looks like. */
export const POSTGRES_ADDRESS =
  'postgres://user[:password]@host[:port][,host[:port]…]/database[?sslmode=disable|require|verify-full&sslrootcert=FILE&sslcert=FILE&sslkey=FILE], with what is no letter of an address (as "@", "/", "#" in a password) written as %40, %2F, %23';

const DEFAULT_PORT = 5432;
const ADDRESS =
  /^postgres(?:ql)?:\/\/(?<user>[^:@/?#\s]+)(?::(?<password>[^@/?#\s]*))?@(?<hosts>[^/?#\s@]+)\/(?<database>[^/?#\s]+)(?:\?(?<options>[^#\s]*))?$/;
const HOST =
  /^(?:\[(?<v6>[0-9A-Fa-f:.]+)\]|(?<name>[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?))(?::(?<port>\d{1,5}))?$/;
const OPTIONS: ReadonlySet<string> = new Set(['sslmode', 'sslrootcert', 'sslcert', 'sslkey']);
const MODES: ReadonlySet<string> = new Set(['disable', 'require', 'verify-full']);

/** An address by its parts; undefined where it is none, so that nothing in it is left out in silence. */
export function postgresAddress(text: string): PostgresAddress | undefined {
  const groups = ADDRESS.exec(text)?.groups;
  if (groups === undefined) return undefined;
  const hosts = hostsOf(groups['hosts'] ?? '');
  const [user, password, database] = [groups['user'], groups['password'] ?? '', groups['database']].map(
    decoded,
  );
  const tls = tlsOf(new URLSearchParams(groups['options'] ?? ''));
  if (user === undefined || password === undefined || database === undefined) return undefined;
  if (hosts === undefined || tls === 'unknown') return undefined;
  const isGiven = groups['password'] !== undefined;
  return { hosts, user, password: isGiven ? password : undefined, database, tls };
}

/** Undefined: without TLS. Unknown: what stands there is no such option, or goes with TLS alone. */
function tlsOf(options: URLSearchParams): TlsMode | undefined | 'unknown' {
  const mode = options.get('sslmode') ?? 'disable';
  const names = [...options.keys()];
  if (!names.every((name) => OPTIONS.has(name)) || !MODES.has(mode)) return 'unknown';
  if (mode === 'disable') return names.every((name) => name === 'sslmode') ? undefined : 'unknown';
  const file = (name: string): string | undefined => options.get(name) ?? undefined;
  return {
    isVerified: mode === 'verify-full',
    ca: file('sslrootcert'),
    cert: file('sslcert'),
    key: file('sslkey'),
  };
}

/** The address without its password, for people to read. */
export function shownAddress({ hosts, user, database }: PostgresAddress): string {
  return `postgres://${user}@${hosts.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(',')}/${database}`;
}

/** Undefined where one of them is none. */
function hostsOf(list: string): PostgresAddress['hosts'] | undefined {
  const found = list.split(',').map(hostOf);
  const hosts = found.filter((host) => host !== undefined);
  return hosts.length === found.length ? hosts : undefined;
}

function hostOf(text: string): PostgresAddress['hosts'][number] | undefined {
  const { v6, name, port } = HOST.exec(text)?.groups ?? {};
  const host = v6 ?? name;
  const number = port === undefined ? DEFAULT_PORT : Number(port);
  return host === undefined || number < 1 || number > 65_535 ? undefined : { host, port: number };
}

function decoded(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : decodeURIComponent(text);
  } catch {
    return undefined; // a URIError for a "%" that stands for nothing: that is the answer, not a fault
  }
}
