import { join } from 'node:path';

/** Where the roles of a data directory answer: `<data>/health`. */
export function healthDirectory(data: string): string {
  return join(data, 'health');
}

/** The first instance of a role answers at `upload.sock`, a second one beside it at `upload.2.sock`. */
export function socketName(role: string, instance: number): string {
  return `${role}${instance === 1 ? '' : `.${instance}`}.sock`;
}

/** The role that a name of this directory is a socket of; undefined for any other name. */
export function roleOfSocket(name: string): string | undefined {
  return /^([a-z]+)(?:\.\d+)?\.sock$/.exec(name)?.[1];
}
