import type { Command } from 'commander';
export function statusCommand(_program: Command): void {}
