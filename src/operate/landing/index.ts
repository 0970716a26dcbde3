// What lies in the landing directory and is not taken: a listing by reason, for the command line and the API.
export { readLanding, type LandingDeps, type LandingPage, type LandingRow } from './read-landing.ts';
export { landingOf } from './landing-of.ts';
