// Every precondition of wavspool on this host, with its verdict and its remedy.
export { examine } from './doctor.ts';
