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
  const found = (groups['hosts'] ?? '').split(',').map(hostOf);
  const hosts = found.filter((host) => host !== undefined);
  const [user, password, database] = [groups['user'], groups['password'] ?? '', groups['database']].map(
    decoded,
  );
  const tls = tlsOf(new URLSearchParams(groups['options'] ?? ''));
  if (user === undefined || password === undefined || database === undefined || tls === undefined)
    return undefined;
  if (hosts.length < found.length) return undefined;
  const given = groups['password'] === undefined ? undefined : password;
  return { hosts, user, password: given, database, tls: tls === 'none' ? undefined : tls };
}

/** Undefined: what stands there is not known, or goes with TLS alone. */
function tlsOf(options: URLSearchParams): TlsMode | 'none' | undefined {
  const mode = options.get('sslmode') ?? 'disable';
  const names = [...options.keys()];
  if (!names.every((name) => OPTIONS.has(name)) || !MODES.has(mode)) return undefined;
  if (mode === 'disable') return names.every((name) => name === 'sslmode') ? 'none' : undefined;
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

function hostOf(text: string): { readonly host: string; readonly port: number } | undefined {
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
