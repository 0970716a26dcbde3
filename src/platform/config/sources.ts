/** Where an effective setting came from. */
export type SettingSource =
  /** `unset`: the variable that was asked for first. */
  | { readonly kind: 'default'; readonly unset?: string }
  | { readonly kind: 'file'; readonly file: string; readonly line: number }
  /** `file` and `line` where the settings file asked for it; absent where the defaults did. */
  | {
      readonly kind: 'env';
      readonly names: readonly string[];
      readonly file?: string;
      readonly line?: number;
    };

/** The source of every key by its path, `databases[0].cron`; keys that are not written anywhere are missing, and so `default`. */
export type SettingSources = ReadonlyMap<string, SettingSource>;

/** `default`, `default (NAME is not set)`, `wavspool.yaml:12`, `env NAME` or `env NAME (wavspool.yaml:12)`. */
export function describeSource(source: SettingSource): string {
  switch (source.kind) {
    case 'default':
      return source.unset === undefined ? 'default' : `default (${source.unset} is not set)`;
    case 'file':
      return `${source.file}:${source.line}`;
    case 'env': {
      const names = `env ${source.names.join(', ')}`;
      return source.file === undefined ? names : `${names} (${source.file}:${source.line})`;
    }
    default:
      return source satisfies never;
  }
}
