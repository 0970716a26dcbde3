// The settings file of a host that is new: five answers, and what each of them means.

/** What a first settings file is made of. */
export interface Answers {
  readonly data: string;
  readonly landing: string;
  readonly bucket: string;
  /** Empty: AWS. */
  readonly endpoint: string;
  /** Empty: a Redis that wavspool starts itself. */
  readonly redis: string;
  readonly region: string;
}

/** What is asked on a terminal, in this order. */
export interface Question {
  readonly name: Exclude<keyof Answers, 'region'>;
  readonly text: string;
  /** What an empty answer means, where it is not the value that is offered. */
  readonly empty?: string;
}

export const QUESTIONS: readonly Question[] = [
  { name: 'data', text: 'Where may wavspool keep its own files?' },
  { name: 'landing', text: 'Where do the tars land?' },
  { name: 'bucket', text: 'Which bucket do the recordings go to?' },
  { name: 'endpoint', text: 'At which address is the store?', empty: 'AWS' },
  { name: 'redis', text: 'At which address is Redis?', empty: 'one of its own' },
];

/** The keys of the environment that the settings take the store's credentials from. */
export const CREDENTIALS = ['S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY'] as const;

export const DEFAULTS: Answers = {
  data: './data',
  landing: '<data>/incoming',
  bucket: 'recordings',
  endpoint: '',
  redis: '',
  region: 'us-east-1',
};

/** Where wavspool's own files lie unless told otherwise: beside the settings file, but not among the settings of the host. */
export function dataBeside(file: string): string {
  return file.startsWith('/etc/') ? '/var/lib/wavspool' : DEFAULTS.data;
}

/** The text of the settings file. JSON's strings are YAML's, whatever stands in an answer. Pure. */
export function firstSettings({ data, landing, bucket, endpoint, redis, region }: Answers): string {
  const [id, secret] = CREDENTIALS;
  return `# Written by "wavspool init". What is not named here has its default: "wavspool config show" lists all.

paths:
  # relative paths lie beside this file
  data: ${JSON.stringify(data)}
  incoming: ${JSON.stringify(landing)}

redis:
  # null: a private redis-server below paths.data, started by "wavspool up"
  url: ${redis === '' ? 'null' : JSON.stringify(redis)}

s3:
  bucket: ${JSON.stringify(bucket)}
  # null: AWS
  endpoint: ${endpoint === '' ? 'null' : JSON.stringify(endpoint)}
  region: ${JSON.stringify(region)}
  # from the environment; without both, what AWS's own tools would find counts
  accessKeyId: \${${id}:-}
  secretAccessKey: \${${secret}:-}
`;
}

/** Why an answer cannot stand in a file that others may read; undefined: it can. */
export function whyRefused({ redis }: Answers): string | undefined {
  return URL.parse(redis)?.password
    ? 'it holds a password: put the address into the environment and answer ${REDIS_URL}'
    : undefined;
}
