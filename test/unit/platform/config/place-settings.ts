import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { loadSettings, SettingsError } from '../../../../src/platform/config/index.ts';
import type { Environment, LoadedSettings } from '../../../../src/platform/config/index.ts';

/** A directory with these files in it, for the length of one test. */
export function directoryWith(files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(tmpdir(), 'wavspool-settings-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(directory, name, '..'), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  return directory;
}

/** What a `wavspool.yaml` of this text gives. */
export function load(yaml: string, env: Environment = {}): LoadedSettings {
  return loadSettings({ cwd: directoryWith({ 'wavspool.yaml': yaml }), env });
}

/** The fault that `attempt` must end with. */
export function settingsErrorOf(attempt: () => unknown): SettingsError {
  try {
    attempt();
  } catch (error) {
    if (error instanceof SettingsError) return error;
    throw error;
  }
  throw new Error('the settings were accepted');
}

/** The lines of the faults that a `wavspool.yaml` of this text has. */
export function faultLines(yaml: string, env: Environment = {}): string[] {
  return settingsErrorOf(() => load(yaml, env)).message.split('\n');
}
