import htm from 'htm';
import { h, type VNode } from 'preact';
import { placed } from './prefix.ts';

const ADDRESSES = ['href', 'src', 'action'] as const;

/** Markup as a tagged template. What is put into it is text, never markup: names of recordings come from outside. */
export const html = htm.bind(below) as (strings: TemplateStringsArray, ...values: unknown[]) => VNode;

/** An element whose addresses, written as if the console had the whole host, lie below `http.basePath`. */
function below(type: string, props: Record<string, unknown> | null, ...children: Shown[]): VNode {
  if (typeof type !== 'string' || props === null) return h(type, props, ...children);
  const moved = { ...props };
  for (const name of ADDRESSES) {
    const address = moved[name];
    if (typeof address === 'string') moved[name] = placed(address);
  }
  return h(type, moved, ...children);
}

/** What a component shows. */
export type Shown = VNode | string | number | null | undefined | false | readonly Shown[];
