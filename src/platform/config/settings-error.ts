import { WavspoolError } from '../../domain/faults.ts';

/** One fault of the settings, fit to be printed: it quotes no secret. */
export interface SettingsFault {
  /** `upload.backoff.max`; empty when the file as a whole is at fault. */
  readonly path: string;
  /** The settings file as the operator would name it, or `the defaults` when there is none. */
  readonly file: string;
  readonly line: number | undefined;
  /** What is wrong, in words. */
  readonly problem: string;
  readonly found: string | undefined;
  readonly allowed: string | undefined;
  /** The known key that an unknown one is closest to. */
  readonly nearest: string | undefined;
  /** All of the above in one line. */
  readonly message: string;
}

/** Everything that is wrong with the settings, at once: a line per fault in its message, and the faults as data. */
export class SettingsError extends WavspoolError {
  readonly faults: readonly SettingsFault[];

  constructor(faults: readonly SettingsFault[], options?: ErrorOptions) {
    super('SETTINGS_INVALID', faults.map((fault) => fault.message).join('\n'), options);
    this.faults = faults;
  }
}

/** A fault with its line of text: where, which setting, what is wrong. `note` says what else there is to know. */
export function settingsFault(fault: {
  readonly file: string;
  readonly line?: number | undefined;
  readonly path: string;
  readonly problem: string;
  readonly found?: string | undefined;
  readonly allowed?: string | undefined;
  readonly nearest?: string | undefined;
  readonly note?: string | undefined;
}): SettingsFault {
  const { file, line, path, problem, found, allowed, nearest, note } = fault;
  const details = [
    found === undefined ? problem : `found ${found}`,
    ...(allowed === undefined ? [] : [`allowed: ${allowed}`]),
    ...(nearest === undefined ? [] : [`did you mean ${nearest}?`]),
  ].join(', ');
  const where = [line === undefined ? file : `${file}:${line}`, ...(path === '' ? [] : [path])].join(': ');
  const message = `${where}: ${details}${note === undefined ? '' : ` (${note})`}`;
  return { path, file, line, problem, found, allowed, nearest, message };
}
