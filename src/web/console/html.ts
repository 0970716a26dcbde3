import htm from 'htm';
import { h, type VNode } from 'preact';

/** Markup as a tagged template. What is put into it is text, never markup: names of recordings come from outside. */
export const html = htm.bind(h) as (strings: TemplateStringsArray, ...values: unknown[]) => VNode;

/** What a component shows. */
export type Shown = VNode | string | number | null | undefined | false | readonly Shown[];
