// Writes and reads through a cluster client of Node.js, and says how that went.
//
//   node cluster_client.mjs ioredis|node-redis CALM_FILE HOST:PORT...
//
// Goes on until CALM_FILE is there, and for some time after. Prints {"operations", "errors", "calm_errors", "wrong"}:
// what was done, what failed before and after that ({MESSAGE: COUNT}), and how many keys were not as written last.
import { existsSync } from 'node:fs';
import { Cluster } from 'ioredis';
import { createCluster } from 'redis';

const [kind, calm_file, ...seeds] = process.argv.slice(2);
const WORKERS = 8;
const KEYS = 200;
const CALM_MS = 2000;
const LIMIT_MS = 60000;

async function connect() {
  const nodes = seeds.map((seed) => {
    const [host, port] = seed.split(':');
    return { host, port: Number(port) };
  });
  if (kind === 'ioredis') {
    const client = new Cluster(nodes);
    client.on('error', () => {}); // told by the calls that fail
    return { set: (k, v) => client.set(k, v), get: (k) => client.get(k), end: () => client.disconnect() };
  }
  const client = createCluster({ rootNodes: nodes.map((node) => ({ socket: node })) });
  client.on('error', () => {});
  await client.connect();
  return { set: (k, v) => client.set(k, v), get: (k) => client.get(k), end: () => client.disconnect() };
}

const client = await connect();
const report = { operations: 0, errors: {}, calm_errors: {}, wrong: 0 };
let end = Date.now() + LIMIT_MS;
let calm = false;
const look = setInterval(() => {
  if (!existsSync(calm_file)) return;
  clearInterval(look);
  calm = true;
  end = Date.now() + CALM_MS;
}, 50);

async function work(worker) {
  for (let i = worker; Date.now() < end; i += WORKERS) {
    const errors = calm ? report.calm_errors : report.errors; // of what was begun then
    try {
      await client.set(`key${i % KEYS}`, String(i));
      await client.get(`key${i % KEYS}`);
      report.operations += 2;
    } catch (error) {
      errors[error.message] = (errors[error.message] ?? 0) + 1;
    }
  }
}

await Promise.all(Array.from({ length: WORKERS }, (_, worker) => work(worker)));
for (let i = 0; i < KEYS; ++i) {
  await client.set(`key${i}`, `last ${i}`);
  if ((await client.get(`key${i}`)) !== `last ${i}`) ++report.wrong;
}
console.log(JSON.stringify(report));
await client.end();
process.exit(0);
