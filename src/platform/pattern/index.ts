// What an operator or a program writes to choose among names: in time that grows with the text alone, whatever the pattern.
export { isLiteral, tarPattern } from './tar-pattern.ts';
export { textPattern } from './text-pattern.ts';
