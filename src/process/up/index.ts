// The whole fleet on one host: every role as a supervised child, and the private Redis it needs where none is named.
export { up } from './up.ts';
