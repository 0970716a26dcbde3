// Other sites, asked through their own API.
export { openSiteApi, type SiteApi, type SiteQuestion } from './site-api.ts';
export { failuresOfSite } from './failures-of-site.ts';
