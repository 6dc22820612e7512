// A page of the dashboard that is open, and a scrape each second: what a browser and a Prometheus
// ask for, without what they do with it.
import { get } from 'node:http';

const SCRAPED_EVERY_MS = 1_000;
const [dashboard = '', metrics = ''] = process.argv.slice(2);

const isTold = new Promise<void>((resolve) => {
  get(new URL('/events', dashboard), (response) => response.on('data', () => resolve()));
});

const scrape = (): Promise<void> =>
  new Promise((resolve) => {
    get(metrics, { agent: false }, (response) => response.resume().on('end', () => resolve()));
  });

await Promise.all([isTold, scrape()]);
setInterval(() => void scrape(), SCRAPED_EVERY_MS);
process.send?.('looking');
