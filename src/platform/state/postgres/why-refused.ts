import { errnoOf, messageOf } from '../../../domain/faults.ts';

/** What ends a refusal that no waiting ends, by what was said: a part of the settings, or of the server's. */
const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [
    /no pg_hba\.conf entry .*no encryption/,
    'it takes connections with TLS only: put ?sslmode=verify-full&sslrootcert=FILE behind state.url',
  ],
  [/no pg_hba\.conf entry/, 'let this host, user and database in, in its pg_hba.conf'],
  [
    /self-signed certificate|unable to (?:verify|get)|SELF_SIGNED|UNABLE_TO_/i,
    'sslrootcert in state.url has to name the certificate of the authority that signed the server’s',
  ],
  [
    /ERR_TLS_CERT_ALTNAME_INVALID|does not match certificate/,
    'name the host in state.url as its certificate does, or give it one for that name',
  ],
  [/CERT_HAS_EXPIRED|CERT_NOT_YET_VALID|certificate has expired/i, 'renew the certificate of the server'],
  [/server does not support SSL/, 'set "ssl = on" there; without TLS, take "sslmode" out of state.url'],
  [
    /requires a valid client certificate|certificate authentication failed|alert (?:unknown ca|bad certificate|certificate)/i,
    'sslcert and sslkey in state.url have to name a certificate that the server accepts for this user',
  ],
  [/key values mismatch/, 'sslkey in state.url is not the key of sslcert'],
  [/PEM|bad base64|no start line/, 'the files of sslrootcert, sslcert and sslkey have to be PEM'],
  [/password/, 'correct the user, the password or sslcert in state.url'],
  [/role .* does not exist/, 'make the user there, or name another in state.url'],
  [/database .* does not exist/, 'make the database there (createdb), then run "wavspool state migrate"'],
];

/** How a refusal of PostgreSQL ends, as a clause; undefined for what ends by itself, as an outage does. */
export function remedyOfRefusal(why: unknown): string | undefined {
  const said = `${errnoOf(why) ?? ''} ${messageOf(why)}`;
  return REMEDIES.find(([pattern]) => pattern.test(said))?.[1];
}
